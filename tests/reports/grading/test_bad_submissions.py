"""Every bad submission is survived, named, and judged by what can still be believed of it."""

import os
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from data_tools.errors import BadFile
from reports.grading.grade_one import Grade, grade
from reports.grading.limits import Limits
from reports.grading.seal import write_seal
from reports.grading.submission import WEIGHTS, peek
from reports.grading.table import rows
from reports.grading.unpack import listing, take
from reports.grading.verdict import PROBLEMS
from tests.reports.grading.bad import EXPECTED, make_bad
from tests.reports.grading.bad_zips import zip_run
from tests.reports.grading.toy import make_toy_run, works


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    return make_toy_run(tmp_path_factory.mktemp("toy") / "good")


def graded(path: Path, scratch: Path, origin: str = "real") -> Grade:
    scratch.mkdir()
    return grade(path, works(origin), scratch, Limits(), "toy")


def test_a_good_folder_and_zips_of_it_get_all_points(good, tmp_path):
    paths = [good, zip_run(good, tmp_path / "root.zip"),
             zip_run(good, tmp_path / "sub.zip", "my run/", **{"__MACOSX/._x": "x"})]
    for number, path in enumerate(paths):
        made = graded(path, tmp_path / f"scratch{number}")
        assert (made.verdict, made.problems, made.score, made.max_score) == ("reproduced", [], 100, 100), path
        assert made.claimed == made.measured and made.n == 60 and made.origin == "real"
    assert made.notes == ["1 files were not read: __MACOSX/._x"]
    assert Grade.from_dict(made.to_dict()) == made


@pytest.mark.parametrize("kind", EXPECTED)
def test_bad_submission_is_survived_and_named(kind, good, tmp_path, capfd):
    if sys.platform == "win32" and ("link" in kind or "pipe" in kind):
        pytest.skip("no links and pipes here")
    problem, verdict = EXPECTED[kind]
    canary = tmp_path / "outside" / "canary"
    canary.parent.mkdir()
    path = make_bad(kind, good, tmp_path / "class", canary)
    before = sorted(tmp_path.rglob("*"))
    made = graded(path, tmp_path / "scratch")
    assert made.verdict == verdict, made
    assert (made.kinds[:1] == [problem] if problem else not made.problems), made.problems
    assert set(made.kinds) <= set(PROBLEMS) and "crashed" not in made.kinds
    assert not list(canary.parent.iterdir()) and not (tmp_path / canary.name).exists()
    written = {file.relative_to(tmp_path).parts[0] for file in set(tmp_path.rglob("*")) - set(before)}
    assert written <= {"scratch"}
    assert str(tmp_path / "scratch") not in str(made.to_dict())  # no path of the grader's machine
    if verdict == "incomplete":
        assert made.score < 100 and not made.criteria[3].passed
    assert capfd.readouterr().err == ""


def test_what_is_not_read_is_listed_and_not_unpacked(good, tmp_path):
    made = graded(zip_run(good, tmp_path / "run.zip", **{"virus.exe": "x", "checkpoints/last.safetensors": "y"}),
                  tmp_path / "s")
    assert made.verdict == "reproduced" and "virus.exe" in made.notes[0]
    assert not list((tmp_path / "s").rglob("virus*")) and not list((tmp_path / "s").rglob("last*"))


def test_a_folder_that_is_replaced_while_it_is_read_is_refused(good, tmp_path):
    run, other = Path(shutil.copytree(good, tmp_path / "run")), Path(shutil.copytree(good, tmp_path / "other"))
    with listing(run, Limits()) as entries:
        (run / "checkpoints").rename(run / "old")
        (run / "checkpoints").symlink_to(other / "checkpoints")
        with pytest.raises(BadFile, match="was replaced while it was read"):
            take(entries[WEIGHTS], tmp_path / "taken", 1 << 20)
    assert not (tmp_path / "taken").exists()


def test_the_assignment_is_seen_without_parsing_where_that_is_cheap(good, tmp_path):
    def seen(path: Path, known: tuple[str, ...] = ("toy",)) -> str | None:
        return peek(path, known, Limits())[0]

    assert seen(good) == seen(zip_run(good, tmp_path / "a.zip")) == seen(zip_run(good, tmp_path / "b.zip",
                                                                                 "my run/")) == "toy"
    assert seen(good, ("monkey_species",)) is None and seen(tmp_path / "absent") is None
    for kind in ("too-many-files", "no-zip", "empty", "two-runs", "path-escape", "symlink-itself", "encrypted"):
        assert seen(make_bad(kind, good, tmp_path / kind)) is None, kind


def test_a_folder_of_many_files_is_not_walked_to_its_end(good, tmp_path, monkeypatch):
    (tmp_path / "many").mkdir()
    for number in range(300):
        (tmp_path / "many" / str(number)).touch()
    (tmp_path / "s").mkdir()
    made = grade(tmp_path / "many", works(), tmp_path / "s", Limits(entries=200), "toy")
    assert made.kinds == ["too-many-files"]


