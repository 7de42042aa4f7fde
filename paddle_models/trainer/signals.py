"""Ctrl-C and SIGTERM while a run trains: the step finishes and the checkpoint is written first."""

import signal
from typing import Any


class StopSignals:
    """Inside the `with` block both signals are only noted, in `noted` (0: none); a second Ctrl-C ends at once.

    A second SIGTERM does not: paddle.distributed.launch repeats it after 0.2 s.
    """

    def __init__(self) -> None:
        self.noted = 0
        self._former: dict[int, Any] = {}

    def __enter__(self) -> "StopSignals":
        for number in (signal.SIGINT, signal.SIGTERM):
            self._former[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: Any) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: Any) -> None:
        if number == self.noted == signal.SIGINT:
            raise KeyboardInterrupt
        self.noted = number
