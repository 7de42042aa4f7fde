"""The loop of label errors: suspects of any classifier, a page, a training without them."""

import csv
import dataclasses
import html
import json
import re
import shutil

import numpy as np
import pytest

from assignments.__main__ import main as kit
from assignments.common.confident import Suspect
from assignments.common.label_errors import Examined, main, say_what_was_found
from assignments.common.runner import run_work
from assignments.common.splits import DataSet, Splits
from assignments.common.without import keep_share, leave_out, read_names
from assignments.common.work import Work
from assignments.common.works import work_of
from assignments.monkey_species.run import MonkeySettings
from data_tools.errors import KitError
from data_tools.packed.arrays import ArrayStore
from data_tools.packed.joined import JoinedStore
from reports.pages.suspects import write_suspects

COLOURS, WRONG = ("red", "green", "blue"), (5, 17, 33)
WORDS = ["--preset", "smoke", "--device", "cpu", "--image_size", "8", "--batch_size", "10", "--epochs", "12",
         "--max_steps", "0", "--optimizer.lr", "0.1", "--augmentation", "none"]


def named(number):
    """A file's name, one of them as a thief or a telephone would choose it."""
    return f"<b>{number}\x1b.jpg" if number == WRONG[0] else f"picture {number}.jpg"


class Colours(Work):
    """Which channel is bright; three labels of the first forty images are wrong."""

    settings, classes = MonkeySettings, COLOURS

    def find(self, data):
        rng = np.random.default_rng(0)
        labels = np.arange(60) % 3
        images = rng.integers(0, 60, (60, 8, 8, 3)).astype(np.uint8)
        images[np.arange(60), :, :, labels] += 120
        labels[list(WRONG)] = (labels[list(WRONG)] + 1) % 3
        names = [named(number) for number in range(60)]
        parts = (slice(0, 40), slice(40, 50), slice(50, 60))
        training, validation, test = (ArrayStore(images[part], self.labelled_so(labels[part]), names[part])
                                      for part in parts)
        return DataSet(training, test, validation, origin="drawn", path="colours")

    def labelled_so(self, labels):
        return labels

    def network(self, settings, classes):
        from paddle import nn

        return nn.Sequential(nn.AdaptiveAvgPool2D(1), nn.Flatten(), nn.Linear(3, len(classes)))

    def task(self, settings, network, classes, training=None):
        task = super().task(settings, network, classes, training)
        task.monitor, task.mode = "loss", "min"  # of six images, the accuracy is whole after an epoch
        return task


class Attributes(Colours):
    """The same as three attributes, which a task of its own trains."""

    def labelled_so(self, labels):
        return np.eye(3, dtype=np.uint8)[labels]

    def task(self, settings, network, classes, training=None):
        import paddle.nn.functional as F

        from paddle_models.tasks.task import Task

        class Bright(Task):
            networks, monitor, mode = {"model": network}, "loss", "min"

            def losses(self, batch):
                yield "model", F.binary_cross_entropy_with_logits(network(batch["image"]),
                                                                  batch["label"].astype("float32"))

            def evaluate(self, batch):
                return {"index": batch["index"].numpy(), "label": batch["label"].numpy(),
                        "probabilities": F.sigmoid(network(batch["image"])).numpy()}

            def summarize(self, rows):
                return {"loss": float(((rows["probabilities"] - rows["label"]) ** 2).mean())}

        return Bright()


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory):
    """A folder of the work with presets and nothing else."""
    Colours.folder = tmp_path_factory.mktemp("works") / "colours"
    Colours.folder.mkdir()
    shutil.copy(work_of("monkey_species").folder / "presets.yaml", Colours.folder)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """The folder in which the wrong labels of the colours were looked for."""
    out = tmp_path_factory.mktemp("suspects") / "out"
    assert main(Colours(), [*WORDS, "--folds", "2", "--out", str(out)]) == 0
    return out


def listed(folder):
    return list(csv.DictReader(open(folder / "suspects.csv", newline="", encoding="utf-8")))


