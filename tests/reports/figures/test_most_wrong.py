"""The images with the largest loss: which they are, what the gallery says of them, the table of all images."""

import csv

import numpy as np
import pytest

from assignments.common.examples import most_wrong, whole
from data_tools.errors import KitError
from data_tools.files.image_set import ImageSet
from data_tools.files.sources import FolderSource
from data_tools.packed.arrays import ArrayStore
from data_tools.terminal import display_width
from paddle_models.tasks.metrics import cross_entropies
from reports.figures.first_figures import first_script
from reports.figures.most_wrong import FILE, short, two_classes
from reports.run_reader import Run
from tests.figure_checks import check_legible, check_same_bytes, labels_in
from tests.reports.figures.test_first_figures import made

NAMES = np.array(["a.png", "=1+1.png", "b\x1b[2J.png", "c\udcb2.png", "d" * 90 + "7.jpg", "e.png"])
LABELS = np.array([0, 1, 2, 0, 1, 2])
SHARES = np.array([0.9, 0.2, 1e-30, 0.5, 0.01, 1.0], np.float32)  # of the labels
WORST = [2, 4, 1, 3, 0, 5]


def predictions():
    """Six images of three classes; the rest of each probability goes to the next class."""
    probabilities = np.zeros((6, 3), np.float32)
    probabilities[np.arange(6), LABELS] = SHARES
    probabilities[np.arange(6), (LABELS + 1) % 3] = 1 - SHARES
    return {"names": NAMES, "labels": LABELS, "probabilities": probabilities,
            "classes": np.array(["red_fox", "owl", "hare"])}


@pytest.fixture
def run(tmp_path):
    folder, answers = made(tmp_path / "run", **predictions()), predictions()
    store = ArrayStore(np.arange(6 * 4 * 4 * 3, dtype=np.uint8).reshape(6, 4, 4, 3), LABELS, list("abcdef"))
    rows = {"label": LABELS, "probabilities": answers["probabilities"]}
    np.savez(folder / "artifacts.npz", **most_wrong(rows, store, store))
    return Run(folder, "sixth")


def test_the_loss_is_minus_the_logarithm_of_the_label_s_probability():
    found = predictions()
    losses = cross_entropies(LABELS, found["probabilities"])
    assert losses == pytest.approx([0.10536, 1.60944, 69.07755, 0.69315, 4.60517, 0.0], abs=1e-5)
    one = np.array([0.25, 1.0], np.float32)
    assert cross_entropies(np.array([1, 0]), one) == pytest.approx([-np.log(0.25), 24 * np.log(2)])
    assert cross_entropies(np.array([0, 1]), one) == pytest.approx([-np.log(0.75), 0])
    assert cross_entropies(np.array([0, 1]), two_classes(one)) == pytest.approx([-np.log(0.75), 0])
    assert cross_entropies(np.array([[0, 1]]), one[None]) == pytest.approx(np.array([[-np.log(0.75), 0]]))


def test_the_worst_images_are_kept_in_order_with_their_pictures(run):
    rows, pictures = run.artifact("most_wrong_rows", (6,)), run.artifact("most_wrong_images", (6, 160, 160, 3), "u")
    assert rows.tolist() == WORST
    for row, picture in zip(rows, pictures):
        assert picture[0, 0].tolist() == [48 * row % 256 + i for i in range(3)]


