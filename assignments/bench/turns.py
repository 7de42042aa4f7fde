"""What a peer (one side of a comparison) is given: turns to work in, and the words for "I cannot".

A turn lasts about `seconds`, at least one unit of work. Between turns the peer waits in a read and uses no CPU.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any


class Absent(Exception):
    """This peer cannot run on this machine; the text says what is missing."""


class Finished(Exception):
    """No more turns are wanted."""


class Turn:
    """One turn: `while turn.lasts(): work; turn.done(units)`."""

    def __init__(self, limit: float, clock: Callable[[], float]):
        self.units, self.seconds = 0, 0.0
        self._limit, self._clock, self._start = limit, clock, clock()

    def lasts(self) -> bool:
        """True until something was done and the time is over."""
        return not self.units or self.seconds < self._limit

    def done(self, units: int) -> None:
        """So many units (images, starts) are finished, down to the last number."""
        self.units += units
        self.seconds = self._clock() - self._start


class Turns:
    """An iterable of turns, talking to harness.py in lines of JSON; ends with Finished.

    seconds: wanted length of a turn. quick: use tiny sizes (structure only). scratch: a folder shared by the peers of a
    case, removed afterwards. A peer may set, before its first turn, `note` (goes into the table's JSON) and `clock`, by
    which its turns are measured: time.process_time counts the seconds of this process's cores and not those of others.
    """

    def __init__(self, seconds: float, quick: bool, scratch: Path, channel: IO[str]):
        self.seconds, self.quick, self.scratch, self.note = seconds, quick, scratch, ""
        self.clock: Callable[[], float] = time.monotonic
        self._channel = channel

    def __iter__(self) -> Iterator[Turn]:
        self.send({"ready": self.note})
        while True:
            cpu, clock = time.process_time(), time.monotonic()
            if not sys.stdin.readline():
                raise Finished
            idle = (time.process_time() - cpu) / max(1e-9, time.monotonic() - clock)
            turn = Turn(self.seconds, self.clock)
            yield turn
            self.send({"units": turn.units, "seconds": turn.seconds, "idle_cpu": round(idle, 4)})

    def send(self, message: dict[str, Any]) -> None:
        """One message to the parent."""
        self._channel.write(json.dumps(message) + "\n")
        self._channel.flush()
