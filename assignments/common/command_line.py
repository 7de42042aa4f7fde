"""What commands of the kit share: how they tell of an error that can be mended, how they wait for others that they
started."""

import argparse
import functools
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from assignments.common.interpreter import OURS, which_python
from data_tools.errors import KitError, harmless
from data_tools.language import LANGUAGES, VARIABLE, asked, said, speaking, spoken
from data_tools.pipes import ends_with_its_reader


def add_command(commands: Any, name: str, run: Callable[[argparse.Namespace], int],
                function: Callable | None = None) -> argparse.ArgumentParser:
    """A sub-command of a door, to which options are added; help: the first line of the docstring of `function`, else of
    `run`, which gets the arguments and returns the status."""
    described = (function or run).__doc__ or ""
    command = commands.add_parser(name, help=described.partition("\n")[0], allow_abbrev=False)
    command.set_defaults(function=run)
    return command


def tells_errors(main: Callable[..., int]) -> Callable[..., int]:
    """Decorator of a command line, which returns the exit status: a KitError (2), a package that this Python lacks (2)
    and Ctrl-C (130) are a line on standard error; where nobody reads the output any more (`| head`), the command ends
    without a word (141)."""
    @functools.wraps(main)
    def told(*arguments, **named) -> int:
        words = next((each for each in reversed(arguments) if isinstance(each, (list, tuple))), sys.argv[1:])
        with speaking(asked(words)):
            return _status(functools.partial(main, *arguments, **named))

    return ends_with_its_reader(told)


def _status(main: Callable[[], int]) -> int:
    """Of what was called; errors as tells_errors says."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a notebook's has none
            stream.reconfigure(errors="backslashreplace")  # what a terminal, or UTF-8, cannot show
    try:
        with imports_in_peace():
            return main()
    except KitError as error:
        _tell_error(harmless(error))
        return 2
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", *OURS):
            raise
        _tell_error(which_python(package))
        return 2
    except KeyboardInterrupt:
        print(said("stopped"), file=sys.stderr)
        return 130


def speaks(command: argparse.ArgumentParser, what: str = "language") -> argparse.ArgumentParser:
    """A command with the option that says in which language it speaks, which tells_errors obeys. what: for help."""
    command.add_argument("--lang", choices=LANGUAGES, help=f"{what} (default: {VARIABLE}, else the locale's)")
    return command


def _tell_error(text: str) -> None:
    """On standard error, in the user's language; as wide as the terminal where that is one."""
    told = said("error: ") + "\n".join(map(said, text.split("\n")))
    print(spoken(told) if sys.stderr.isatty() else told, file=sys.stderr)


def first_line(text: str | None) -> str:
    """Of a docstring, which `python -OO` takes away."""
    return (text or "").partition("\n")[0]


@contextmanager
def imports_in_peace() -> Iterator[None]:
    """Ctrl-C in the middle of an import waits for its end: C extensions (Paddle, SciPy) make an ImportError of it.

    Without effect where somebody else, as a surrounding one of these, handles the signal already.
    """
    def interrupt(_number: int, frame: Any) -> None:
        while frame is not None and not frame.f_code.co_filename.startswith("<frozen importlib"):
            frame = frame.f_back
        if frame is None:
            raise KeyboardInterrupt
        signal.setitimer(signal.ITIMER_REAL, 0.01)  # looks again then

    untouched = signal.getsignal(signal.SIGINT) == signal.default_int_handler
    # not Windows
    if not (untouched and threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")):
        yield
        return
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGALRM)}
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def wait_for(processes: Sequence[subprocess.Popen]) -> list[int]:
    """Their exit statuses. Meanwhile SIGTERM is passed on to them; a terminal's Ctrl-C reaches them anyway and is left
    to them."""
    def stop(*_: Any) -> None:
        for process in processes:
            process.terminate()

    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, stop),
              signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: None)}
    try:
        return [process.wait() for process in processes]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
