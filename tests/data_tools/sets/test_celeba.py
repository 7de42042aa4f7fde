"""CelebA is found in every shape in which people have it, subsets included; what does not fit is named."""

from pathlib import Path

import numpy as np
import pytest

from data_tools.drawing.attributes import ATTRIBUTES
from data_tools.errors import KitError
from data_tools.packed.store import PackedStore, middle_square
from data_tools.sets import celeba, celeba_labels
from data_tools.sets.celeba import find_celeba, find_or_draw
from tests.data_tools.small_set import encoded, write_folder, write_zip

COUNT = 12
CODES = [0] * 8 + [1] * 2 + [2] * 2
SIGNS = np.where(np.random.default_rng(0).random((COUNT, 40)) < 0.3, 1, -1)


def attributes_text(columns=ATTRIBUTES, numbers=range(1, COUNT + 1), csv: bool = False, claimed=None) -> bytes:
    order = [ATTRIBUTES.index(column) if column in ATTRIBUTES else 0 for column in columns]
    rows = [[f"{number:06}.jpg", *map(str, SIGNS[number - 1, order])] for number in numbers]
    if csv:
        return "\r\n".join(",".join(row) for row in [["image_id", *columns], *rows]).encode()
    head = [str(len(rows) if claimed is None else claimed), " ".join(columns) + " "]
    return "\n".join(head + [row[0] + "".join(f" {value:>2}" for value in row[1:]) for row in rows] + [""]).encode()


def partition_text(numbers=range(1, COUNT + 1), csv: bool = False) -> bytes:
    rows = [f"{number:06}.jpg{', '[1 - csv]}{CODES[number - 1]}" for number in numbers]
    return "\n".join(["image_id,partition"] * csv + rows + [""]).encode()


def images(folder: str = "img_align_celeba/", numbers=range(1, COUNT + 1)) -> dict[str, bytes]:
    return {f"{folder}{number:06}.jpg": encoded(number, celeba.IMAGE_SIZE) for number in numbers}


def labels(folder: str = "", csv: bool = False) -> dict[str, bytes]:
    kind = "csv" if csv else "txt"
    return {f"{folder}list_attr_celeba.{kind}": attributes_text(csv=csv),
            f"{folder}list_eval_partition.{kind}": partition_text(csv=csv)}


