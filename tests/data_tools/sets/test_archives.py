"""Data sets in the archives that people have: from Windows, from a Mac, several side by side, one in another."""

import copy
import io
import zipfile

import pytest

from data_tools.errors import KitError
from data_tools.files.image_set import ImageSet
from data_tools.files.sources import open_source
from data_tools.packed.store import PackedStore
from data_tools.sets.celeba import find_celeba
from data_tools.sets.folders import folder_images
from data_tools.sets.glasses import find_glasses
from data_tools.sets.monkeys import find_monkeys
from data_tools.sets.super_resolution import find_set, read_images
from tests.data_tools.sets.test_celeba import images, labels
from tests.data_tools.sets.test_glasses import FACES
from tests.data_tools.sets.test_glasses import files as glasses_files
from tests.data_tools.small_set import encoded, monkey_files, write_folder, write_zip


def raw_zip(path, files, name_of):
    """A zip whose names are just what name_of gives, which zipfile would put right."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            member = zipfile.ZipInfo("x")
            member.filename = name_of(name)
            archive.writestr(member, content)
    return path


def chosen(files, word):
    return {name: content for name, content in files.items() if word in name}


def below(files, folder):
    """What lies in `folder`, named from there."""
    return {name[len(folder):]: content for name, content in files.items() if name.startswith(folder)}


def zipped(files):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def halves(files):
    """Every other file each: the parts into which a cloud cuts a download."""
    names = sorted(files)
    return [{name: files[name] for name in names[start::2]} for start in range(2)]


WAYS = {
    "backslashes": lambda path, files: raw_zip(path / "a.zip", files, lambda name: name.replace("/", "\\")),
    "dots before the names": lambda path, files: raw_zip(path / "a.zip", files, lambda name: f"./{name}"),
    "from a Mac": lambda path, files: write_zip(path / "a.zip", files | {
        f"__MACOSX/{name.rpartition('/')[0]}/._{name.rpartition('/')[2]}": b"\0\5\26\7" for name in files}),
    "parts of a download": lambda path, files: [
        write_zip(path / f"set-20240131T121110Z-00{number}.zip", part) for number, part in enumerate(halves(files), 1)
    ][0].parent,
    "parts of any names": lambda path, files: [
        write_zip(path / f"{name}.ZIP", part) for name, part in zip(("first", "second"), halves(files))][0].parent,
    "a zip in a zip": lambda path, files: write_zip(path / "outer.zip", {"deeper/inner.zip": zipped(files)}),
    "a zip in a zip in a zip, in a folder": lambda path, files: write_zip(
        path / "outer.zip", {"deeper/inner.zip": zipped({"innermost.zip": zipped(files)})}).parent,
    "parts in a zip": lambda path, files: write_zip(
        path / "outer.zip", {f"set-{number}.zip": zipped(part) for number, part in enumerate(halves(files))}),
}
SETS = {
    "monkeys": (monkey_files, lambda path: find_monkeys(path), ("training", "validation")),
    "celeba": (lambda: images() | labels(), lambda path: find_celeba(path), ("training", "validation", "test")),
    "glasses": (glasses_files, lambda path: find_glasses(path), ("training", "validation", "test", "unlabelled")),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", SETS)
def test_every_set_is_read_from_every_archive(tmp_path, monkeypatch, kind, way):
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    files, find, splits = SETS[kind]
    wanted, data = find(write_folder(tmp_path / "plain", files())), find(WAYS[way](tmp_path / "way", files()))
    for split in splits:
        left, right = getattr(wanted, split), getattr(data, split)
        assert right.labels.tolist() == left.labels.tolist()
        assert [right.read(row) for row in range(len(right))] == [left.read(row) for row in range(len(left))]


def test_splits_and_classes_in_zips_of_their_own(tmp_path):
    files = monkey_files()
    for folder in ("training/", "validation/"):
        write_zip(tmp_path / "splits" / f"{folder[:-1]}.zip", below(files, folder))
        for label in range(10):
            write_zip(tmp_path / "classes" / folder / f"n{label}.zip", below(files, f"{folder}n{label}/"))
    for place in ("splits", "classes"):
        data = find_monkeys(tmp_path / place)
        assert (len(data.training), len(data.validation)) == (30, 10)
        assert data.training.read(4) == files["training/n1/n1001.jpg"]


def test_a_second_download_of_the_same_set_changes_nothing(tmp_path):
    write_zip(tmp_path / "monkeys.zip", monkey_files())
    write_zip(tmp_path / "monkeys (1).zip", monkey_files())
    data = find_monkeys(tmp_path)
    assert len(data.training) == 30 and data.path == str(tmp_path / "monkeys (1).zip")


def test_labels_in_zips_of_their_own(tmp_path):
    """Kaggle gives each file of a set as a zip; faces with glasses come with both label files in another."""
    for name, content in (images() | labels(csv=True)).items():
        if not name.startswith("img"):
            write_zip(tmp_path / "celeba" / f"{name}.zip", {name: content})
    write_zip(tmp_path / "celeba" / "img_align_celeba.zip", images())
    assert [len(find_celeba(place).test) for place in
            (tmp_path / "celeba", tmp_path / "celeba" / "img_align_celeba.zip")] == [2, 2]
    write_zip(tmp_path / "glasses" / "faces.zip", chosen(glasses_files(), FACES))
    write_zip(tmp_path / "glasses" / "lists.zip", chosen(glasses_files(), ".csv"))
    assert len(find_glasses(tmp_path / "glasses").unlabelled) == 2


def test_photographs_in_parts_and_in_a_zip_of_a_zip(tmp_path, monkeypatch):
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    names = {f"Set5/{number}.png": encoded(number, kind="PNG") for number in range(5)}
    for number, part in enumerate(halves(names)):
        write_zip(tmp_path / "parts" / f"Set5-{number}.zip", part)
    outer = write_zip(tmp_path / "outer.zip", {"Set5.zip": zipped(below(names, "Set5/"))})
    assert len(find_set("Set5", tmp_path / "parts")) == len(find_set("Set5", outer)) == 5
    assert len(read_images(outer)) == len(folder_images(tmp_path / "parts")) == 5


@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
def test_chinese_names_are_text_whoever_wrote_them(tmp_path, encoding):
    """Without the flag for UTF-8, as Windows writes GBK and macOS UTF-8."""
    content = {"猴子/测试图片1.png": encoded(1, kind="PNG"), "猴子/plain.png": encoded(2, kind="PNG")}
    path = rebuilt(tmp_path / "b.zip", content, encoding)
    source = open_source(path)
    assert source.names() == sorted(content) and {name: source.read(name) for name in content} == content
    assert copy.deepcopy(source).read("猴子/plain.png") == content["猴子/plain.png"]


def rebuilt(path, files, encoding):
    """A zip with names of this encoding and without its flag: bytes of a stand-in of equal length are replaced."""
    stand_ins = {name: f"{number:0{len(name.encode(encoding))}}" for number, name in enumerate(files)}
    data = zipped({stand_ins[name]: content for name, content in files.items()})
    for name, stand_in in stand_ins.items():
        data = data.replace(stand_in.encode(), name.encode(encoding))
    path.write_bytes(data)
    return path


def test_names_that_differ_in_header_and_directory_are_read(tmp_path):
    """Some .NET programs write a backslash in one of the two places only, which zipfile refuses (cpython#91036)."""
    data = zipped({"a/b.txt": b"text"})
    path = tmp_path / "a.zip"
    path.write_bytes(data.replace(b"a/b.txt", rb"a\b.txt", 1))
    assert open_source(path).read("a/b.txt") == b"text"


def test_together_and_inside_survive_other_processes_and_packing(tmp_path, monkeypatch):
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    write_zip(tmp_path / "place" / "outer.zip", {
        "training.zip": zipped(below(monkey_files(), "training/")),
        "validation.zip": zipped(below(monkey_files(), "validation/"))})
    data = find_monkeys(tmp_path / "place")
    assert data.training.source.path.endswith("*.zip")
    again = open_source(data.training.source.path)  # as a worker process opens it
    assert [again.read(name) for name in data.training.names] == [data.training.read(row) for row in range(30)]
    assert copy.deepcopy(data.training.source).names() == again.names()
    store = PackedStore.open(data.validation, 16, progress=False)
    assert isinstance(data.validation, ImageSet) and len(store) == 10


@pytest.mark.parametrize("head, kind", [(b"\x1f\x8b\x08", "tar.gz"), (b"Rar!\x1a\x07\0", "rar"),
                                        (b"\0" * 257 + b"ustar", "tar")])
def test_another_kind_of_archive_is_named(tmp_path, head, kind):
    path = tmp_path / "a.zip"
    path.write_bytes(head + bytes(600))
    with pytest.raises(KitError, match=f"is a {kind}.* archive.*unpack it"):
        find_monkeys(path)


def test_an_inner_archive_for_which_there_is_no_room_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    path = write_zip(tmp_path / "outer.zip", {"inner.zip": zipped(monkey_files())})
    monkeypatch.setattr("data_tools.files.sources.shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(KitError, match="inner.zip has .* MB, more than is free in"):
        find_monkeys(path)
