"""What all finders promise: the variable wins, then the places in their order; else drawn pictures, with a note."""

import re
from dataclasses import dataclass
from functools import partial
from types import ModuleType

import pytest

from data_tools.drawing import celeba_sample, glasses_sample, monkey_sample
from data_tools.errors import KitError
from data_tools.sets import celeba, glasses, monkeys
from data_tools.sets.finder import Finder
from tests.data_tools.sets import test_celeba, test_glasses
from tests.data_tools.small_set import monkey_files, write_folder, write_zip


@dataclass
class Case:
    """files: of a small set. few: what makes the drawn one small."""

    module: ModuleType
    files: dict[str, bytes]
    drawing: ModuleType
    few: dict[str, int]

    @property
    def finder(self) -> Finder:
        return self.module.FINDER


@pytest.fixture(params=["monkeys", "celeba", "glasses"])
def case(request, tmp_path, monkeypatch) -> Case:
    """A finder that looks into first*, then second* of an empty folder, which is the current one."""
    case = {
        "monkeys": lambda: Case(monkeys, monkey_files(), monkey_sample,
                                {"training_per_class": 1, "validation_per_class": 1}),
        "celeba": lambda: Case(celeba, test_celeba.images() | test_celeba.labels(), celeba_sample, {"count": 10}),
        "glasses": lambda: Case(glasses, test_glasses.files(), glasses_sample, {"count": 60}),
    }[request.param]()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(case.finder.variable, raising=False)
    monkeypatch.setenv("KIT_SAMPLES", str(tmp_path / "samples"))
    monkeypatch.setattr(case.finder, "places", ("first*", "second*"))
    draw = f"draw_{case.finder.sample}"
    monkeypatch.setattr(case.drawing, draw, partial(getattr(case.drawing, draw), **case.few))
    return case


def test_nothing_is_found_where_nothing_is(case, tmp_path):
    assert case.finder.find() is None and case.finder.find("") is None
    (tmp_path / "first").mkdir()
    (tmp_path / "first.zip").write_bytes(b"cut short")
    assert case.finder.find() is None


def test_places_are_looked_into_in_their_order(case, tmp_path):
    write_folder(tmp_path / "second-set", case.files)
    assert "second-set" in case.finder.find().path
    write_zip(tmp_path / "first-set.zip", case.files)
    data = case.finder.find()
    assert data.path.endswith("first-set.zip") and data.origin == "subset"
    assert case.finder.find_or_draw().path == data.path and not (tmp_path / "samples").exists()


def test_the_variable_comes_before_the_places_and_a_path_before_the_variable(case, tmp_path, monkeypatch):
    write_folder(tmp_path / "first", case.files)
    monkeypatch.setenv(case.finder.variable, str(write_zip(tmp_path / "named/set.zip", case.files)))
    assert case.finder.find().path == case.finder.find_or_draw().path == str(tmp_path / "named/set.zip")
    given = write_folder(tmp_path / "given", case.files)
    assert str(given) in case.finder.find(given).path and str(given) in case.finder.find_or_draw(str(given)).path


def test_the_home_folder_is_meant_by_a_tilde(case, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    write_folder(tmp_path / "home/set", case.files)
    assert str(tmp_path / "home/set") in case.finder.find("~/set").path
    monkeypatch.setattr(case.finder, "places", ("~/s*",))
    assert str(tmp_path / "home/set") in case.finder.find().path


def test_a_path_that_was_given_must_hold_the_set(case, tmp_path, monkeypatch):
    write_folder(tmp_path / "first", case.files)
    finder, wanted = case.finder, r"\. Wanted: " + re.escape(case.finder.wanted)
    with pytest.raises(KitError, match=rf"no data at .*nowhere: there is no such file or folder{wanted}"):
        finder.find(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(KitError, match=rf"empty holds no {finder.name}{wanted}"):
        finder.find_or_draw("empty")
    (tmp_path / "cut.zip").write_bytes(b"cut short")
    monkeypatch.setenv(finder.variable, "cut.zip")
    with pytest.raises(KitError, match=r"cut\.zip cannot be opened as a zip archive"):
        finder.find()


def test_drawn_pictures_are_the_last_resort_and_a_note_says_so(case, tmp_path):
    finder = case.finder
    data = finder.find_or_draw()
    assert data.origin == "drawn" and data.path.startswith(str(tmp_path / f"samples/drawn-{finder.sample}"))
    assert data.notes[0] == (f"no {finder.pictures} found: DRAWN pictures are used; name real ones with --data PATH "
                             f"(looked in ${finder.variable}, first*, second*)")
    assert finder.find_or_draw("sample").notes == data.notes[1:]  # asked for
    (tmp_path / f"samples/drawn-{finder.sample}").rename(tmp_path / "first-drawn")
    assert finder.find() is None and finder.find("first-drawn").origin == "drawn"


def test_the_usual_places_of_the_project_are_told_once(case, monkeypatch):
    monkeypatch.undo()
    project = [place for place in case.finder.places if place.startswith(str(monkeys.places.data()))]
    assert len(project) == 1 and case.finder.places[0] == "data/" + project[0].rsplit("/", 1)[1]
