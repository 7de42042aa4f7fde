"""The exercises as they are graded: full marks for the reference, none for an empty file, mistakes told by name, and
nothing for ten forgeries."""

import re
import shutil
import sys
import zipfile
from dataclasses import replace

import pytest

from assignments.backprop import student

if sys.platform != "linux":
    pytest.skip("a student's code runs on Linux only", allow_module_level=True)

from assignments.backprop.exercises import EXERCISES, TEXTS
from reports.grading.exercises import grade_exercises, holds_exercises
from reports.grading.limits import CodeLimits, Limits
from reports.grading.mistakes import TEXTS as COMMON

QUICK = CodeLimits(seconds=3, memory_mb=256)


@pytest.fixture(scope="module")
def solution(tmp_path_factory):
    folder = tmp_path_factory.mktemp("solution")
    student.write_student(folder, solution=True)
    return folder


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    folder = tmp_path_factory.mktemp("opened")
    student.write_student(folder)
    return folder


def graded(folder, *names, seed=3, **more):
    """The grade of a submission, of these exercises only where some are named."""
    wanted = [each for each in EXERCISES.exercises if not names or each.name in names]
    return grade_exercises(folder, replace(EXERCISES, exercises=wanted, seed=seed, **more), "ann", code_limits=QUICK)


def with_text(folder, target, file, before, after):
    """A copy of `folder` in which `file` reads otherwise."""
    shutil.copytree(folder, target)
    text = (target / f"{file}.py").read_text(encoding="utf-8")
    assert before in text
    (target / f"{file}.py").write_text(text.replace(before, after, 1), encoding="utf-8")
    return target


def test_the_reference_gets_all_points_and_the_empty_one_none(solution, opened, tmp_path):
    assert sum(each.points for each in EXERCISES.exercises) == 100
    for seed in (0, 1):
        made = graded(solution, seed=seed)
        assert (made.score, made.max_score, made.verdict, made.problems) == (100, 100, "graded", [])
    assert {line.message["zh"] for line in made.criteria} == {"正确"}
    empty = graded(opened)
    assert empty.score == 0 and {line.message["en"] for line in empty.criteria} == {"not filled in yet"}
    shutil.make_archive(str(tmp_path / "ann"), "zip", solution.parent, solution.name)  # in a folder of its own
    assert graded(tmp_path / "ann.zip").score == 100


def test_seeds_and_students_get_numbers_of_their_own(solution):
    from reports.grading.exercises import _Session

    drawn = []
    for seed, per_student, name in ((0, False, "ann"), (0, False, "ben"), (0, True, "ann"), (0, True, "ben")):
        session = _Session(replace(EXERCISES, seed=seed, per_student=per_student), None, name, {}, Limits())
        drawn.append(session.student)
    assert drawn[0] == drawn[1] and len(set(drawn[1:])) == 3


def test_parts_that_are_missing_or_cannot_be_imported_cost_only_themselves(solution, tmp_path):
    folder = with_text(solution, tmp_path / "a", "descent", "def sgd(", "def sgd((")
    made = {line.id: line for line in graded(folder, "sigmoid", "sgd").criteria}
    assert made["backprop.sigmoid"].points == 3 and made["descent.sgd"].points == 0
    assert re.search(r"descent.py line \d+: SyntaxError", made["descent.sgd"].message["en"])
    (folder / "descent.py").unlink()
    made = {line.id: line for line in graded(folder, "sigmoid", "sgd").criteria}
    assert made["descent.sgd"].message == {"en": "descent.py is missing", "zh": "缺少 descent.py"}


