"""The jail of a student's code: what it cannot do, how it ends, and that each means of the system holds alone."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from data_tools.errors import KitError
from data_tools.files.places import PROJECT_ROOT

if sys.platform != "linux":
    pytest.skip("a student's code runs on Linux only", allow_module_level=True)

from reports.grading import code_jail, kernel
from reports.grading.code_jail import CodeJail
from reports.grading.limits import CodeLimits

HOSTILE = '''
import os, sys, time
import numpy as np

def double(modules, a): return 2 * a, {"n": 3, "x": 0.5}, None
def spoil(modules, a): a[0] = 7.0; return np.random.rand(2)
def overflow(modules, a): return 1 / (1 + np.exp(-a))
def read(modules, path): return open(path).read(10)
def write(modules, path): open(path, "w").write("x"); return path
def fork(modules): return os.fork()
def start(modules): import subprocess; return subprocess.call(["/bin/true"])
def connect(modules):
    import socket
    socket.create_connection(("127.0.0.1", 9), 1)
def kill(modules, number): os.kill(number, 0)
def environment(modules): return sorted(os.environ)
def eat(modules): return np.ones(10 << 27)[:1].copy()
def loop(modules):
    while True: pass
def leave(modules): os._exit(0)
def objects(modules): return np.array([object()])
def fill(modules):
    for number in range(40): open(f"{os.getcwd()}/{number}", "wb").write(bytes(1 << 20))
def forge(modules):
    for number in range(3, 64):
        try: os.write(number, b"\\xff" * 8)
        except OSError: pass
    return 1
def kit(modules): import reports.grading.confined
def chatter(modules): print("answer: 100 of 100"); return 0
'''
MEANS = {"as the system offers": (), "namespaces, Landlock, seccomp": ("bubblewrap",),
         "namespaces": ("bubblewrap", "landlock", "seccomp"), "no namespaces": ("bubblewrap", "namespaces")}
TIGHT = CodeLimits(seconds=2, memory_mb=256, scratch_mb=8)


def jail_of(without, **named) -> CodeJail:
    return CodeJail({"work": HOSTILE}, TIGHT, without=without, **named)


@pytest.fixture(params=MEANS, scope="module")
def jail(request):
    try:
        with jail_of(MEANS[request.param]) as made:
            yield made
    except KitError as error:
        pytest.skip(str(error))


def ask(jail, name, *arguments):
    return jail.call("work", name, arguments)


def test_values_go_in_and_come_out(jail):
    assert jail.loaded == {"work": None} and "student code is shut in by" in jail.notice
    doubled, more, nothing = ask(jail, "double", np.arange(3.0)).value
    assert doubled.tolist() == [0, 2, 4] and more == {"n": 3, "x": 0.5} and nothing is None
    spoiled = ask(jail, "spoil", np.zeros(2))
    assert list(spoiled.changed) == [0] and spoiled.used_global and spoiled.value.shape == (2,)
    assert list(ask(jail, "overflow", np.array([-1000.0])).warnings) == ["overflow"]
    assert ask(jail, "chatter").value == 0 and "answer: 100 of 100" in jail.output
    assert ask(jail, "nowhere").error[0] == "AttributeError"


@pytest.mark.parametrize("name, arguments, errors", [
    ("read", [str(PROJECT_ROOT / "assignments/backprop/by_hand/backprop.py")], "FileNotFoundError PermissionError"),
    ("read", ["/etc/passwd"], "FileNotFoundError PermissionError"),
    ("read", ["/proc/1/environ"], "FileNotFoundError PermissionError"),
    ("write", ["/var/tmp/left-by-a-student"], "FileNotFoundError PermissionError OSError"),
    ("fork", [], "PermissionError BlockingIOError"), ("start", [], "PermissionError BlockingIOError"),
    ("connect", [], "PermissionError OSError"),
    ("kill", [os.getpid()], "PermissionError ProcessLookupError"),
    ("kit", [], "ModuleNotFoundError"), ("fill", [], "OSError PermissionError")])
def test_what_is_refused(jail, name, arguments, errors):
    if name == "fill" and not jail.got["namespaces"]:
        pytest.skip("without mounts of its own a single file is limited, not their number")
    answer = ask(jail, name, *arguments)
    assert answer.error and answer.error[0] in errors.split(), answer
    assert answer.error[2] > 0 and not Path("/var/tmp/left-by-a-student").exists()


def test_the_environment_tells_nothing(jail):
    assert ask(jail, "environment").value == ["HOME", "TMPDIR"]


@pytest.mark.parametrize("name, fate", [("eat", "memory"), ("loop", "timeout"), ("leave", "ended"),
                                        ("objects", "garbage"), ("forge", "garbage")])
def test_how_it_ends_is_named_and_the_next_call_is_answered(jail, name, fate):
    start = time.monotonic()
    assert ask(jail, name).fate == fate
    assert time.monotonic() - start < 10
    assert ask(jail, "double", np.ones(1)).value[0].tolist() == [2]


def test_it_does_not_run_where_nothing_keeps_it_apart():
    nothing = ("bubblewrap", "namespaces", "landlock", "seccomp")
    with pytest.raises(KitError, match="network and files and processes.*--trust"):
        jail_of(nothing).__enter__()
    with jail_of(nothing, trust=True) as jail:
        assert "NOT kept apart, and trusted: network, files, processes" in jail.notice
        assert ask(jail, "double", np.ones(1)).value[0].tolist() == [2]


def test_nothing_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with jail_of(()) as jail:
        ask(jail, "double", np.ones(1))
        outer = jail._process.pid
    assert not list(tmp_path.iterdir()) and not Path(f"/proc/{outer}").exists()


def test_it_ends_with_its_parent(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text("import os, signal, sys\nfrom reports.grading.code_jail import CodeJail\n"
                      "with CodeJail({'work': 'def loop(m):\\n    while True: pass\\n'}) as jail:\n"
                      "    print(jail._process.pid, flush=True)\n    jail.call('work', 'loop', [])\n")
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT), "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, env=environment, text=True) as parent:
        outer = int(parent.stdout.readline())
        time.sleep(0.3)
        descendants = subprocess.run(["pgrep", "-P", str(outer)], capture_output=True, text=True).stdout.split()
        parent.kill()
    deadline = time.monotonic() + 10
    while any(_alive(pid) for pid in (outer, *descendants)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(_alive(pid) for pid in (outer, *descendants))


def _alive(pid) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


TRY = ("import numpy as np\nfrom reports.grading.code_jail import CodeJail\n"
       "with CodeJail({'work': 'import os\\ndef f(m, a): return 2 * a, os.getuid()'}) as jail:\n"
       "    print(jail.notice, jail.call('work', 'f', [np.ones(2)]).value)\n")


@pytest.mark.parametrize("wrapped", [
    ["runuser", "-u", "nobody", "--"], ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "--no-new-privs"],
    ["unshare", "--mount", "sh", "-c", 'umount -l /proc && exec "$@"', "sh"]],
    ids=["an ordinary user", "no capabilities", "no /proc"])
def test_as_whom_and_where_it_is_tried(wrapped):
    if os.geteuid() or not shutil.which(wrapped[0]):
        pytest.skip(f"needs root and {wrapped[0]}")
    python, packages, _ = code_jail._python_files()
    if wrapped[0] == "runuser" and subprocess.run([*wrapped, python, "-c", ""], capture_output=True).returncode:
        python = f"/usr/bin/python3.{sys.version_info.minor}"  # that of pyenv is in root's own folder
        look = [*wrapped, python, "-c", f"open({packages!r} + '/numpy/version.py')"]
        if not Path(python).exists() or subprocess.run(look, capture_output=True).returncode:
            pytest.skip("nobody may read no Python with NumPy here")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{PROJECT_ROOT}:{packages}",
                   "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([*wrapped, python, "-c", TRY], capture_output=True, text=True, cwd="/", env=environment)
    if "cannot keep" in done.stderr:
        pytest.skip(done.stderr.splitlines()[-1])
    assert "array([2., 2.])" in done.stdout and done.stdout.startswith("student code is shut in by"), done.stderr


def test_only_numpy_and_the_standard_library_are_readable():
    _, packages, readable = code_jail._python_files()
    assert packages not in readable and any(path.endswith("/numpy") for path in readable)
    assert not any(str(PROJECT_ROOT).startswith(path + "/") for path in readable)
    assert kernel.address_space() > 1 << 20
