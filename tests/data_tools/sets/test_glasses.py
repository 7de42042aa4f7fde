"""Glasses or no glasses: its layouts, its splits, everything wrong named at once, CelebA in its place."""

import numpy as np
import pytest

from data_tools.drawing.attributes import ATTRIBUTES
from data_tools.errors import KitError
from data_tools.sets import glasses, glasses_labels
from data_tools.sets.glasses import CLASSES, divide, find_glasses, find_or_draw
from tests.data_tools.small_set import encoded, write_folder, write_zip

FACES = "faces-spring-2020/faces-spring-2020/"
LABELS = {number: number % 3 > 0 for number in range(1, 41)}


def train_csv(labels=None, header: str = "id,glasses") -> str:
    labels = LABELS if labels is None else labels
    return header + "\n" + "".join(f"{number},{int(label)}\n" for number, label in labels.items())


def files(train: str | bytes | None = None, test: str | None = "id\n41\n42\n", ids=range(1, 43), folder: str = FACES,
          suffix: str = "png") -> dict[str, bytes]:
    kind = "JPEG" if suffix == "jpg" else "PNG"
    found = {f"{folder}face-{number}.{suffix}": encoded(number, (12, 12), kind) for number in ids}
    train = train_csv() if train is None else train
    found["train.csv"] = train if isinstance(train, bytes) else train.encode()
    return found if test is None else {**found, "test.csv": test.encode()}


def summary(data: glasses.GlassesData) -> list:
    return [(images.name, images.names, images.labels.tolist()) for images in
            (data.training, data.validation, data.test, data.unlabelled)]


def test_splits_are_stratified_and_in_order(tmp_path):
    data = find_glasses(write_folder(tmp_path / "set", files()))
    assert CLASSES == ("no glasses", "glasses") and data.origin == "subset" and data.planted == {}
    assert [len(images) for images in (data.training, data.validation, data.test, data.unlabelled)] == [28, 8, 4, 2]
    listed = [data.training, data.validation, data.test]
    names = [name for images in listed for name in images.names]
    assert sorted(names) == sorted(f"{FACES}face-{number}.png" for number in LABELS) and len(set(names)) == 40
    for images in listed:
        numbers = [int(name.split("-")[-1][:-4]) for name in images.names]
        assert numbers == sorted(numbers) and images.labels.dtype == np.int64
        assert images.labels.tolist() == [int(LABELS[number]) for number in numbers]
        assert 0.6 < images.labels.mean() < 0.8
    assert data.unlabelled.labels.tolist() == [-1, -1] and data.unlabelled.names[0] == f"{FACES}face-41.png"
    assert data.training.decode(0).shape == (12, 12, 3)


def test_division_of_the_document_and_its_independence_of_other_images():
    labels = np.array([1] * 2849 + [0] * 1651)
    keys = [str(number) for number in range(1, 4501)]
    rows = divide(keys, labels)
    assert [len(rows[name]) for name in ("training", "validation", "test")] == [3150, 900, 450]
    assert rows["test"][:4].tolist() == divide(keys, labels)["test"][:4].tolist()
    order = np.random.default_rng(0).permutation(4500)
    shuffled = divide([keys[i] for i in order], labels[order])
    assert {keys[i] for i in rows["test"]} == {keys[order[i]] for i in shuffled["test"]}
    fewer = {keys[i] for i in divide(keys[:4000], labels[:4000])["test"]}
    assert len(fewer & {keys[i] for i in rows["test"]}) > 0.9 * len(fewer)


@pytest.mark.parametrize("layout", ["zip", "outer zip", "images in a zip beside", "zip in a folder",
                                    "another csv above", "flat", "image folder"])
def test_every_layout_gives_the_same_set(tmp_path, layout):
    wanted = summary(find_glasses(write_folder(tmp_path / "wanted", files())))
    faces = {name: content for name, content in files().items() if name.startswith(FACES)}
    lists = {name: content for name, content in files().items() if name.endswith(".csv")}
    place = tmp_path / "place"
    if layout == "zip":
        place = write_zip(tmp_path / "glasses.zip", files())
    elif layout == "outer zip":
        place = write_zip(tmp_path / "a.zip",
                          {f"glasses-or-no-glasses/{name}": content for name, content in files().items()})
    elif layout == "images in a zip beside":
        write_folder(place, lists)
        write_zip(place / "faces-spring-2020.zip", faces)
    elif layout == "zip in a folder":
        write_zip(place / "data12345" / "archive.zip", files())
    elif layout == "another csv above":
        write_folder(place, {"train.csv": b"id,price\n1,3\n"})
        write_zip(place / "glasses.zip", files())
    elif layout == "flat":
        write_folder(place, files(folder=""))
    else:
        write_folder(place, files())
        place = place / FACES
    found = summary(find_glasses(place))
    assert [(name, [one.rsplit("/", 1)[-1] for one in names], labels) for name, names, labels in found] == [
        (name, [one.rsplit("/", 1)[-1] for one in names], labels) for name, names, labels in wanted]