def test_wrong_labels_are_listed_with_the_class_that_is_right(found):
    rows = listed(found)
    names = [row["file"] for row in rows]
    assert {r"<b>5\x1b.jpg", "picture 17.jpg", "picture 33.jpg"} <= set(names) and len(names) <= 6
    for number, name in zip(WRONG, (r"<b>5\x1b.jpg", "picture 17.jpg", "picture 33.jpg")):
        row = rows[names.index(name)]
        assert (row["given"], row["suggested"]) == (COLOURS[(number + 1) % 3], COLOURS[number % 3])
        assert 0 < float(row["margin"]) <= 1
    margins = [float(row["margin"]) for row in rows]
    assert margins == sorted(margins, reverse=True)
    result = json.loads((found / "result.json").read_text())
    assert result["complete"] and result["n"] == 60 and result["suspects"] == len(rows)


def test_the_page_holds_its_pictures_and_needs_nothing_else(found):
    page = (found / "suspects.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg;base64,") == len(listed(found)) and "<b>5" not in page
    assert not re.search(r"(src|href)=\"(?!data:)", page) and "Drawn stand-in" in page
    assert html.escape(r"<b>5\x1b.jpg") in page and "\x1b" not in page.replace(r"\x1b", "")


def test_the_pages_words_are_there_in_both_languages_and_it_may_be_empty(tmp_path):
    header = ("file", "given", "suggested", "margin")
    for language, word in (("en", "No label is in doubt."), ("zh", "没有可疑的标签。")):
        write_suspects(tmp_path / "page.html", "faces", [header], [], language, drawn=False)
        text = (tmp_path / "page.html").read_text(encoding="utf-8")
        assert word in text and "<img" not in text and "<script" not in text
    picture = np.zeros((4, 4, 3), np.uint8)
    row = ("</script><script>alert(1)</script>", "a", "b", "0.5")
    write_suspects(tmp_path / "page.html", "faces", [header, row], [picture], "en", drawn=False)
    assert "<script>alert" not in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_run_without_them_says_so_and_judges_the_same_images(found, tmp_path, capfd):
    results = {}
    for name, more in (("with", []), ("without", ["--without", str(found / "suspects.csv")])):
        assert run_work(Colours(), [*WORDS, "--out", str(tmp_path / name), *more]) == 0
        results[name] = json.loads((tmp_path / name / "result.json").read_text())
    said = capfd.readouterr().out
    count = sum(row["file"] in [named(n).replace("\x1b", r"\x1b") for n in range(40)] for row in listed(found))
    assert "without" not in results["with"] and f"{count} training images that" in said
    assert results["without"]["without"]["images"] == count and results["without"]["without"]["list"] == "suspects.csv"
    assert results["without"]["weights_sha256"] != results["with"]["weights_sha256"]
    both = [np.load(tmp_path / name / "predictions.npz", allow_pickle=False) for name in results]
    assert np.array_equal(both[0]["names"], both[1]["names"]) and np.array_equal(both[0]["labels"], both[1]["labels"])
    shorter = tmp_path / "shorter.csv"
    shorter.write_text("file\npicture 17.jpg\n")
    resume = ["--resume", str(tmp_path / "without"), "--epochs", "13", "--without", str(shorter)]
    assert run_work(Colours(), resume) == 2 and "begun with other images" in capfd.readouterr().err


@pytest.mark.parametrize("count, too_many", [(3, False), (4, True)])
def test_networks_that_know_too_little_are_said_to(tmp_path, capfd, count, too_many):
    suspects = [Suspect(row, 0, 0, 1, 0.5) for row in range(count)]
    say_what_was_found(Examined(None, range(10), None, suspects, [("a", "b")]), tmp_path)
    said = capfd.readouterr().out
    assert f"{count} of 10 labels are suspect" in said and ("the networks know too little" in said) == too_many


def test_attributes_are_doubted_one_by_one(tmp_path, capfd):
    assert main(Attributes(), [*WORDS, "--folds", "2", "--out", str(tmp_path)]) == 0
    said, rows = capfd.readouterr().out, listed(tmp_path)
    assert "of 180 labels are suspect (in " in said
    assert {"file": "picture 17.jpg", "given": "red", "suggested": "no red"}.items() <= {
        **next(row for row in rows if row["file"] == "picture 17.jpg" and row["given"] == "red")}.items()
    some = [*WORDS, "--folds", "2", "--out", str(tmp_path), "--margin", "0.2", "--of", "red"]  # of the same answers
    assert main(Attributes(), some) == 0
    assert listed(tmp_path) == [row for row in rows if float(row["margin"]) >= 0.2 and "red" in row["given"]]
    assert main(Attributes(), [*WORDS, "--of", "purple"]) == 2 and "no such attribute" in capfd.readouterr().err


