"""The notebooks are those of their sources, see the api alone, and run from end to end where AI Studio would."""

import ast
import json
import os
import re
import sys

import pytest

from assignments.common.notebooks import LANGUAGES, SOURCE, as_text, works_with_notebooks
from assignments.common.works import FOLDER, work_names
from data_tools.files.places import PROJECT_ROOT

WORKS = [name for name in ("backprop", "face_attributes", "glasses", "monkey_species", "swift_srgan")
         if name in work_names()]


def test_each_work_has_its_notebooks():
    assert set(WORKS) <= set(works_with_notebooks())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", WORKS)
def test_what_is_committed_is_made_from_the_source_without_outputs(name, language):
    pytest.importorskip("jupytext")
    text = (FOLDER / name / LANGUAGES[language]).read_text(encoding="utf-8")
    assert text == as_text(name, language), "run `python -m assignments notebooks`"
    cells = json.loads(text)["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
    chinese = re.search("[\u4e00-\u9fff]", "".join(cells[0]["source"])) is not None
    assert chinese == (language == "zh") and 15 <= len(cells) <= 40


@pytest.mark.parametrize("name", WORKS)
def test_a_notebook_knows_nothing_of_the_kit_but_its_api(name):
    source = (FOLDER / name / SOURCE).read_text(encoding="utf-8")
    names = {alias.name if isinstance(node, ast.Import) else f"{node.module}.{alias.name}"
             for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.Import, ast.ImportFrom))
             for alias in node.names}
    ours = {each for each in names if each.split(".")[0] in ("assignments", "paddle_models", "data_tools", "reports")}
    assert ours == {"assignments.api"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_constants_that_a_statement_names_stand_in_its_cell(language):
    pytest.importorskip("jupytext")
    cells = ["".join(cell["source"]) for cell in json.loads(as_text("swift_srgan", language))["cells"]]
    (cell,) = [source for source in cells if "def psnr_y" in source]
    assert cell.index("Y_WEIGHTS, Y_OFFSET = ") < cell.index("def psnr_y") < cell.rindex("Y_OFFSET")


def notebook_figures(name):
    return (FOLDER / name / SOURCE).read_text(encoding="utf-8").count("api.figure(")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", WORKS)
def test_a_notebook_runs_from_end_to_end(name, language, tmp_path, monkeypatch):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    here = tmp_path / "data"  # the kit lies in ~/work, as on AI Studio
    here.mkdir()
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "kit").symlink_to(PROJECT_ROOT)
    for key, value in (("HOME", tmp_path), ("KIT_PRESET", "smoke"), ("KIT_RUNS", tmp_path / "runs"),
                       ("JUPYTER_PATH", f"{sys.prefix}/share/jupyter"), ("MPLCONFIGDIR", os.environ.get(
                           "MPLCONFIGDIR", tmp_path / "matplotlib"))):
        monkeypatch.setenv(key, str(value))
    notebook = nbformat.read(FOLDER / name / LANGUAGES[language], as_version=4)
    nbclient.NotebookClient(notebook, timeout=500, kernel_name="python3",
                            resources={"metadata": {"path": str(here)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    texts = "".join(output.get("text", "") for output in outputs)
    assert len(pictures) >= 2 + notebook_figures(name) and "<Figure" not in texts  # two growing curves, the figures
    assert (here / f"{name}.zip").stat().st_size > 1000
    checks = [cell for cell in notebook.cells if "api.check(" in cell.source]
    said = "尚未填写" if language == "zh" else "not filled in yet"
    assert checks and all(said in cell.outputs[0]["text"] for cell in checks)