MISTAKES = [  # function, what stands there, what the student writes, key of the text, share of the points
    ("layer_gradient", "return x.T @ delta, delta.sum(axis=0)", "return x.T @ delta / len(x), delta.mean(axis=0)",
     "mean", 0.15),
    ("layer_gradient", "return x.T @ delta, delta.sum(axis=0)", "return delta.T @ x, delta.sum(axis=0)", "transposed",
     0),
    ("layer_gradient", "return x.T @ delta, delta.sum(axis=0)", "return x.T @ delta", "list", 0),
    ("layer_gradient", "return x.T @ delta", "return x @ delta", "matmul", 0),
    ("hidden_delta", "(delta @ w.T) * slope", "delta @ w.T", "slope-forgotten", 0.15),
    ("hidden_delta", "(delta @ w.T) * slope", "(delta @ w) * slope", "not-transposed", 0.15),
    ("squared_error_delta", "return (o - t) * o * (1.0 - o)", "return o - t", "slope-forgotten", 0.15),
    ("squared_error_delta", "return (o - t) *", "return (t - o) *", "sign", 0.15),
    ("cross_entropy_delta", "return o - t", "return (o - t) * o * (1 - o)", "slope-too-much", 0.15),
    ("cross_entropy_delta", "return o - t", "o -= t\n    return o", "changed", 0.75),
    ("sigmoid_slope", "return h * (1.0 - h)", "return sigmoid(h) * (1 - sigmoid(h))", "slope-of-z", 0.15),
    ("sigmoid", "return np.where(z >= 0, 1.0, e) / (1.0 + e)", "return 1 / (1 + np.exp(-z))", "overflow", 0.75),
    ("sigmoid", "return np.where(z >= 0, 1.0, e) / (1.0 + e)",
     "return (np.where(z >= 0, 1.0, e) / (1.0 + e)).astype(np.float32)", "float32", 0.95),
    ("sigmoid", "return np.where(z >= 0, 1.0, e) / (1.0 + e)", "return z", "input", 0),
    ("sigmoid", "return np.where(z >= 0, 1.0, e) / (1.0 + e)", "return np.full(z.shape, 0.5)", "constant", 0),
    ("softmax", "z - z.max(axis=-1, keepdims=True)", "z", "overflow", 0.75),
    ("softmax", "return e / e.sum(axis=-1, keepdims=True)", "return e / e.sum(axis=0)", "wrong", 0.15),
    ("softmax", "return e / e.sum(axis=-1, keepdims=True)", "return np.exp(z) / np.exp(z).sum(axis=0)", "axis", 0.15),
    ("squared_error", "0.5 * ((o - t) ** 2)", "((o - t) ** 2)", "double", 0.15),
    ("squared_error", ".sum(axis=-1)", ".sum()", "all-summed", 0),
    ("squared_error", ".sum(axis=-1)", ".mean(axis=-1) * 2", "mean-outputs", 0.15),
    ("logistic_loss", ".sum(axis=-1)", ".sum(axis=-1) / np.log(2)", "log2", 0.15),
    ("logistic_loss", "return (np.maximum(z, 0.0) - z * t + np.log1p(np.exp(-np.abs(z)))).sum(axis=-1)",
     "return -(t * np.log(sigmoid(z))).sum(axis=-1)", "one-term", 0.15),
    ("softmax_cross_entropy", "return (t * (log_sum - z)).sum(axis=-1)", "return (t * (log_sum - z)).sum(axis=-1) / "
     "np.log(10)", "log10", 0.15),
    ("softmax_cross_entropy", "return (t * (log_sum - z)).sum(axis=-1)", "return -(t * softmax(z)).sum(axis=-1)",
     "no-log", 0.15),
    ("numerical_gradient", "(loss(up) - loss(down)) / (2.0 * step)", "(loss(up) - loss(w)) / step", "one-sided", 0.15),
    ("numerical_gradient", "/ (2.0 * step)", "/ step", "double", 0.15),
    ("Network.forward", "self.hidden.function(values[-1] @ w + b)", "self.hidden.function(values[-1] @ w)", "wrong",
     0.15),
    ("Network.forward", "return [*values, values[-1] @ w + b]",
     "return [*values, self.output.function(values[-1] @ w + b)]", "last-activated", 0.15),
    ("Network.gradients", " / len(x)", "", "gradients-summed", 0.15),
    ("Network.gradients", "self.hidden.slope(below)", "np.ones_like(below)", "slope-forgotten", 0.15),
    ("momentum", 'state["v"] = mu * state.get("v", 0.0) - lr * gradient\n    return w + state["v"]',
     'state["v"] = mu * state.get("v", 0.0) + gradient\n    return w - lr * state["v"]', "paddle-momentum", 0.15),
    ("momentum", 'state.get("v", 0.0)', "0.0", "no-memory", 0.15),
    ("sgd", "return w - lr * gradient", "return w + lr * gradient", "uphill", 0.15),
    ("sgd", "return w - lr * gradient", "w -= lr * gradient\n    return w", "changed", None),
    ("adagrad", "over_root(gradient, state[\"s\"])", "gradient / np.sqrt(state[\"s\"])", "0/0", 0.75),
    ("adagrad", "over_root(gradient, state[\"s\"])", "gradient / (np.sqrt(state[\"s\"]) + 1e-6)",
     "paddle-epsilon", 0.15),
    ("rmsprop", "(1.0 - gamma) * gradient**2", "gradient**2", "no-complement", 0.15),
    ("adam", "over_root(m_hat, r_hat + epsilon)", "m_hat / (np.sqrt(r_hat) + epsilon)", "epsilon-outside", 0.15),
    ("adam", "over_root(m_hat, r_hat + epsilon)", "over_root(state[\"m\"], state[\"r\"] + epsilon)",
     "no-correction", 0.15),
    ("adam", 'state.get("t", 0) + 1', 'state.get("t", -1) + 1', "from-zero", 0.15),
    ("adam", 'm_hat = state["m"] / (1.0 - beta1 ** state["t"])', 'm_hat = state["m"] / (1.0 - beta1 ** state["t"])\n'
     '    r_hat = state["r"]; return w - lr * m_hat / np.sqrt(r_hat + epsilon)', "one-correction", 0.15),
    ("mini_batches", "rng.permutation(n)", "np.random.permutation(n)", "global", 0.75),
    ("mini_batches", "rng.permutation(n)", "np.random.default_rng(0).permutation(n)", "own-generator", 0),
    ("mini_batches", "rng.permutation(n)", "np.random.default_rng().permutation(n)", "unseeded", 0.75),
    ("mini_batches", "rng.permutation(n)", "np.arange(n)", "own-generator", 0),
    ("mini_batches", "rng.permutation(n)", "rng.integers(0, n, n)", "replacement", 0.15),
    ("mini_batches", "range(0, n, size)]", "range(0, n - size + 1, size)]", "last-dropped", 0.1),
    ("dl_dw32", "h[:, 2] * (o[:, 1] - t[:, 1])", "o[:, 1] - t[:, 1]", "without-h", 0.15),
    ("dl_dw32", "h[:, 2]", "h[:, 1]", "other-unit", 0.15),
    ("train_digits", "32, 30, rng", "32, 1, rng", "learns-little nearly", None),
    ("sigmoid", "return np.where(z >= 0, 1.0, e) / (1.0 + e)", "return [1.0]", "list", 0),
    ("sigmoid", "return np.where(z >= 0, 1.0, e) / (1.0 + e)", "pass", "nothing", 0),
]


