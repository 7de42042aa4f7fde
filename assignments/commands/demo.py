"""`demo`: a page in the browser on which the trained networks are played with; made in assignments/demo."""

import argparse
import importlib.util
import signal
from contextlib import suppress
from typing import Any

from assignments.common.command_line import add_command, speaks
from data_tools.errors import KitError
from data_tools.language import language, show

HERE = ("127.0.0.1", "localhost", "::1")


def add_to(commands: Any) -> None:
    """The command and its options."""
    command = add_command(commands, "demo", demo)
    command.add_argument("--host", default=HERE[0],
                         help="address to listen on; default: 127.0.0.1, this machine alone; 0.0.0.0: everybody")
    command.add_argument("--port", type=int, metavar="N", help="default: the first free one from 7860 on")
    speaks(command, "language of the page")
    command.add_argument("--run", nargs="+", default=[], metavar="RUN",
                         help="finished runs to put first: folders, or works whose best run is meant")


def demo(arguments: argparse.Namespace) -> int:
    """A page to play with: pictures, or the webcam, through the trained networks, in a browser."""
    if importlib.util.find_spec("gradio") is None:
        raise KitError("the page is made by gradio: pip install -r requirements-demo.txt")
    if arguments.port is not None and not 0 < arguments.port < 65536:
        raise KitError(f"--port {arguments.port}: a port is a number from 1 to 65535")
    from assignments.demo.choices import named_runs
    from assignments.demo.page import served

    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # waited for below: Paddle takes handlers away
    with served(language(), arguments.host, arguments.port, named_runs(arguments.run)) as address:
        show(f"{address} (Ctrl-C ends it)")
        if arguments.host not in HERE:
            show("others can reach this page, and there is no password: end it when it is not needed")
        with suppress(KeyboardInterrupt):
            signal.sigwaitinfo({signal.SIGTERM})
    return 0
