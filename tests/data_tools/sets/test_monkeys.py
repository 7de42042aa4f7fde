"""The set is found in every shape in which people have it, odd files included, and contradictions are named.
"""

from functools import partial

import pytest

from data_tools.drawing.monkey_sample import draw_monkeys
from data_tools.errors import KitError
from data_tools.sets import monkeys
from data_tools.sets.monkeys import find_monkeys, find_or_draw
from tests.data_tools.small_set import encoded, monkey_files, write_folder, write_zip


@pytest.mark.parametrize(
    "shape",
    [
        "folder",
        "folder above",
        "split folder",
        "doubled",
        "zip",
        "zip with outer folder",
        "doubled zip",
        "zip below",
    ],
)
def test_every_shape_gives_the_same_set(tmp_path, shape):
    plain, doubled = monkey_files(), monkey_files(doubled=True)
    path = {
        "folder": lambda: write_folder(tmp_path, plain),
        "folder above": lambda: write_folder(tmp_path / "10-monkey-species", plain).parent,
        "split folder": lambda: write_folder(tmp_path, plain) / "training",
        "doubled": lambda: write_folder(tmp_path, doubled),
        "zip": lambda: write_zip(tmp_path / "archive.zip", plain),
        "zip with outer folder": lambda: write_zip(
            tmp_path / "a.zip", monkey_files(outer="10-monkey-species/")
        ),
        "doubled zip": lambda: write_zip(tmp_path / "archive.zip", doubled),
        "zip below": lambda: write_zip(tmp_path / "data" / "data12345" / "monkeys.zip", plain).parents[1],
    }[shape]()
    data = find_monkeys(path)
    assert (len(data.training), len(data.validation)) == (30, 10)
    assert data.classes == tuple(f"species_{i}" for i in range(10))
    assert data.training.labels.tolist() == [i for i in range(10) for _ in range(3)]
    assert data.training.read(4) == plain["training/n1/n1001.jpg"]
    assert data.origin == "subset"


def test_odd_files_are_kept_or_noted(tmp_path):
    files = monkey_files()
    files |= {
        "training/n9/n9151jpg": encoded(7),
        "training/n9/n9160.png": encoded(8, kind="PNG"),
        "training/n9/wrong.png": encoded(9),
        "training/n0/Thumbs.db": b"\xd0\xcf\x11\xe0",
        "training/readme.txt": b"x",
        "validation/n3/empty.jpg": b"",
    }
    data = find_monkeys(write_folder(tmp_path, files))
    assert len(data.training) == 33 and "training/n9/n9151jpg" in data.training.names
    assert (
        "validation/n3/empty.jpg" in data.validation.names
    )  # its damage is for the audit to name, not to be hidden
    notes = "\n".join(data.notes)
    for part in (
        "n9151jpg",
        "n9160.png is a PNG",
        "wrong.png is named as PNG and holds JPEG",
        "Thumbs.db",
        "readme.txt",
        "training: 33 images",
    ):
        assert part in notes


@pytest.mark.parametrize("change, message", [
    ({"training/n12/a.jpg": encoded(1)}, "training/n12"),
    ({"training/foo/a.jpg": encoded(1)}, "training/foo"),
    ({"training/a.jpg": encoded(1)}, "stand in no class folder: training/a.jpg"),
    ({"validation/n1/deeper/a.jpg": encoded(1)}, "stand in no class folder: validation/n1/deeper/a.jpg"),
    ({"validation/n4/n4000.jpg": None}, "validation has no images in validation/n4"),
    ({"monkey_labels.txt": b"n0, x, mantled_howler, 3, 1\nn11, x, y, 3, 1\n"}, "unknown class 'n11'"),
    ({"monkey_labels.txt": b"n0, x, mantled_howler, many, 1\n"}, "line 1"),
    ({"monkey_labels.txt": b"n0, x, mantled_howler, 3, 1\n"}, "no row for n1, n2"),
])
def test_contradictions_are_named_in_one_error(tmp_path, change, message):
    files = {name: content for name, content in (monkey_files() | change).items() if content is not None}
    with pytest.raises(KitError, match="Move or rename") as caught:
        find_monkeys(write_folder(tmp_path, files))
    assert message in str(caught.value)


def test_all_contradictions_come_together(tmp_path):
    files = monkey_files() | {"training/n12/a.jpg": encoded(1), "validation/b.jpg": encoded(2)}
    with pytest.raises(KitError) as caught:
        find_monkeys(write_folder(tmp_path, files))
    assert "training/n12" in str(caught.value) and "validation/b.jpg" in str(caught.value)