@pytest.mark.parametrize("name, before, after, key, share", MISTAKES, ids=lambda value: str(value)[:30])
def test_typical_mistakes_are_told_by_name_in_both_languages(name, before, after, key, share, solution, tmp_path):
    each = next(each for each in EXERCISES.exercises if each.name == name)
    text = (solution / f"{each.file}.py").read_text(encoding="utf-8")
    start = text.index(f"def {name.split('.')[-1]}(")
    place = text.index(before, start)
    folder = tmp_path / "work"
    shutil.copytree(solution, folder)
    (folder / f"{each.file}.py").write_text(text[:place] + after + text[place + len(before):], encoding="utf-8")
    [line] = graded(folder, name).criteria
    told = [(TEXTS | COMMON)[each] for each in key.split()]
    assert any(line.message["en"].find(english) >= 0 and line.message["zh"].find(chinese) >= 0
               for english, chinese in told), line
    assert not line.passed and line.points < line.max
    if share is not None:
        assert line.points == pytest.approx(each.points * share, abs=0.006), line


def test_mistakes_that_are_told_are_many():
    assert len({key for *_, key, _ in MISTAKES}) >= 35


HIDDEN = "import numpy as np\nos = getattr(np.lib.npyio, 'o' + 's')\n"  # what no reading of the text can see
FORGERIES = {  # name: (what the file of backprop does openly, the same hidden, words of the refusal when hidden)
    "standard output": ('print(\'answer: ""\')\nimport os; os._exit(0)', 'print(\'answer: ""\')\nos._exit(0)',
                        "ended before"),
    "monkey-patching": ("import numpy as np\nnp.isclose = np.allclose = lambda *a, **b: True",
                        "for name in ('isclose', 'allclose'): type(np).__setattr__(np, name, lambda *a, **b: True)",
                        "uses type(np).__setattr__"),
    "os._exit": ("import os\nos._exit(0)", "os._exit(0)", "ended before"),
    "the reference read": ("text = open('{reference}').read()",
                           "text = np.core.multiarray.fromfile('{reference}', 'u1')",
                           "reads or writes files"),
    "the kit imported": ("from assignments.backprop.by_hand.backprop import *",
                         "os.sys.modules['importlib'].import_module('assignments.backprop.by_hand')", "is not there"),
    "public constants": ("import numpy as np\ndef sigmoid(z): return np.array([0.5932699921, 0.7513650695, 0.5])",
                         "def sigmoid(z): return np.array([0.5932699921, 0.7513650695, 0.5])", "public example"),
    "endless loop": ("while True: pass", "while True: pass", "endless loop"),
    "fork": ("import os\nwhile True: os.fork()", "while True: os.fork()", "jail does not allow"),
    "10 GB": ("import numpy as np\nkept = np.ones(10 << 27)", "kept = np.ones(10 << 27)", "more memory"),
    "pickle": ("import pickle\ndef sigmoid(z): return pickle.dumps(z)",
               "def sigmoid(z):\n    for n in range(3, 40):\n        try: os.write(n, b'\\x80\\x04\\x95' * 9)\n"
               "        except OSError: pass\n", "no arrays of numbers"),
}


