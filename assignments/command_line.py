"""What commands of the kit share: how they tell of an error that can be mended, how they wait for others that they started."""

import functools
import signal
import subprocess
import sys
from typing import Callable, List, Sequence

from data_tools.errors import KitError


def tells_errors(main: Callable[..., int]) -> Callable[..., int]:
    """Decorator of a command line, which returns the exit status: a KitError (2) and Ctrl-C (130) are a line on standard error."""
    @functools.wraps(main)
    def told(*arguments, **named) -> int:
        try:
            return main(*arguments, **named)
        except KitError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            print("stopped", file=sys.stderr)
            return 130

    return told


def wait_for(processes: Sequence[subprocess.Popen]) -> List[int]:
    """Their exit statuses. Meanwhile SIGTERM is passed on to them; a terminal's Ctrl-C reaches them anyway and is left to them."""
    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, lambda *_: [process.terminate() for process in processes]),
              signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: None)}
    try:
        return [process.wait() for process in processes]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
