"""Threads beside the main one, in order and with few things in memory: films are decoded ahead of the network and
encoded behind it.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def ahead(items: Iterable[T], most: int = 2) -> Iterator[T]:
    """The same items, of which a thread makes at most `most` before they are asked for; 0: none, and no thread. What it
    raises comes in its place. Close it (contextlib.closing) to end the thread early."""
    if not most:
        yield from items
        return
    iterator, end = iter(items), object()
    with ThreadPoolExecutor(1) as maker:
        waiting: deque[Future] = deque(maker.submit(next, iterator, end) for _ in range(most))
        try:
            while (item := waiting.popleft().result()) is not end:
                waiting.append(maker.submit(next, iterator, end))
                yield item
        finally:
            maker.shutdown(cancel_futures=True)


class Behind:
    """with Behind() as behind: behind(work, *arguments) has it done by a thread, one after the other; at most `most`
    wait.

    What one of them raises is raised by the next call or at the end of the block; the ones after it are not done. The
    end waits for all of them, unless the block itself raises.
    """

    def __init__(self, most: int = 2):
        self._doer, self._most, self._failed = ThreadPoolExecutor(1), most, False
        self._waiting: deque[Future] = deque()

    def __enter__(self) -> "Behind":
        return self

    def __call__(self, work: Callable[..., Any], *arguments: Any) -> None:
        self._wait(0 if self._failed else self._most - 1)
        self._waiting.append(self._doer.submit(self._do, work, arguments))

    def _do(self, work: Callable[..., Any], arguments: tuple) -> None:
        if self._failed:
            return
        try:
            work(*arguments)
        except BaseException:
            self._failed = True
            raise

    def _wait(self, left: int) -> None:
        """Until at most `left` are waiting; raises what one of them raised."""
        while len(self._waiting) > left:
            self._waiting.popleft().result()

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        try:
            if kind is None:
                self._wait(0)
        finally:
            self._doer.shutdown(cancel_futures=True)
