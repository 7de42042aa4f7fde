"""Where a data set lies: at a given path, where a variable of the environment says, in the usual places; else drawn."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from data_tools.errors import KitError
from data_tools.files.places import PROJECT_ROOT, expand, real_places
from data_tools.sets.samples import draw_sample


class DataSet(Protocol):
    """What is found: a frozen dataclass. origin: "real" (all of the public set), "subset" or "drawn"."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def origin(self) -> str: ...

    @property
    def path(self) -> str: ...

    @property
    def notes(self) -> tuple[str, ...]: ...


Found = TypeVar("Found", bound=DataSet)


@dataclass
class Finder(Generic[Found]):
    """The one way in which all data sets are looked for.

    name, pictures: the set and what is in it, as messages call them. wanted: what a place has to hold.
    sample: the drawn stand-in, one of samples.SAMPLES.
    variable: of the environment; it comes before all places. places: patterns, in this order; ~ is the home folder.
    read: called as read(place, strict), gives the set or None where there is none; what is damaged or half there is
    a KitError if strict, else it counts for nothing. Files that contradict each other always are one.
    others: what a path may begin with that is no place, and what reads the rest of it.
    """

    name: str
    pictures: str
    wanted: str
    sample: str
    variable: str
    places: Sequence[str]
    read: Callable[[Path, bool], Found | None]
    others: Mapping[str, Callable[[str], Found]] = field(default_factory=dict)

    def find(self, path: str | Path | None = None) -> Found | None:
        """The set at `path`, else at the variable's, else in the first place that holds one not drawn; None without.

        KitError where a path that was given, by the variable too, holds none.
        """
        given = str(path or os.environ.get(self.variable) or "")
        if given:
            return self._at(given)
        found = (self.read(place, False) for place in real_places(self.places))
        return next((data for data in found if data is not None and data.origin != "drawn"), None)

    def find_or_draw(self, data: str = "") -> Found:
        """As find(data); "sample", or nothing found, which a note tells, gives the drawn stand-in."""
        found = None if data == "sample" else self.find(data)
        if found is not None:
            return found
        drawn = self._at(str(draw_sample(self.sample)))
        return drawn if data == "sample" else as_last_resort(drawn, self.pictures, self.variable, self.places)

    def _at(self, given: str) -> Found:
        for beginning, read in self.others.items():
            if given.startswith(beginning):
                return read(given[len(beginning):])
        place = expand(given)
        if not place.exists():
            raise KitError(f"no data at {place}: there is no such file or folder. Wanted: {self.wanted}")
        data = self.read(place, True)
        if data is None:
            raise KitError(f"{place} holds no {self.name}. Wanted: {self.wanted}")
        return data


def as_last_resort(drawn: Found, pictures: str, variable: str, places: Sequence[str]) -> Found:
    """The drawn set with a first note on why it is taken: `pictures` were found in no place."""
    looked = ", ".join(place for place in places if not place.startswith(str(PROJECT_ROOT)))
    note = (f"no {pictures} found: DRAWN pictures are used; name real ones with --data PATH "
            f"(looked in ${variable}, {looked})")
    return replace(drawn, notes=(note, *drawn.notes))
