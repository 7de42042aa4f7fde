"""The numbers behind figures: what is drawn, by the names that its axes and legend give it."""

import csv

import numpy as np
import pytest

from assignments.monkey_species import figures
from reports.figures import numbers, plots, style
from reports.figures.figure_script import Output, write_figure
from reports.run_reader import Run
from tests.reports.make_run import make_run


@pytest.fixture
def figure(monkeypatch):
    monkeypatch.setenv("KIT_CJK_FONT", "none")
    return style.page(style.start(), "Title", 3)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return Run(make_run(tmp_path_factory.mktemp("runs") / "run"), "monkey_species")


def read(file):
    """{column: cells} of a CSV file."""
    with open(file, encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    return dict(zip(header, zip(*rows)))


def columns(run, number, folder):
    """{column: cells} of the numbers of a monkey figure."""
    entry = next(entry for entry in figures.FIGURES if entry.number == number)
    file = write_figure(entry, run, style.start(), folder, "en", Output(formats=("svg",)))[-1]
    assert file.name == f"{entry.file}.csv"
    return read(file)


def floats(cells):
    return np.array([float(cell or "nan") for cell in cells])


def test_lines_of_a_run(run, tmp_path):
    found = columns(run, "2.9", tmp_path)
    assert list(found) == ["panel", "series", "step", "training loss", "training accuracy"]
    mean = np.array(found["series"]) == "mean of the epoch"
    steps, losses = run.series("epoch", "step", "train/loss")
    np.testing.assert_allclose(floats(found["training loss"])[mean], losses, rtol=1e-9)
    np.testing.assert_array_equal(floats(found["step"])[mean], steps)
    second = np.array(found["panel"]) == "2"
    np.testing.assert_allclose(floats(found["training accuracy"])[second],
                               run.series("epoch", "step", "train/accuracy")[1], rtol=1e-9)


def test_bands_of_a_run(run, tmp_path):
    found = columns(run, "2.7", tmp_path)
    adam = (np.array(found["series"]) == "Adam") & (np.array(found["panel"]) == "1")
    middle, spread = (run.artifact(f"iris_loss{ending}", (5, None), "f")[4] for ending in ("", "_std"))
    for name, expected in (("training loss", middle), ("low", middle - spread), ("high", middle + spread)):
        np.testing.assert_allclose(floats(found[name])[adam], expected, rtol=1e-9)


def test_bars_intervals_and_points_of_a_run(run, tmp_path):
    found = columns(run, "2.2", tmp_path)
    assert found["name"][:10] == found["name"][10:] and found["name"][0] == "Mantled howler"
    expected = [run.artifact(f"label_counts_{part}", (10,), "iu") for part in ("training", "validation")]
    np.testing.assert_array_equal(floats(found["images"]), np.concatenate(expected))
    found = columns(run, "precision-recall", tmp_path)
    value = floats(next(cells for name, cells in found.items() if name.startswith("95 %")))
    assert ((floats(found["low"]) <= value) & (value <= floats(found["high"]))).all() and len(value) == 20
    found = columns(run, "2.3", tmp_path)
    np.testing.assert_array_equal(floats(found["width, pixels"]), run.artifact("sizes_training", (None, 2), "iu")[:, 0])


def test_matrix_and_pictures_of_a_run(run, tmp_path):
    labels, probabilities = run.prediction("labels", (None,), "iu"), run.prediction("probabilities", (None, 10), "f")
    found = columns(run, "confusion", tmp_path)
    assert len(found["count"]) == 100 and sum(map(int, found["count"])) == len(labels)
    hits = sum(int(n) for true, said, n in zip(found["true"], found["predicted"], found["count"]) if true == said)
    assert hits == (probabilities.argmax(axis=1) == labels).sum()
    found = columns(run, "3.1", tmp_path)
    index = run.artifact("prediction_index", (16,), "iu")
    assert list(found["file"]) == list(run.prediction("names", labels.shape, "U")[index])
    np.testing.assert_array_equal(floats(found["probability"]).astype(np.float32), probabilities[index].max(axis=1))


def test_a_diagram_has_none(run, tmp_path):
    entry = next(entry for entry in figures.FIGURES if entry.number == "2.6")
    (file,) = write_figure(entry, run, style.start(), tmp_path, "en", Output(formats=("svg",)))
    assert file.suffix == ".svg"


def test_what_looks_like_a_line_of_the_legend_belongs_to_it(figure):
    axes = figure.subplots()
    axes.plot([1, 2], [3, 4], color="red", label="a")
    axes.plot([3, 4], [5, 6], color="red")
    axes.plot([0, 9], [0, 9], color="grey", linestyle="--")  # decoration
    axes.axhline(7, color="blue", label="goal")
    axes.axhline(8, color="blue")
    axes.set(xlabel="time, s", ylabel="loss")
    header, lines = numbers.table_of(figure)
    assert header == ["series", "time, s", "loss"]
    assert lines == [["a", 1, 3], ["a", 2, 4], ["a", 3, 5], ["a", 4, 6], ["goal", None, 7]]


def test_upright_bars_points_and_stems(figure):
    left, middle, right = figure.subplots(1, 3)
    left.bar(["x", "y"], [1.5, 2.5], yerr=[0.5, 0.25], label="b")
    middle.scatter([1, 2], [3, 4], label="c")
    right.vlines([1, 2], 0, [5, 6])
    right.imshow(np.zeros((2, 2, 3)))
    for axes, name in ((left, "height"), (middle, "size"), (right, "depth")):
        axes.set(ylabel=name, title=f"the {name}")
    header, lines = numbers.table_of(figure)
    found = [dict(zip(header, line)) for line in lines]
    assert [found[0][key] for key in ("panel", "series", "name", "height", "low", "high")] == [
        "the height", "b", "x", 1.5, 1.0, 2.0]
    assert [(row["series"], row["size"]) for row in found if row["panel"] == "the size"] == [("c", 3.0), ("c", 4.0)]
    assert [row["depth"] for row in found if row["panel"] == "the depth"] == [5.0, 6.0]


def test_cells_are_plain_numbers_and_no_formulas(figure, tmp_path):
    plots.table(figure.subplots(), ["Name", "Value", "Ratio", "Ratio"],
                [["=1+1", "-0.5", "1", "2"], ["b", "✓", "3", ""]])
    (file,) = numbers.write_numbers(figure, tmp_path, "table")
    assert read(file) == {"Name": ("'=1+1", "b"), "Value": ("-0.5", "✓"), "column 3 Ratio": ("1", "3"),
                          "column 4 Ratio": ("2", "")}


def test_an_empty_page_has_none(figure, tmp_path):
    plots.gap(figure.subplots(), style.start(), "command")
    assert numbers.write_numbers(figure, tmp_path, "gap") == [] and not list(tmp_path.iterdir())


def test_an_interval_that_is_not_known_has_no_ends(figure):
    axes = figure.subplots()
    axes.errorbar([1.0, 2.0], [0.5, np.nan], yerr=[0.1, np.nan], fmt="o", label="share")
    header, lines = numbers.table_of(figure)
    low = [line[header.index("low")] for line in lines]
    assert float(low[0]) == pytest.approx(0.4) and str(low[1]) in ("", "nan")
