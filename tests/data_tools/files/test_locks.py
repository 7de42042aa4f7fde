"""Locks and whole files on file systems of every kind: without locks, without fsync, read-only, with leftovers."""

import errno
import json
import multiprocessing
import os
import socket
import time
from pathlib import Path

import pytest

from data_tools.drawing.drawn_set import write_drawn_set
from data_tools.errors import KitError
from data_tools.files import locks, places
from data_tools.files.atomic import AGAIN, LEFT_OVER, atomic_path, sweep, write_atomically
from data_tools.files.locks import Busy, locked
from tests.data_tools.small_set import encoded


@pytest.fixture(params=["locks", errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def file_system(request, monkeypatch):
    """One with locks, and some on which flock() answers so."""
    def refuse(*_):
        raise OSError(request.param, os.strerror(request.param))

    if request.param != "locks":
        monkeypatch.setattr(locks.fcntl, "flock", refuse)


def test_one_holds_the_lock_and_leaves_nothing(file_system, tmp_path):
    path = tmp_path / ".lock"
    for _ in range(2):
        with locked(path):
            with pytest.raises(Busy, match="held by another process"):
                with locked(path, wait=False):
                    raise AssertionError("the lock did not hold")
        assert not list(tmp_path.iterdir())


def count(path, file):
    for _ in range(20):
        with locked(path):
            number = int(file.read_text())
            time.sleep(0.001)
            file.write_text(str(number + 1))


def test_processes_take_turns(file_system, tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "PAUSE", 0.002)
    file = tmp_path / "number"
    file.write_text("0")
    processes = [multiprocessing.get_context("fork").Process(target=count, args=(tmp_path / "lock", file))
                 for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert file.read_text() == "60"


def test_a_lock_by_name_of_a_process_that_is_gone_counts_for_nothing(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks.fcntl, "flock", refuse)
    gone = multiprocessing.get_context("fork").Process(target=int)
    gone.start()
    gone.join()
    held = tmp_path / "lock.held"
    held.write_text(json.dumps({"host": socket.gethostname(), "process": gone.pid}))
    with locked(tmp_path / "lock", wait=False):
        assert json.loads(held.read_text())["process"] == os.getpid()
    held.write_text(json.dumps({"host": "another", "process": 1}))
    with pytest.raises(Busy, match=r"\(1 on another; where that is gone, remove .*lock.held\)"):
        with locked(tmp_path / "lock", wait=False):
            pass


@pytest.mark.parametrize("answer", [errno.EINVAL, errno.ENOTSUP, errno.EACCES])
def test_fsync_of_a_folder_is_a_wish(tmp_path, monkeypatch, answer):
    real = os.fsync

    def fsync(descriptor):
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(answer, os.strerror(answer))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


def test_fsync_of_a_file_may_be_absent_but_not_fail(tmp_path, monkeypatch):
    def fsync(_):
        raise OSError(answers.pop(), "no")

    monkeypatch.setattr(os, "fsync", fsync)
    answers = [errno.EINVAL, errno.EINVAL]
    write_atomically(tmp_path / "file", b"new")
    answers = [errno.EIO]
    with pytest.raises(KitError, match=f"cannot write .*file: .*then {AGAIN}"):
        write_atomically(tmp_path / "file", b"newer")
    assert (tmp_path / "file").read_bytes() == b"new" and len(list(tmp_path.iterdir())) == 1


def test_what_a_kill_left_is_swept(tmp_path):
    old, fresh, other = (tmp_path / name for name in (".weights.1.tmp", ".weights.2.tmp", ".notes.tmp"))
    for path in (old, fresh, other):
        path.write_bytes(b"half")
    before = time.time() - LEFT_OVER - 1
    os.utime(old, (before, before))
    with atomic_path(tmp_path / "weights") as temporary:
        temporary.write_bytes(b"whole")
    assert {path.name for path in tmp_path.iterdir()} == {"weights", fresh.name, other.name}
    sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"weights", other.name}


@pytest.fixture
def homeless(monkeypatch):
    """A user whose home is told neither by HOME nor by the list of users, as in many containers."""
    def unknown(*_):
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)


def test_a_user_without_home_makes_no_folder_called_tilde(tmp_path, monkeypatch, homeless):
    monkeypatch.chdir(tmp_path)
    assert list(places.real_places(["~/*", "*"])) == []
    monkeypatch.setenv("KIT_CACHE", "~/cache")
    with pytest.raises(KitError, match="~/cache: the home folder ~ is unknown; set the variable HOME, or give a path"):
        places.cache("packed")
    with pytest.raises(KitError, match="there is no user nosuchuser"):
        places.expand("~nosuchuser/x")
    (tmp_path / "~old").mkdir()
    assert places.expand("~old") == Path("~old")  # it is there


def test_a_drawn_set_that_is_complete_needs_no_writing(tmp_path, monkeypatch):
    def draw():
        return write_drawn_set(tmp_path / "set", "Drawn stand-in", {"a.png": (1,)}, lambda seed: encoded(seed), {},
                               "tests", "1 MB")

    draw()

    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "open", refuse)
    assert draw() == tmp_path / "set"
    (tmp_path / "set" / "a.png").unlink()
    with pytest.raises(KitError, match="cannot write the drawn tests .*Read-only file system.*KIT_SAMPLES=FOLDER"):
        draw()