def splits(labels=(0, 0, 1, 1, 2, 2)):
    images = np.zeros((len(labels), 2, 2, 3), np.uint8)
    training = ArrayStore(images, np.array(labels), [f"图 {n}.png" for n in range(len(labels))])
    return Splits(training, training, ArrayStore(images[:1], np.array([0]), ["图 0.png"]),
                  (np.array([0, 1, 2, 3, 4]), np.array([5])))


@pytest.mark.parametrize("content", [
    "file,given\n图 0.png,a\n图 3.png,b\n图 5.png,b\n".encode(),
    "\ufefffile,given\r\n图 0.png,a\r\n图 3.png,b\r\n".encode(),
    "given;file\na;图 0.png\nb;图 3.png\n;\n".encode("gb18030"),
    "given\tfile\na\t图 0.png\nb\t图 3.png\nz\tanother.png".encode()],
    ids=["as-written", "excel", "gbk-semicolons", "tabs"])
def test_lists_as_programs_for_tables_write_them(tmp_path, content):
    (tmp_path / "list.csv").write_bytes(content)
    left = leave_out(splits(), str(tmp_path / "list.csv"))
    assert left.rows[0].tolist() == [1, 2, 4] and left.rows[1].tolist() == [5]
    assert left.left_out["images"] == 2 and left.fingerprint != splits().fingerprint and len(left.test) == 1


def test_a_share_of_the_training_images_has_all_classes_and_smaller_ones_are_parts_of_it():
    many = splits([0] * 40 + [1] * 20 + [2])
    whole = dataclasses.replace(many, rows=(np.arange(61), many.rows[1]))
    half, tenth = (keep_share(whole, share, seed=3) for share in (0.5, 0.1))
    assert [int((whole.training.labels[half.rows[0]] == label).sum()) for label in range(3)] == [20, 10, 1]
    assert len(tenth.rows[0]) == 4 + 2 + 1 and set(tenth.rows[0]) < set(half.rows[0])
    assert half.rows[1] is many.rows[1] and len(half.test) == 1


@pytest.mark.parametrize("content, message", [
    (None, "cannot be read .*label_errors"), (b"", "no column 'file'"), (b"image,label\nx,1\n", "no column 'file'"),
    (b"\0\xff" * 200, "no column"), (b"file\nother.png\n", "none of the files .* as 图 0.png"),
    ("file\n图 2.png\n图 3.png\n".encode(), "leaves no image of the label 1 to train on"),
    ("file\n" + "".join(f"图 {n}.png\n" for n in range(5)), "leaves no image of the label 0")])
def test_a_list_that_is_none_gets_one_message(tmp_path, content, message):
    if content is not None:
        (tmp_path / "list.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(KitError, match=f"setting without: .*{message}"):
        leave_out(splits(), str(tmp_path / "list.csv"))


def test_a_list_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("assignments.common.without.LARGEST", 10)
    (tmp_path / "list.csv").write_text("file\nlonger.png\n")
    with pytest.raises(KitError, match="larger than"):
        read_names(tmp_path / "list.csv")


def test_a_joined_store_is_its_parts():
    parts = [ArrayStore(np.full((n, 2, 2, 3), n, np.uint8) + np.arange(n, dtype=np.uint8)[:, None, None, None],
                        np.arange(n)) for n in (2, 5, 3)]
    joined, whole = JoinedStore(tuple(parts)), np.concatenate([part.images for part in parts])
    rows = np.array([9, 0, 4, 4, 2])
    assert np.array_equal(joined.images[rows], whole[rows]) and np.array_equal(joined.images[7], whole[7])
    assert len(joined) == len(joined.images) == 10 and joined.labels.tolist() == [0, 1, 0, 1, 2, 3, 4, 0, 1, 2]
    assert joined.fingerprint != JoinedStore(tuple(parts[::-1])).fingerprint


def test_works_without_classes_and_too_few_folds_are_told(capfd, tmp_path):
    assert kit(["label_errors", "swift_srgan"]) == 2 and "no labels to doubt" in capfd.readouterr().err
    assert kit(["label_errors", "monkey_species", "--folds", "1"]) == 2
    assert "--folds 1: at least 2" in capfd.readouterr().err
    assert kit(["label_errors", "glasses", "--resume"]) == 2 and "not needed here" in capfd.readouterr().err