@pytest.mark.parametrize("train", [
    "\ufeff" + train_csv().replace("\n", "\r\n"), train_csv().encode("utf-16"), train_csv().replace(",", ";"),
    train_csv().replace(",1\n", ",1.0\n"), "\n" + train_csv().rstrip() + "\n\n\n",
    "id,v1,v2,glasses\n" + "".join(f"{n},0.5,-1e-3,{int(label)}\n" for n, label in LABELS.items()),
    "Glasses,ID\n" + "".join(f"{int(label)},{n}\n" for n, label in LABELS.items()),
], ids=["BOM and CRLF", "UTF-16", "semicolons", "floats", "empty lines", "latent columns", "other order"])
def test_csv_files_of_every_kind_are_read(tmp_path, train):
    if isinstance(train, str) and train.startswith("\n"):
        train = train[1:]
    data = find_glasses(write_folder(tmp_path / "set", files(train)))
    assert data.training.labels.sum() + data.validation.labels.sum() + data.test.labels.sum() == 27


def test_everything_wrong_is_in_one_message(tmp_path):
    rows = [f"{number},{int(label)}" for number, label in LABELS.items()]
    rows[0], rows[1], rows[2], rows[3] = "1,2", "2,", "3,nan", "4,yes"
    rows += ["7,1", "7,0", ",1", "x9,1", "50,1", "51,0", "41,1", "12"]
    del rows[29]  # id 30
    train = "id,glasses\n" + "\n".join(rows) + "\n"
    with pytest.raises(KitError) as caught:
        find_glasses(write_folder(tmp_path / "set", files(train, test="id\n41\n42\n42\n60\n")))
    text = str(caught.value)
    for part in ("4 labels other than 0 and 1: id 1: '2', id 2: '', id 3: 'nan', id 4: 'yes'",
                 "train.csv: 1 ids listed more than once: 7 (lines 8 and 41 and 42)",
                 "test.csv: 1 ids listed more than once: 42 (lines 3 and 4)",
                 "1 rows without an id: line 43", "1 ids that are no whole number: line 44: 'x9'",
                 "1 rows with fewer cells than the header: line 48",
                 "1 ids are both in train.csv and test.csv: 41",
                 "3 ids have no image face-ID.png or .jpg in", "50, 51, 60",
                 "1 ids are missing from train.csv and test.csv, though there are images of them: 30"):
        assert part in text, part
    assert text.count("\n") == 10 and str(tmp_path) in text


def test_every_absent_image_is_named_but_a_hostile_list_is_cut(tmp_path, monkeypatch):
    folder = write_folder(tmp_path / "set", files(ids=range(1, 8)))
    with pytest.raises(KitError, match="35 ids have no image") as caught:
        find_glasses(folder)
    assert ", ".join(map(str, range(8, 43))) in str(caught.value)
    monkeypatch.setattr(glasses_labels, "MOST_NAMED", 20)
    with pytest.raises(KitError, match="26, 27 and 15 more"):
        find_glasses(folder)


@pytest.mark.parametrize("train, problem", [
    ("id,label\n1,0\n", "train.csv has no column glasses; its first line has id, label"),
    ("", "train.csv has no column id, glasses; its first line has nothing"),
    ("id,glasses,glasses\n1,0,0\n", "column glasses twice"), ("id,glasses\n", "lists no image"),
    ("id,glasses\n1,\"" + "x" * 200_000 + "\"\n", "line 2.*field larger than field limit"),
    (train_csv({n: True for n in LABELS}), "0 images labelled 0; at least 3"),
    ("id,glasses\n" + "\n".join(f"{10**30 + n},1" for n in range(3)), "no whole number"),
    ("id,glasses\n1," + "0" * 300_000 + "\n", "line 1: the line has more than 262,144 characters"),
    ("," * 20_000 + "\n", "no column id, glasses|20,001 columns"),
])
def test_unusable_label_files_say_why(tmp_path, train, problem):
    with pytest.raises(KitError, match=f"(?s){problem}"):
        find_glasses(write_folder(tmp_path / "set", files(train)))


def test_without_test_csv_unlisted_images_are_the_unlabelled_ones(tmp_path):
    data = find_glasses(write_folder(tmp_path / "set", files(test=None)))
    assert [name.rsplit("/", 1)[-1] for name in data.unlabelled.names] == ["face-41.png", "face-42.png"]
    assert any("no test.csv" in note for note in data.notes)


def test_doubled_images_count_once(tmp_path):
    found = files() | files(folder="copy/", suffix="jpg", ids=range(1, 5))
    data = find_glasses(write_folder(tmp_path / "set", found))
    assert len(data.training) == 28 and all(name.endswith(".png") for name in data.training.names)
    assert any(note.startswith("4 images are there twice") and "copy/face-1.jpg" in note for note in data.notes)


def test_jpg_is_as_good_as_png(tmp_path):
    data = find_glasses(write_folder(tmp_path / "set", files(suffix="jpg")))
    assert len(data.training) == 28 and data.training.names[0].endswith(".jpg")