def test_pictures_come_from_the_files_and_keep_their_proportions(tmp_path):
    from PIL import Image

    for name, colour in (("a.png", 10), ("b.png", 200)):
        Image.new("RGB", (40, 80), (colour, 0, 0)).save(tmp_path / name)
    images = ImageSet("test", FolderSource(tmp_path), ("a.png", "b.png"), np.array([0, 1]))
    store = ArrayStore(np.zeros((2, 4, 4, 3), np.uint8), images.labels, images.names)
    kept = most_wrong({"label": images.labels, "probabilities": np.array([0.1, 0.2])}, store, images)
    assert kept["most_wrong_rows"].tolist() == [1, 0] and kept["most_wrong_images"][:, 80, 80, 0].tolist() == [200, 10]
    picture = kept["most_wrong_images"][0]
    assert (picture[:, :40] == 255).all() and (picture[:, 40:120, 0] == 200).all() and (picture[:, 120:] == 255).all()
    assert whole(np.zeros((1, 500, 3), np.uint8), 20).shape == (20, 20, 3)
    assert most_wrong({"label": images.labels, "predicted": images.labels}, store, images) == {}  # a regression's


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_gallery_names_file_label_and_answer_legibly(run, language):
    entry = first_script(run.path).figures_of(run)[-1]
    figure = check_legible(entry, run, labels_in(language))
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles[0] == "b\\x1b[2J.png\n✓ 0.0 % hare\n✗ 100.0 % red fox"
    assert titles[1].startswith("dddddd") and "…" in titles[1] and "7.jpg\n✓ 1.0 % owl" in titles[1]
    assert titles[3:5] == ["c\\xb2.png\n✓ 50.0 % red fox", "a.png\n✓ 90.0 % red fox"]
    assert any(FILE in text.get_text() for text in figure.texts)


def test_the_table_lists_every_image_the_worst_first(run, tmp_path):
    (file,) = first_script(run.path).others["images"](run, tmp_path, "zh")
    with open(file, encoding="utf-8", newline="") as opened:
        header, *rows = csv.reader(opened)
    assert header == ["file", "split", "label", "predicted", "probability_of_label", "loss", "right"]
    assert [row[0] for row in rows][2:] == ["'=1+1.png", "c\\xb2.png", "a.png", "e.png"]
    assert rows[0] == ["b\\x1b[2J.png", "test", "hare", "red_fox", "0", "69.077553", "0"]
    assert rows[4][2:] == ["red_fox", "red_fox", "0.9", "0.105361", "1"] and len(rows) == 6


def test_an_older_run_has_the_table_alone(run, tmp_path, capsys):
    (run.path / "artifacts.npz").unlink()
    script = first_script(tmp_path / "sixth")
    assert script.command("x")([str(run.path), "--out", str(tmp_path / "out")]) == 0
    assert "images.csv" in capsys.readouterr().out and not list((tmp_path / "out").glob("most_wrong*"))
    assert script.command("x")([str(run.path), "--out", str(tmp_path / "out"), "--only", "most-wrong"]) == 2


def test_rows_that_do_not_fit_are_refused(run):
    np.savez(run.path / "artifacts.npz", most_wrong_images=np.zeros((2, 8, 8, 3), np.uint8),
             most_wrong_rows=np.array([0, 6]))
    with pytest.raises(KitError, match="most_wrong_rows does not fit"):
        first_script(run.path).figures[-1].make(Run(run.path, "sixth"), labels_in("en"))


@pytest.mark.parametrize("name", ["a" * 40 + ".png", "图" * 40 + "1.jpg", "图" * 20])
def test_long_names_lose_their_middle(name):
    head, tail = short(name, 28).split("…")
    assert 26 <= display_width(f"{head}…{tail}") <= 28 and name.startswith(head) and name.endswith(tail)
    assert abs(len(head) - len(tail)) <= 1 and short("short.png", 9) == "short.png"


def test_two_processes_write_the_same_bytes(run, tmp_path):
    from data_tools.files.places import PROJECT_ROOT

    (tmp_path / "figures.py").write_text(
        f"import sys\nsys.path.insert(0, {str(PROJECT_ROOT)!r})\n"
        "from reports.figures.first_figures import first_script\n"
        "sys.exit(first_script('sixth').command('x')())\n")
    check_same_bytes(tmp_path / "figures.py", (run.path, "--only", "most-wrong", "images"), tmp_path, 4 + 1)
