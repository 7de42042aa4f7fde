"""One training in two processes with a thread each, joined by gloo as `paddle.distributed.launch` joins them.

The peer itself is the first process and takes the turns; the second one (this module as a program) keeps step with it.
"""

import math
import os
import socket
import subprocess
import sys
import threading
import time
import zlib  # noqa: F401  before Paddle: 2.6.2 carries its own zlib symbols
from collections.abc import Iterator
from pathlib import Path

from assignments.bench.turns import Turn, Turns
from data_tools.files.places import PROJECT_ROOT

WORLD = 2


def kit_in_two(name: str, turns: Turns) -> None:
    """The kit's trainer in two processes, each with half of the batch; `name` is a workload of training.py."""
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        endpoints = [f"127.0.0.1:{free.getsockname()[1]}" for free in (first, second)]
    os.environ.update(_rank(0, endpoints))  # before anything of the kit and Paddle is imported
    other = subprocess.Popen([sys.executable, "-m", "assignments.bench.processes", name,
                              "quick" if turns.quick else "full",
                              str(turns.scratch)], cwd=PROJECT_ROOT, env={**os.environ, **_rank(1, endpoints)},
                             stdin=subprocess.PIPE)
    try:
        from assignments.bench.training import kit

        kit(name, turns)
    finally:
        other.kill()
        other.wait()


def _rank(number: int, endpoints: list[str]) -> dict[str, str]:
    """What paddle.distributed.launch tells a process."""
    return {"PADDLE_TRAINER_ID": str(number), "PADDLE_TRAINERS_NUM": str(WORLD), "PADDLE_LOCAL_SIZE": str(WORLD),
            "PADDLE_MASTER": endpoints[0], "PADDLE_CURRENT_ENDPOINT": endpoints[number],
            "PADDLE_TRAINER_ENDPOINTS": ",".join(endpoints), "PADDLE_DISTRI_BACKEND": "gloo"}


class Follower(Turns):
    """A single endless turn: the barrier before each step (TurnData) keeps the pace of the first process."""

    def __iter__(self) -> Iterator[Turn]:
        yield Turn(math.inf, time.monotonic)


def _leave_with_the_first() -> None:
    sys.stdin.read()  # until the first process has closed it or is gone
    os._exit(0)


def main() -> None:
    """The second process."""
    name, size, scratch = sys.argv[1:]
    threading.Thread(target=_leave_with_the_first, daemon=True).start()
    from assignments.bench.training import kit

    kit(name, Follower(0.0, size == "quick", Path(scratch), sys.stdout))


if __name__ == "__main__":
    main()