def test_missing_labels_file_is_a_note(tmp_path):
    files = monkey_files()
    del files["monkey_labels.txt"]
    data = find_monkeys(write_folder(tmp_path, files))
    assert data.classes == monkeys.COMMON_NAMES and "no monkey_labels.txt" in data.notes[0]


def test_drawn_and_real_sets_are_told_apart(tmp_path, monkeypatch):
    drawn = monkey_files() | {"DRAWN.txt": b"Drawn stand-in for 10 Monkey Species\n"}
    assert find_monkeys(write_folder(tmp_path / "drawn", drawn)).origin == "drawn"
    monkeypatch.setattr(monkeys, "REAL_COUNTS", (31, 10))
    assert find_monkeys(write_folder(tmp_path / "real", monkey_files())).origin == "real"
    packed = {f"drawn-monkeys/{name}": content for name, content in drawn.items()}
    assert find_monkeys(write_zip(tmp_path / "d.zip", packed)).origin == "drawn"
    both = packed | monkey_files(4, 2, outer="10-monkey-species/")
    # what is read counts, not what lies beside
    assert find_monkeys(write_zip(tmp_path / "both.zip", both)).origin == "subset"


def test_a_path_that_does_not_fit_says_what_was_looked_for(tmp_path):
    write_folder(tmp_path, {"cats/a.jpg": encoded(1)})
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(KitError, match=r"training/n0\.\.n9"):
            find_monkeys(path)


def test_search_takes_the_environment_then_the_listed_places_or_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MONKEY_DATA", raising=False)
    monkeypatch.setattr(monkeys.FINDER, "places", ("data/10-monkey-species*", "data/data*"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "10-monkey-species.zip").write_bytes(b"cut short")
    assert find_monkeys() is None
    write_zip(tmp_path / "data" / "data99" / "a.zip", monkey_files())
    assert find_monkeys().path.endswith("a.zip")
    monkeypatch.setenv("MONKEY_DATA", str(write_folder(tmp_path / "mine", monkey_files())))
    assert find_monkeys().path.endswith("mine")


def test_drawn_pictures_are_the_last_resort_and_a_note_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MONKEY_DATA", raising=False)
    monkeypatch.setenv("KIT_SAMPLES", str(tmp_path / "data"))
    monkeypatch.setattr(monkeys.FINDER, "places", ("data/*monkey*", "home/data*/*monkey*"))
    few = partial(draw_monkeys, training_per_class=1, validation_per_class=1)
    monkeypatch.setattr("data_tools.drawing.monkey_sample.draw_monkeys", few)
    found = find_or_draw()
    assert found.origin == "drawn" and found.path.endswith("drawn-monkeys") and find_monkeys() is None
    assert found.notes[0] == ("no monkey images found: DRAWN pictures are used; name real ones with --data PATH "
                              "(looked in $MONKEY_DATA, data/*monkey*, home/data*/*monkey*)")
    assert find_or_draw("sample").notes == find_or_draw(found.path).notes == found.notes[1:]  # asked for
    (tmp_path / "data" / "drawn-monkeys").rename(tmp_path / "data" / "my-monkeys")
    assert find_monkeys() is None
    write_zip(tmp_path / "home/data98765/monkeys.zip", monkey_files())
    assert find_monkeys().path == find_or_draw().path == str(tmp_path / "home/data98765/monkeys.zip")


@pytest.mark.realdata
def test_real_set(realdata):
    data = find_monkeys(realdata / "10-monkey-species")
    assert len(data.training) == 1097 and data.classes == monkeys.COMMON_NAMES
    assert "training/n9/n9151jpg" in data.training.names
    assert any("n9160.png is a PNG" in note for note in data.notes)


def test_class_folders_of_other_names_say_how_to_train_on_them(tmp_path):
    pictures = {f"{name}/{n}.jpg": encoded(n) for name in ("cats", "dogs", "猫") for n in range(2)}
    folder = write_folder(tmp_path / "my pictures", pictures)
    with pytest.raises(KitError, match=r"3 folders of images of your own: cats, dogs, 猫.*\n.*new NAME --like images\n"
                                       r".*run NAME --data '.*my pictures'"):
        find_monkeys(folder)
    write_folder(folder, {"training/cats/1.jpg": encoded(1), "validation/dogs/1.jpg": encoded(2)})
    with pytest.raises(KitError, match="--like images"):
        find_monkeys(folder)