SHAPES = {
    "folder": lambda path: write_folder(path, images() | labels()),
    "folder above": lambda path: write_folder(path / "CelebA", images() | labels()).parent,
    "image folder": lambda path: write_folder(path, images() | labels()) / "img_align_celeba",
    "official tree": lambda path: write_folder(path, images("Img/img_align_celeba/") | {
        "Anno/list_attr_celeba.txt": attributes_text(), "Eval/list_eval_partition.txt": partition_text()}),
    "Kaggle folder": lambda path: write_folder(path, images("img_align_celeba/img_align_celeba/") | labels(csv=True)),
    "Kaggle zip": lambda path: write_zip(path / "archive.zip",
                                         images("img_align_celeba/img_align_celeba/") | labels(csv=True)),
    "zip beside the labels": lambda path: write_zip(
        write_folder(path, labels()) / "img_align_celeba.zip", images()).parent,
    "the zip itself": lambda path: write_zip(write_folder(path, labels()) / "img_align_celeba.zip", images()),
    "zip in Img": lambda path: write_zip(write_folder(path, labels()) / "Img/img_align_celeba.zip",
                                         images()).parents[1],
    "AI Studio": lambda path: write_zip(
        write_folder(path / "data/data107578", labels()) / "img_align_celeba.zip", images()).parents[1],
    "all in one folder": lambda path: write_folder(path, images("") | labels()),
    "beside img_celeba": lambda path: write_folder(path, images("img_celeba/") | images() | labels()),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_the_same_set(tmp_path, shape):
    data = find_celeba(SHAPES[shape](tmp_path))
    sets = (data.training, data.validation, data.test)
    assert [len(images) for images in sets] == [8, 2, 2] and data.attributes == ATTRIBUTES
    found = np.concatenate([images.labels for images in sets])
    assert found.dtype == np.uint8 and np.array_equal(found, SIGNS == 1)
    assert data.validation.read(1) == encoded(10, celeba.IMAGE_SIZE) and "img_celeba/" not in data.path
    assert data.origin == "subset" and data.notes == ("12 of the 12 listed images are there (all of CelebA: 202,599)",)


def test_columns_in_another_order_and_lines_in_another_order_are_read_by_name(tmp_path):
    backwards = range(COUNT, 0, -1)
    files = images() | {"list_attr_celeba.csv": attributes_text(ATTRIBUTES[::-1], backwards, csv=True),
                        "list_eval_partition.csv": partition_text(csv=True)}
    assert np.array_equal(find_celeba(write_folder(tmp_path, files)).training.labels, SIGNS[:8] == 1)


def test_a_subset_says_how_much_is_there(tmp_path):
    files = images(numbers=(1, 3, 9)) | labels() | {"img_align_celeba/000777.jpg": encoded(1, celeba.IMAGE_SIZE)}
    files["list_attr_celeba.txt"] = attributes_text(claimed=202599)
    data = find_celeba(write_folder(tmp_path, files))
    assert data.training.names == ("000001.jpg",
                                   "000003.jpg") and len(data.test) == 0 and data.test.labels.shape == (0, 40)
    assert np.array_equal(data.training.labels, SIGNS[[0, 2]] == 1)
    notes = "\n".join(data.notes)
    for part in ("3 of the 12 listed", "the test split has no image", "000777.jpg", "says that it lists 202,599"):
        assert part in notes
    with pytest.raises(KitError, match="test: no images"):
        PackedStore.open(data.test, 16, tmp_path / "cache")


def test_images_of_another_size_are_noted_and_cut_to_their_middle(tmp_path):
    files = images() | labels() | {"img_align_celeba/000002.jpg": encoded(2, (300, 100))}
    data = find_celeba(write_folder(tmp_path, files))
    assert "1 of 12 images looked at are not 178x218, for example 000002.jpg is 300x100" in "\n".join(data.notes)
    store = PackedStore.open(data.training, 100, tmp_path / "cache", crop=celeba.CROP)
    assert np.array_equal(store.images[1], data.training.decode(1)[:, 100:200])
    files["img_align_celeba/000002.jpg"] = encoded(2, (20, 40))
    with pytest.raises(KitError, match="000002.jpg .* is 20x40, smaller than 32"):
        find_celeba(write_folder(tmp_path, files))


def test_all_of_the_set_is_called_real_and_a_drawn_one_drawn(tmp_path, monkeypatch):
    folder = write_folder(tmp_path, images() | labels())
    monkeypatch.setattr(celeba, "TOTAL", COUNT)
    assert (find_celeba(folder).origin, find_celeba(folder).notes) == ("real", ())
    (folder / "DRAWN.txt").write_text("Drawn stand-in for CelebA\n")
    assert find_celeba(folder).origin == "drawn"


@pytest.mark.parametrize("shape", SHAPES)
def test_drawn_faces_are_drawn_in_every_shape(tmp_path, shape):
    """Beside the image folder or its archive, wherever that is; inside the archive where the label files are."""
    place = SHAPES[shape](tmp_path / "any")
    source = find_celeba(place).training.source
    notice = {"DRAWN.txt": b"Drawn stand-in for CelebA: drawn by code" + bytes(2**20)}
    if shape == "Kaggle zip":
        write_zip(place, {f"drawn-celeba/{name}": content for name, content in (images() | labels() | notice).items()})
    else:
        write_folder(Path(source.path).parent, notice)
    assert find_celeba(place).origin == "drawn"
    write_folder(tmp_path, {"DRAWN.txt": b"Drawn by somebody else"})
    assert find_celeba(SHAPES[shape](tmp_path / "other")).origin == "subset"


def changed(text: bytes, old: bytes, new: bytes) -> bytes:
    assert old in text
    return text.replace(old, new, 1)


ATTR, PART = "list_attr_celeba.txt", "list_eval_partition.txt"
WRONG = {
    "no attributes": ({ATTR: None}, "no list_attr_celeba.txt"),
    "no partition": ({PART: None}, "has no list_eval_partition.txt"),
    "no images": ({name: None for name in images()}, "holds no CelebA"),
    "other images": ({name: None for name in images()} | images(numbers=()) |
                     {"img_align_celeba/000099.jpg": encoded(1, celeba.IMAGE_SIZE)}, "none of the 1 images"),
    "column lacking": ({ATTR: attributes_text(ATTRIBUTES[:-1])}, "lacks Young"),
    "column unknown": ({ATTR: attributes_text((*ATTRIBUTES[:-1], "Old"))}, "lacks Young and has the unknown Old"),
    "column twice": ({ATTR: attributes_text((*ATTRIBUTES, "Male"))}, "twice has Male"),
    "value": ({ATTR: changed(attributes_text(), b"000003.jpg -1", b"000003.jpg  2")},
              "line 5: 5_o_Clock_Shadow of 000003.jpg is '2'; it must be one of 1, -1"),
    "long value": ({ATTR: changed(attributes_text(), b"000003.jpg -1", b"000003.jpg -1x")}, "line 5: .* is '-1x'"),
    "too few": ({ATTR: changed(attributes_text(), b"000003.jpg -1", b"000003.jpg")}, "line 5 has 40 words"),
    "cut short": ({ATTR: attributes_text()[:-60]}, "line 1[34] has"),
    "empty": ({ATTR: b"0\n" + " ".join(ATTRIBUTES).encode()}, "lists no image"),
    "name": ({ATTR: changed(attributes_text(), b"000003.jpg", b"face_3.jpg")}, "'face_3.jpg' is no image of CelebA"),
    "twice": ({ATTR: changed(attributes_text(), b"000003.jpg", b"000004.jpg")}, "twice, the first is 000004.jpg"),
    "partition value": ({PART: changed(partition_text(), b"000003.jpg 0", b"000003.jpg 3")},
                        "line 3: partition of 000003.jpg is '3'; it must be one of 0, 1, 2"),
    "partition words": ({PART: changed(partition_text(), b"000003.jpg 0", b"000003.jpg")}, "line 3 has 1 words"),
    "partition lacks": ({PART: partition_text(range(1, 11))},
                        "2 images stand in one of them only, the first is 000011.jpg, which the partition lacks"),
    "partition has more": ({ATTR: attributes_text(numbers=range(2, 13))}, "000001.jpg, which the attribute file lacks"),
    "binary": ({ATTR: bytes(range(256)) * 9}, "the header of list_attr_celeba.txt"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_one_clear_error(tmp_path, case):
    change, message = WRONG[case]
    files = {name: content for name, content in (images() | labels() | change).items() if content is not None}
    with pytest.raises(KitError, match=message) as caught:
        find_celeba(write_folder(tmp_path, files))
    assert "Traceback" not in str(caught.value) and len(str(caught.value)) < 700


def test_a_damaged_zip_and_a_missing_folder_are_errors(tmp_path):
    write_folder(tmp_path, labels() | {"img_align_celeba.zip": b"PK cut short"})
    with pytest.raises(KitError, match="cannot be opened as a zip archive"):
        find_celeba(tmp_path)
    with pytest.raises(KitError, match="there is no such file"):
        find_celeba(tmp_path / "nowhere")


def test_search_takes_the_environment_then_the_listed_places_or_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CELEBA_DATA", raising=False)
    monkeypatch.setattr(celeba.FINDER, "places", ("data/[cC]eleb[aA]*", "data/data*"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "celeba.zip").write_bytes(b"cut short")
    assert find_celeba() is None
    write_zip(tmp_path / "data/data99/archive.zip", images() | labels())
    assert find_celeba().path.endswith("archive.zip")
    # passed over by its mark
    write_folder(tmp_path / "data/celeba", images() | labels() | {"DRAWN.txt": b"Drawn stand-in"})
    write_folder(tmp_path / "data/drawn-celeba", images() | labels())  # and by its name
    monkeypatch.setattr(celeba.FINDER, "places", ("data/*[cC]eleb[aA]*", "data/data*"))
    assert find_celeba().path.endswith("archive.zip") and find_celeba().origin == "subset"
    monkeypatch.setenv("CELEBA_DATA", str(write_folder(tmp_path / "mine", images() | labels())))
    assert "mine" in find_or_draw().path


def test_rows_are_read_alike_in_blocks_of_any_size(monkeypatch):
    _, columns, rows, line = celeba_labels.split_header(attributes_text(), "f", "image_id")
    for size in (1, 200, 2**20):
        monkeypatch.setattr(celeba_labels, "BLOCK", size)
        numbers, values = celeba_labels.read_rows(rows, "f", columns, {"1": 1, "-1": 0}, line)
        assert numbers.tolist() == list(range(1, COUNT + 1)) and np.array_equal(values, SIGNS == 1)
    broken = changed(rows, b"000011.jpg", b"00001x.jpg")
    monkeypatch.setattr(celeba_labels, "BLOCK", 300)
    with pytest.raises(KitError, match="line 13: '00001x.jpg'"):
        celeba_labels.read_rows(broken, "f", columns, {"1": 1, "-1": 0}, line)


def test_the_middle_square_of_celeba_is_rows_20_to_197():
    image = np.arange(218 * 178 * 3, dtype=np.uint32).reshape(218, 178, 3)
    assert np.array_equal(middle_square(image), image[20:198])
    assert np.array_equal(middle_square(image.transpose(1, 0, 2)), image.transpose(1, 0, 2)[:, 20:198])


def test_a_crop_is_another_store_with_another_fingerprint(tmp_path):
    data = find_celeba(write_folder(tmp_path / "set", images() | labels()))
    whole = PackedStore.open(data.training, 32, tmp_path / "cache")
    middle = PackedStore.open(data.training, 32, tmp_path / "cache", crop="centre")
    again = PackedStore.open(data.training, 32, tmp_path / "cache", crop="centre")
    assert whole.fingerprint != middle.fingerprint == again.fingerprint
    assert not np.array_equal(whole.images, middle.images) and middle.labels.shape == (8, 40)
    with pytest.raises(ValueError, match="crop 'left'"):
        PackedStore.open(data.training, 32, tmp_path / "cache", crop="left")


@pytest.mark.realdata
def test_real_subset(realdata, tmp_path):
    data = find_celeba(realdata / "celeba")
    assert [len(images) for images in (data.training, data.validation, data.test)] == [9000, 1000, 0]
    assert data.notes == ("10,000 of the 30,000 listed images are there (all of CelebA: 202,599)",
                          "the test split has no image")
    rows = (realdata / "celeba/list_attr_celeba.txt").read_text().splitlines()[2:]
    slow = {row.split()[0]: [value == "1" for value in row.split()[1:]] for row in rows}
    assert np.array_equal(data.validation.labels, [slow[name.rsplit("/", 1)[1]] for name in data.validation.names])
    store = PackedStore.open(data.validation.subset(range(64)), 128, tmp_path, crop=celeba.CROP, progress=False)
    assert store.images.shape == (64, 128, 128, 3) and 60 < store.images.mean() < 190
