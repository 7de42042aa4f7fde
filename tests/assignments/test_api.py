"""The page on Python is run as it stands; what the functions give and refuse."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from assignments import api
from data_tools.errors import KitError
from data_tools.files.places import PROJECT_ROOT

DOCS = PROJECT_ROOT / "docs"


def blocks(file):
    return re.findall(r"```python\n(.*?)```", (DOCS / file).read_text(encoding="utf-8"), re.DOTALL)


def test_the_page_runs_and_is_the_same_in_chinese(tmp_path):
    assert blocks("api.md") == blocks("api.zh.md")
    done = subprocess.run([sys.executable, "-c", "\n".join(blocks("api.md"))], cwd=tmp_path, capture_output=True,
                          text=True, env={**os.environ, "KIT_RUNS": str(tmp_path), "PYTHONPATH": str(PROJECT_ROOT)})
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-3:]
    assert last[0].count("'") == 6 and last[1].startswith("[") and last[2] == "(160, 120, 3)"
    assert f"{tmp_path}/glasses/" in done.stdout and " 0.002 {" in done.stdout and "'accuracy'" in done.stdout
    assert (tmp_path / "calibration.png").stat().st_size > 10_000


@pytest.mark.parametrize("file", ["api.md", "api.zh.md"])
def test_the_page_names_every_function(file):
    text = (DOCS / file).read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)\(", text, re.MULTILINE)) == set(api.__all__) and len(api.__all__) < 10
    assert all(getattr(api, name).__doc__ for name in api.__all__)


def test_importing_it_imports_nothing_heavy():
    code = "import sys; from assignments import api; print({'paddle', 'cv2', 'matplotlib', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr


def test_a_network_answers_paths_arrays_and_lists_alike(tmp_path):
    from PIL import Image

    picture = np.random.default_rng(0).integers(0, 256, (218, 178, 3)).astype("uint8")
    Image.fromarray(picture).save(tmp_path / "a.png")
    faces = api.load("face_attributes")
    one, several = faces(tmp_path / "a.png"), faces([picture, str(tmp_path / "a.png"), picture / 255])
    assert one.shape == (40,) == (len(faces.classes),) and several.shape == (3, 40)
    assert np.array_equal(several[0], several[1]) and np.allclose(one, several, atol=1e-5) and 0 < one.min() < 1


@pytest.mark.parametrize("call, said", [
    (lambda: api.load("glases"), "there is no such work"),
    (lambda: api.load("backprop"), "no network"),
    (lambda: api.load("swift_srgan"), r"take enlarge\(\)"),
    (lambda: api.load("face_attributes", "missing.safetensors"), "neither an assignment"),
    (lambda: api.enlarge("missing.png"), "missing.png: No such file"),
    (lambda: api.enlarge(np.zeros((4, 4))), r"float64 \(4, 4\)"),
    (lambda: api.train("glasses", epohs=1), "did you mean --epochs"),
    (lambda: api.train("glasses", "smok"), "did you mean smoke|no such preset"),
    (lambda: api.read_run("missing"), "neither an assignment"),
])
def test_what_is_wrong_is_said_as_on_the_command_line(call, said):
    with pytest.raises(KitError, match=said):
        call()


def test_a_function_of_an_exercise_is_tried_in_place():
    def normalise(image):
        return np.moveaxis(image / 127.5 - 1, -1, 0)

    assert api.check("monkey_species", normalise) == "right, on the public example"

    def normalise(image):
        return image / 255

    assert "shape" in api.check("monkey_species", normalise)

    def sigmoid(z):
        raise NotImplementedError

    assert api.check("backprop", sigmoid, "zh") == "尚未填写"

    def sigmoid(z):
        return 1 / (1 + missing)  # noqa: F821

    assert api.check("backprop", sigmoid).startswith("NameError")
    with pytest.raises(KitError, match="no exercise of glasses"):
        api.check("glasses", sigmoid)


def test_what_is_missing_is_installed_with_a_line(monkeypatch, capsys):
    from assignments.common import packages

    assert packages.missing() == []
    monkeypatch.setattr(packages, "_is_installed", lambda name: name not in ("av", "pytest", "paddlepaddle"))
    assert packages.missing() == ["av<18,>=17"]  # a Paddle for GPUs counts, tools for tests do not
    ran = []
    monkeypatch.setattr(packages.subprocess, "run", lambda command, **_: ran.append(command) or
                        packages.subprocess.CompletedProcess(command, 1, "", "no network"))
    with pytest.raises(KitError, match="no network; install them by hand"):
        packages.install_missing()
    assert ran[0][1:] == ["-m", "pip", "install", "-q", "av<18,>=17"] and "installing av" in capsys.readouterr().out
