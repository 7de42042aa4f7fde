"""Folder and zip sources give the same, refuse to leave their place and survive pickling and forks."""

import os
import subprocess
import sys

import pytest

from data_tools.errors import KitError
from data_tools.files.places import PROJECT_ROOT
from data_tools.files.sources import FolderSource, ZipSource, open_source
from tests.data_tools.small_set import write_folder, write_zip

FILES = {"b/two.txt": b"two", "a.txt": b"one", "__MACOSX/a.txt": b"-", ".hidden": b"-", "b/.DS_Store": b"-"}


@pytest.fixture(params=["folder", "zip"])
def source(request, tmp_path):
    write = write_folder if request.param == "folder" else write_zip
    return open_source(write(tmp_path / "data", FILES))


def test_lists_files_sorted_without_hidden_ones_and_reads_them(source):
    assert source.names() == ["a.txt", "b/two.txt"]
    assert source.read("b/two.txt") == b"two"
    assert source.head("a.txt", 2) == b"on"
    assert len(source.stamp("a.txt")) == 2


def test_missing_file_is_named(source):
    with pytest.raises(KitError, match="nothing.txt"):
        source.read("nothing.txt")


def test_size_is_capped(source):
    with pytest.raises(KitError, match="two.txt.*larger than 2"):
        source.read("b/two.txt", limit=2)


OTHER_PROCESSES = """
import multiprocessing, sys
from data_tools.files.sources import open_source

if __name__ == "__main__":
    source = open_source(sys.argv[2])
    source.read("a.txt")  # opened here, and to be opened anew there
    with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
        assert pool.map(source.read, ["a.txt", "b/two.txt"] * 20) == [b"one", b"two"] * 20
        pool.close()
        pool.join()
"""


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_works_in_other_processes(source, start, tmp_path):
    """From a fresh process: forking this one, with the threads and signal handlers of whatever ran before, may hang."""
    script = tmp_path / "pool.py"
    script.write_text(OTHER_PROCESSES)
    done = subprocess.run([sys.executable, str(script), start, source.path], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)})
    assert (done.returncode, done.stderr) == (0, "")


def test_names_do_not_lead_outside(tmp_path):
    write_folder(tmp_path, {"secret.txt": b"-", "data/a.txt": b"one"})
    source = FolderSource(tmp_path / "data")
    for name in ("../secret.txt", str(tmp_path / "secret.txt"), "b/../../secret.txt"):
        with pytest.raises(KitError, match="outside"):
            source.read(name)


def test_a_link_to_a_folder_above_does_not_go_round_for_ever(tmp_path):
    write_folder(tmp_path, {"a.txt": b"one"})
    os.symlink(tmp_path, tmp_path / "again")
    assert FolderSource(tmp_path).names() == ["a.txt"]


def test_a_lying_size_in_the_header_does_not_defeat_the_cap(tmp_path):
    content = bytes(3_000_000)
    path = write_zip(tmp_path / "bomb.zip", {"zeros": content})
    lying = path.read_bytes().replace(len(content).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    path.write_bytes(lying)
    with pytest.raises(KitError, match="zeros"):
        ZipSource(path).read("zeros", limit=1_000_000)


def test_damaged_archives_and_missing_paths_are_named(tmp_path):
    (tmp_path / "cut.zip").write_bytes(write_zip(tmp_path / "whole.zip", FILES).read_bytes()[:60])
    with pytest.raises(KitError, match=r"cut\.zip.*fetch it again"):
        open_source(tmp_path / "cut.zip")
    with pytest.raises(KitError, match="nowhere does not exist"):
        open_source(tmp_path / "nowhere")


def patched(content: bytes, local: tuple[int, bytes], directory: tuple[int, bytes]) -> bytes:
    """A zip archive with other bytes at a place in the headers of its members and in its directory."""
    found = bytearray(content)
    for mark, (place, value) in ((b"PK\3\4", local), (b"PK\1\2", directory)):
        start = -1
        while (start := found.find(mark, start + 1)) >= 0:
            found[start + place:start + place + len(value)] = value
    return bytes(found)


@pytest.mark.parametrize("local, directory, message", [
    ((6, b"\1\0"), (8, b"\1\0"), "it is encrypted; unpack the archive with its password"),
    ((8, b"\x09\0"), (10, b"\x09\0"), "packed by Deflate64 .Windows does so from 2 GB on., which is not read"),
    ((8, b"\x5d\0"), (10, b"\x5d\0"), "packed by Zstandard"), ((8, b"\x11\0"), (10, b"\x11\0"), "packed by method 17")])
def test_members_that_cannot_be_unpacked_here_say_why(tmp_path, local, directory, message):
    path = write_zip(tmp_path / "data.zip", FILES)
    path.write_bytes(patched(path.read_bytes(), local, directory))
    with pytest.raises(KitError, match=f"cannot read a.txt in .*data.zip: .*{message}.*7z x"):
        ZipSource(path).read("a.txt")


@pytest.mark.parametrize("files, given, message", [
    ({"d.zip": None, "d.z01": b"x"}, "d.zip", r"a part of a split archive \(d.z01\); put it together"),
    ({"d.z01": b"x"}, "d.z01", "a part of a split archive"), ({"d.zip.001": b"PK"}, "d.zip.001", "a part of a split"),
    ({"d.zip": b"<!DOCTYPE html><html>"}, "d.zip", "is no zip archive but a web page"),
    ({"d.zip": b"version https://git-lfs.github.com/spec/v1\n"}, "d.zip", "a pointer of Git LFS"),
    ({"d.zip": b"\x1f\x8b"}, "d.zip", "a tar.gz .or .gz. archive"), ({"d.zip": b""}, "d.zip", "cannot be opened"),
    ({"d.zip": b"PK\3\4" + bytes(50)}, "d.zip", "may be cut short")])
def test_what_is_no_whole_zip_is_named(tmp_path, files, given, message):
    for name, content in files.items():
        (tmp_path / name).write_bytes(write_zip(tmp_path / "whole", FILES).read_bytes() if content is None else content)
    with pytest.raises(KitError, match=message):
        open_source(tmp_path / given)
