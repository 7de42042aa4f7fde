"""How far something has come: one live line on a terminal, a line now and then in files, pipes and notebooks."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from data_tools.language import said
from data_tools.terminal import columns, fitted, is_live, joined

if TYPE_CHECKING:
    from tqdm import tqdm

FIRST, SPARSEST = 2.0, 60.0  # seconds to the first line where no line is live; most between two, which doubles
OFTEN = 0.1  # seconds between two states of a live line

Item = TypeVar("Item")


def tell(text: str) -> None:
    """Lines on standard output, above a live one."""
    from tqdm import tqdm  # not above: a Python that lacks it is told so

    tqdm.write(text, file=sys.stdout)
    sys.stdout.flush()


class Progress:
    """`with Progress(total, "step") as bar: bar.advance("loss 0.5", ...)`

    A line holds per cent, `what` with its number, time to the end, then what `advance` is told, as much as its width
    takes. total: 0 where nobody knows. shown: False says nothing at all. number: how counts are written. first: seconds
    to the first line where no line is live.
    """

    _open: "list[Progress]" = []  # the innermost last: it has the live line

    def __init__(self, total: int, what: str, shown: bool = True, number: Callable[[int], str] = "{:,}".format,
                 first: float | None = None):
        self.total, self.what, self.shown, self.number = total, what, shown, number
        self.first = FIRST if first is None else first
        self.done = self.start_done = 0
        self._bar: tqdm | None = None
        self.begun(0)

    def begun(self, done: int) -> "Progress":
        """The same, `done` of it behind; time counts from now on."""
        self.done = self.start_done = done
        self.start = self._said = time.monotonic()
        self._wait = self.first
        return self

    def __enter__(self) -> "Progress":
        for other in self._open:
            other._hide()
        self._open.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._hide()
        with suppress(ValueError):
            self._open.remove(self)

    def advance(self, *parts: str, count: int = 1) -> None:
        """So many more; parts: what else is worth a look, the most important first."""
        self.done += count
        if not self.shown or self._open[-1:] != [self]:
            return
        now = time.monotonic()
        live = is_live()
        if now - self._said < (OFTEN if live and self._bar is not None else 0 if live else self._wait):
            return
        self._said = now
        if live:
            self._redraw(fitted(self._parts(parts), columns() - 1))
        else:
            self._wait = min(SPARSEST, max(FIRST, 2 * self._wait))
            tell(joined(self._parts(parts)))

    def eta(self) -> str:
        """Time to the last one at the pace so far, h:mm:ss."""
        pace = (time.monotonic() - self.start) / max(1, self.done - self.start_done)
        seconds = int(pace * max(0, self.total - self.done))
        return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"

    def _parts(self, parts: Iterable[str]) -> list[str]:
        what, done = said(self.what), self.number(self.done)
        if not self.total:
            return [f"{what} {done}", *parts]
        return [f"{min(100, 100 * self.done // self.total)}%", f"{what} {done}/{self.number(self.total)}",
                said(f"ETA {self.eta()}"), *parts]

    def _redraw(self, line: str) -> None:
        from tqdm import tqdm

        if self._bar is None:
            self._bar = tqdm(file=sys.stdout, bar_format="{desc}", leave=False)
        self._bar.set_description_str(line)

    def _hide(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def followed(items: Iterable[Item], total: int, what: str, shown: bool = True) -> Iterator[Item]:
    """The same items, with a Progress that moves as they are taken."""
    with Progress(total, what, shown) as bar:
        for item in items:
            yield item
            bar.advance()


def size(count: int) -> str:
    """A number of bytes for people."""
    unit, name = (1e9, "GB") if count >= 1e9 else (1e6, "MB") if count >= 1e6 else (1e3, "kB")
    return f"{count / unit:.{count < 10 * unit:d}f} {name}"