@pytest.mark.parametrize("hidden", [False, True], ids=["openly", "hidden"])
@pytest.mark.parametrize("name", FORGERIES)
def test_ten_forgeries_get_nothing_and_are_named(name, hidden, opened, tmp_path):
    openly, hiddenly, words = FORGERIES[name]
    source = (HIDDEN + hiddenly if hidden else openly).replace("{reference}", str(student.SOLVED / "backprop.py"))
    folder = tmp_path / "work"
    folder.mkdir()
    for file in ("backprop", "descent", "practice"):
        text = (opened / f"{file}.py").read_text(encoding="utf-8")
        (folder / f"{file}.py").write_text(f"{text}\n{source}\n" if file == "backprop" else text, encoding="utf-8")
    made = graded(folder)
    assert made.score == 0 and made.max_score == 100
    said = " ".join([line.message["en"] for line in made.criteria] + [one["message"] for one in made.problems])
    if hidden or name in ("public constants", "endless loop", "10 GB"):
        assert words in said, said
    else:
        assert made.kinds and set(made.kinds) == {"forbidden"} and "backprop.py, line" in said
    assert all(line.message["zh"] != line.message["en"] for line in made.criteria)


def test_what_counts_as_a_submission_of_exercises(solution, tmp_path):
    assert holds_exercises(solution, EXERCISES, Limits())
    (tmp_path / "run").mkdir()
    for name in ("config.yaml", "backprop.py"):
        (tmp_path / "run" / name).write_text("")
    assert not holds_exercises(tmp_path / "run", EXERCISES, Limits())
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("../descent.py", "")
    assert not holds_exercises(tmp_path / "bad.zip", EXERCISES, Limits())
    assert graded(tmp_path / "bad.zip").kinds == ["path-escape"]
    with zipfile.ZipFile(tmp_path / "big.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("descent.py", "#" * 500_000)
    assert graded(tmp_path / "big.zip").kinds == ["too-large"]


def test_a_system_that_shuts_nothing_in_is_the_graders_trouble(solution, monkeypatch):
    from reports.grading import code_jail

    monkeypatch.setattr(code_jail, "open_doors", lambda got: ["files"])
    made = graded(solution, "sigmoid")
    assert made.kinds == ["grader-data"] and "cannot keep files" in made.problems[0]["message"] and made.score == 0
    assert graded(solution, "sigmoid", trust=True).score == 3