def test_search_places_and_the_variable(tmp_path, monkeypatch):
    monkeypatch.setattr(glasses.FINDER, "places", ("empty*", "other*", "data/data*"))
    monkeypatch.delenv("GLASSES_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    assert find_glasses() is None
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "cut.zip").write_bytes(b"PK no zip")
    write_folder(tmp_path / "other-2", files() | {"DRAWN.txt": b"Drawn stand-in"})
    write_folder(tmp_path / "data" / "data98765", files())
    assert find_glasses().path.endswith("data98765")
    monkeypatch.setenv("GLASSES_DATA", str(write_zip(tmp_path / "mine.zip", files())))
    assert find_glasses().path.endswith("mine.zip") and find_or_draw("").path.endswith("mine.zip")
    for given, problem in (("nowhere", "no such file"), ("other", "cannot be opened as a zip")):
        with pytest.raises(KitError, match=problem):
            find_glasses(tmp_path / given)
    (tmp_path / "empty").mkdir()
    with pytest.raises(KitError, match="holds no glasses set. Wanted: train.csv"):
        find_glasses(tmp_path / "empty")


def test_planted_is_only_of_drawn_sets_and_is_checked(tmp_path):
    planted = files() | {"planted.csv": b"id,kind\r\n3,wrong label\r\n5,uncertain\r\n"}
    assert find_glasses(write_folder(tmp_path / "real", planted)).planted == {}
    drawn = planted | {"DRAWN.txt": b"Drawn stand-in for Glasses"}
    data = find_glasses(write_folder(tmp_path / "drawn", drawn))
    assert data.origin == "drawn" and data.notes == ()
    assert data.planted == {f"{FACES}face-3.png": "wrong label", f"{FACES}face-5.png": "uncertain"}
    packed = {f"data/drawn-glasses/{name}": content for name, content in drawn.items()}
    assert find_glasses(write_zip(tmp_path / "d.zip", packed)).origin == "drawn"
    assert find_glasses(tmp_path / "drawn" / FACES).origin == "drawn"
    drawn["planted.csv"] = b"id,kind\n3,else\n99,uncertain\n4\n"
    with pytest.raises(KitError, match="3,else, 99,uncertain, 4"):
        find_glasses(write_folder(tmp_path / "wrong", drawn))


def celeba_files(count: int = 60) -> dict[str, bytes]:
    """CelebA with every third face in glasses; 40 for training, 10 for validation, 10 for test."""
    has = ["".join(f" {1 if name == 'Eyeglasses' and number % 3 == 0 else -1:2}" for name in ATTRIBUTES)
           for number in range(1, count + 1)]
    names = [f"{number:06}.jpg" for number in range(1, count + 1)]
    attributes = "".join(f"{name}{row}\n" for name, row in zip(names, has))
    partition = "".join(f"{name} {(row >= 40) + (row >= 50)}\n" for row, name in enumerate(names))
    return {**{f"img_align_celeba/{name}": encoded(row, (40, 48)) for row, name in enumerate(names)},
            "list_attr_celeba.txt": f"{count}\n{' '.join(ATTRIBUTES)}\n{attributes}".encode(),
            "list_eval_partition.txt": partition.encode()}


def test_celeba_gives_eyeglasses_by_its_own_partition(tmp_path, monkeypatch):
    folder = write_folder(tmp_path / "celeba", celeba_files())
    data = find_glasses(f"celeba:{folder}")
    assert [len(images) for images in (data.training, data.validation, data.test, data.unlabelled)] == [40, 10, 10, 0]
    assert data.origin == "subset" and data.training.labels.dtype == np.int64
    assert data.training.labels.tolist() == [int(number % 3 == 0) for number in range(1, 41)]
    partition = (folder / "list_eval_partition.txt").read_text().replace(" 2\n", " 0\n")
    (folder / "list_eval_partition.txt").write_text(partition)
    again = [find_glasses(f"celeba:{folder}") for _ in range(2)]
    assert summary(again[0]) == summary(again[1]) and len(again[0].training) + len(again[0].test) == 50
    assert len(again[0].test) == 5 and again[0].test.labels.sum() == 2
    assert not set(again[0].test.names) & set(again[0].training.names)
    assert any("held out as the test split" in note for note in again[0].notes)
    with pytest.raises(KitError, match="no data at"):
        find_glasses(f"celeba:{tmp_path}/nowhere")
    monkeypatch.setattr("data_tools.sets.celeba.FINDER.places", ())
    monkeypatch.delenv("CELEBA_DATA", raising=False)
    with pytest.raises(KitError, match="no CelebA was found"):
        find_glasses("celeba:")


@pytest.mark.realdata
def test_real_sets(realdata):
    data = find_glasses(realdata / "glasses-or-no-glasses")
    assert data.origin == "real" and data.notes == () and data.planted == {}
    assert [len(images) for images in (data.training, data.validation, data.test, data.unlabelled)] == [3150, 900, 450,
                                                                                                        500]
    assert [int(images.labels.sum()) for images in (data.training, data.validation, data.test)] == [1994, 570, 285]
    celeba = find_glasses(f"celeba:{realdata / 'celeba'}")
    assert len(celeba.validation) == 1000 and len(celeba.training) + len(celeba.test) == 9000
