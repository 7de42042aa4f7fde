"""Ctrl-C and SIGTERM while a run trains: the step finishes and the checkpoint is written first."""

import os
import signal
import threading
from typing import Any

from paddle_models.trainer.progress import say

END = b"\0"  # no signal's number

os.register_at_fork(after_in_child=lambda: signal.set_wakeup_fd(-1))  # a child's signals are its own


class StopSignals:
    """Inside the `with` block both signals are only noted, in `noted` (0: none); a second Ctrl-C ends at once.

    They are answered at once, by a thread: Python calls a handler only between two of its own instructions, and a
    backward pass, which is one, may take seconds. A second SIGTERM does not end: paddle.distributed.launch repeats it
    after 0.2 s.
    """

    def __init__(self) -> None:
        self.noted = 0
        self._twice = False  # two that come within one long call reach the handler as one
        self._former: dict[int, Any] = {}
        self._former_fd = self._heard = self._told = -1
        self._answering = threading.Thread()

    def __enter__(self) -> "StopSignals":
        for number in (signal.SIGINT, signal.SIGTERM):
            self._former[number] = signal.signal(number, self._note)
        self._heard, self._told = os.pipe()
        os.set_blocking(self._told, False)  # as signal asks for
        self._former_fd = signal.set_wakeup_fd(self._told, warn_on_full_buffer=False)
        self._answering = threading.Thread(target=self._answer, daemon=True)
        self._answering.start()
        return self

    def __exit__(self, *_: Any) -> None:
        signal.set_wakeup_fd(self._former_fd)
        for number, handler in self._former.items():
            signal.signal(number, handler)
        os.write(self._told, END)
        self._answering.join()
        for end in (self._told, self._heard):
            os.close(end)

    def _note(self, number: int, _frame: Any) -> None:
        if number == signal.SIGINT and (self._twice or self.noted == signal.SIGINT):
            raise KeyboardInterrupt
        self.noted = number

    def _answer(self) -> None:
        """Runs in the thread: a byte comes for each signal."""
        answered: set[int] = set()
        while (received := os.read(self._heard, 1)) != END:
            number = received[0]
            if number == signal.SIGINT:
                self._twice = number in answered
                say("stopping now" if self._twice else "stopping after this step; a second Ctrl-C aborts")
            elif number == signal.SIGTERM and number not in answered:
                say("stopping after this step")
            answered.add(number)
