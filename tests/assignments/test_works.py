"""What holds of every work, whichever there are; and what is told of a folder with a mistake."""

import importlib
from dataclasses import is_dataclass

import numpy as np
import pytest

from assignments.__main__ import main
from assignments.commands.grade import default_data, rubric_file, rubric_of
from assignments.commands.new import FILL_IN, kinds, write_work
from assignments.common import works
from assignments.common.figure_scripts import script_of
from assignments.common.works import PRESETS, summary, work_names, work_of
from data_tools.errors import KitError
from paddle_models.trainer.settings import from_dict, read_presets

NAMES = work_names()


def presets(name):
    return read_presets(works.FOLDER / name / PRESETS)


@pytest.mark.parametrize("name", NAMES)
def test_a_work_is_named_by_its_folder_and_summarised(name):
    work = work_of(name)
    assert work.name == name and work.folder == works.FOLDER / name
    assert is_dataclass(work.settings) and 0 < len(summary(name)) <= 120
    assert script_of(name).assignment == name and work.metrics


@pytest.mark.parametrize("name", NAMES)
def test_every_preset_makes_settings(name):
    assert "sample" in presets(name)
    for preset, details in presets(name).items():
        assert {"hardware", "time", "expects", "settings"} <= set(details)
        assert is_dataclass(from_dict(work_of(name).settings, details["settings"] or {}, preset))


@pytest.mark.parametrize("name", NAMES)
def test_the_rubrics_have_a_hundred_points(name):
    for data in (default_data(name), "sample"):
        rubric = rubric_of(name, rubric_file(name, data))
        assert (rubric.assignment, rubric.total) == (name, 100)


@pytest.mark.parametrize("name", [name for name in NAMES if work_of(name).has_network])
def test_the_network_answers_an_input_of_the_shape_that_is_stated(name):
    import paddle

    work = work_of(name)
    settings = from_dict(work.settings, (presets(name).get("smoke") or presets(name)["sample"])["settings"] or {}, name)
    network = work.network(settings, work.classes or ("a", "b", "c"))
    network.eval()
    with paddle.no_grad():
        answer = network(paddle.full((2, *work.input_shape(settings)), work.value_range[0]))
    assert answer.shape[0] == 2 and np.isfinite(answer.numpy()).all()
    outputs = work.outputs or work.classes
    assert not outputs or answer.shape[-1] == len(outputs)


BARE = '"""x"""\nfrom assignments.common.work import Work\nclass Mine(Work):\n    """Mine"""\nWORK = Mine()\n'
PRESET = "sample:\n  hardware: any\n  time: 1 second\n  expects: {metric: accuracy, low: 0.5}\n  settings: {}\n"


@pytest.mark.parametrize("run, preset, words", [
    ("def x(:\n", PRESET, "mine/run.py:1: SyntaxError"),
    ("import sys\nfrom nowhere import this\n", PRESET, "mine/run.py:2: ModuleNotFoundError: No module named 'nowhere'"),
    ("x = 1\n\n\ny = x / 0\n", PRESET, "mine/run.py:4: ZeroDivisionError"),
    ("x = 1\n", PRESET, "mine/run.py:1: it has no WORK"),
    (BARE, None, "presets.yaml is missing"),
    (BARE, "- [", "presets.yaml is not valid YAML"),
    (BARE, "[]", "expected presets by their names"),
    (BARE, "sample: {time: 1}", "preset sample lacks expects, hardware, settings"),
    ("WORK = 3\n", PRESET, "it has no WORK"),
    (BARE, PRESET, "Mine says nothing of its data; give it a method find")])
def test_a_folder_with_a_mistake_gets_one_message_with_its_place(folder, capfd, run, preset, words):
    (folder / "mine").mkdir()
    (folder / "mine" / "run.py").write_text(run)
    if preset:
        (folder / "mine" / "presets.yaml").write_text(preset)
    importlib.invalidate_caches()
    assert main(["run", "mine", "--out", str(folder / "out")]) == 2
    said = capfd.readouterr().err
    assert words in said and "mine" in said and "Traceback" not in said and said.count("\n") == 1
    assert main(["list"]) == 0 and "mine" in capfd.readouterr().out


def test_a_mistake_in_one_folder_leaves_the_list_of_the_others(folder, capfd):
    for name, text in (("mine", "def x(:\n"), ("other", '"""Another work: python run.py"""\n')):
        (folder / name).mkdir()
        (folder / name / "run.py").write_text(text)
        (folder / name / "presets.yaml").write_text(PRESET)
    assert main(["list"]) == 0
    said = capfd.readouterr().out
    assert "mine: cannot be taken: " in said and "mine/run.py:1" in said and "other: Another work\n  sample" in said


def test_an_unknown_work_is_told_with_those_that_there_are():
    with pytest.raises(KitError, match="no such work; there are .*backprop"):
        work_of("nothing")


@pytest.mark.parametrize("kind", kinds())
def test_a_new_work_is_one_at_once(folder, kind):
    made = write_work("mine", kind)
    importlib.invalidate_caches()
    text = "".join(file.read_text() for file in made.iterdir())
    assert text.count(FILL_IN) >= 4 and "__NAME__" not in text
    assert work_of("mine").name == "mine" and summary("mine")


@pytest.mark.parametrize("name", ["Mine", "my-work", "9lives", "class", "../mine", ""])
def test_a_name_that_is_none_is_refused(folder, name, capfd):
    assert main(["new", name]) == 2
    assert "a work's name" in capfd.readouterr().err and not list(folder.iterdir())


def test_a_work_that_is_there_is_left_alone(folder, capfd):
    write_work("mine")
    before = {file: file.read_bytes() for file in (folder / "mine").iterdir()}
    assert main(["new", "mine", "--like", "images"]) == 2
    assert "is there already" in capfd.readouterr().err
    assert {file: file.read_bytes() for file in (folder / "mine").iterdir()} == before


@pytest.mark.parametrize("name", ["monkey_species", "face_attributes", "glasses", "swift_srgan"])
def test_the_documents_preset_tells_where_it_departs_in_both_languages(name):
    paper = presets(name)["paper"]
    assert set(paper["departures"]) == {"en", "zh"} and all(paper["departures"].values())
    assert paper["settings"]["amp"] == {"level": "off"}  # no document names mixed precision