def test_an_incomplete_submission_keeps_what_its_weights_show(good, tmp_path):
    made = graded(make_bad("metrics-too-large", good, tmp_path / "class"), tmp_path / "s")
    points = {line.id: line.points for line in made.criteria}
    assert points == {"whole": 0, "weights": 10, "seal": 5, "consistent": 0, "reproduced": 20, "accuracy": 40}


def test_an_edited_result_loses_what_it_claims_and_keeps_what_was_measured(good, tmp_path):
    made = graded(make_bad("result-edited", good, tmp_path / "class"), tmp_path / "s")
    points = {line.id: line.points for line in made.criteria}
    assert points == {"whole": 10, "weights": 10, "seal": 0, "consistent": 0, "reproduced": 0, "accuracy": 40}
    assert made.compared == {"accuracy": "claim not reproduced"}
    assert set(made.kinds) == {"seal-broken", "inconsistent"}


def test_drawn_data_are_told_by_the_names_of_the_predictions_too(tmp_path):
    run = make_toy_run(tmp_path / "run", "drawn")
    result = (run / "result.json").read_text().replace('"origin": "drawn"', '"origin": "real"')
    (run / "result.json").write_text(result)
    os.remove(run / "files.json")
    made = graded(run, tmp_path / "s", "drawn")
    assert made.kinds == ["drawn-as-real"] and made.verdict == "edited after the run"
    assert made.notes == ["there is no seal (files.json)"]


@pytest.mark.parametrize("data, kinds", [("sample", ["drawn-as-real"]), ("celeba:sample", ["drawn-as-real"]),
                                         ("celeba:mine", [])])
def test_settings_that_draw_pictures_are_no_real_data(good, tmp_path, data, kinds):
    run = shutil.copytree(good, tmp_path / "run")
    config = yaml.safe_load((run / "config.yaml").read_text())
    config["settings"]["data"] = data
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    os.remove(run / "files.json")
    assert graded(run, tmp_path / "s").kinds == kinds


def test_a_drawn_run_that_says_so_is_judged_on_what_the_grader_has(tmp_path):
    run = make_toy_run(tmp_path / "run", "drawn")
    assert graded(run, tmp_path / "a", "drawn").verdict == "reproduced"
    other = graded(run, tmp_path / "b", "real")
    assert any("judged was on real data" in note for note in other.notes) and not other.problems


@pytest.mark.parametrize("of, claimed", [("drawn", "accuracy"), ("subset", "accuracy_elsewhere")])
def test_real_claims_that_the_graders_data_cannot_show_are_not_called_wrong(of, claimed, tmp_path):
    run = make_toy_run(tmp_path / "run")
    result = (run / "result.json").read_text().replace('"accuracy": {', f'"{claimed}": {{')
    (run / "result.json").write_text(result)
    write_seal(run)
    made = graded(run, tmp_path / "s", of)
    assert (made.verdict, made.kinds, made.measured, made.compared) == ("incomplete", ["other-data"], {}, {})
    text = f"the claims are for real data, judged was on {of} data: grade again with --data toy=PATH"
    assert made.problems[0]["message"] == text and text in rows([made])[0][-1]
    assert {line.id: (line.points, line.message["en"] == text) for line in made.criteria} == {
        "whole": (10, False), "weights": (10, False), "seal": (5, False), "consistent": (15, False),
        "reproduced": (0, True),
        "accuracy": (0, True)}


def test_a_part_of_the_real_data_that_shows_the_claims_is_good_enough(tmp_path):
    made = graded(make_toy_run(tmp_path / "run"), tmp_path / "s", "subset")
    assert (made.verdict, made.problems, made.score) == ("reproduced", [], 100)
    assert any("judged was on subset data" in note for note in made.notes)


def test_what_is_no_zip_is_said_once(good, tmp_path):
    whole = zip_run(good, tmp_path / "a.zip").read_bytes()
    for number, content in enumerate((b"hello", whole[:-100], b"")):
        (tmp_path / "a.zip").write_bytes(content)
        made = graded(tmp_path / "a.zip", tmp_path / str(number))
        assert made.problems == [{"kind": "damaged-zip", "message": "a.zip is no zip file, or only a part of one"}]
    assert made.criteria[0].message["zh"] == "zip 文件已损坏：a.zip 不是 zip 文件，或者不完整"


def test_an_error_of_the_judge_itself_is_named(tmp_path, capfd):
    made = graded(make_toy_run(tmp_path / "run", **{"raise": 1}), tmp_path / "s")
    assert made.kinds == ["crashed"] and "IndexError: of the judge" in made.problems[0]["message"]
    assert "Traceback" in capfd.readouterr().err


@pytest.mark.compat
def test_grading_by_the_network_of_this_paddle(tmp_path):
    assert graded(make_toy_run(tmp_path / "run"), tmp_path / "s").score == 100
