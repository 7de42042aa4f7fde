"""Workers in whole programs: started in any way, interrupted, killed. They say nothing, never outlive the program."""

import os
import signal
import sys
import time

import pytest

from data_tools.files.places import PROJECT_ROOT
from tests.data_tools.processes import descendants, program, python, running, wait_until, workers_of

ROOT = PROJECT_ROOT


class WithoutPaddle:
    """An augmenter that says in which processes Paddle is imported."""

    def __call__(self, images, seed, first):
        assert "paddle" not in sys.modules
        return images


PROGRAM = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
import os, time
import numpy as np
from data_tools.errors import KitError
from data_tools.batches.loader import make_loader
from tests.data_tools.batches.test_loader import Sleeping, Store
from tests.data_tools.batches.test_loader_programs import WithoutPaddle
store = Store(np.zeros((40, 2, 2, 3), np.uint8), np.arange(40))
def loader(workers=2, **more):
    return make_loader(store, 2, shuffle=True, seed=0, epoch=0, workers=workers, **more)
"""
WAITING = PROGRAM + """
try:
    for batch in loader(augmenter=Sleeping(0.2)):
        print("begun", flush=True)
        time.sleep(0.1)
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.compat
@pytest.mark.parametrize("way", ["command", "standard input", "file without guard"])
def test_workers_serve_any_program_and_nobody_imports_paddle(way, tmp_path):
    code = PROGRAM + """
for workers in (0, 1, 2):
    assert len(list(loader(workers, augmenter=WithoutPaddle()))) == 20
assert "paddle" not in sys.modules
print("done")
"""
    (tmp_path / "program.py").write_text(code)
    arguments = {"command": ["-c", code], "standard input": ["-"], "file without guard": [str(tmp_path / "program.py")]}
    done = python(arguments[way], input=code if way == "standard input" else "")
    assert (done.stdout, done.stderr, done.returncode) == ("done\n", "", 0)


def test_an_augmenter_of_the_main_script_needs_a_guard_or_module(tmp_path):
    code = PROGRAM + """
class Own:
    def __call__(self, images, seed, first):
        return images
if __name__ == "__main__":
    print(len(list(loader(augmenter=Own()))))
"""
    (tmp_path / "program.py").write_text(code)
    done = python([str(tmp_path / "program.py")])
    assert (done.stdout, done.stderr) == ("20\n", "")
    done = python(["-"], input=code)
    assert "AttributeError" in done.stderr and "Own" in done.stderr and done.returncode == 1


def test_a_program_may_end_in_the_middle_of_an_iteration():
    begin = time.monotonic()
    done = python(["-c", PROGRAM + "iteration = iter(loader(augmenter=Sleeping(20, after=1)))\nnext(iteration)"])
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0) and time.monotonic() - begin < 15


@pytest.mark.parametrize("delay", [0, 0.4])
def test_ctrl_c_is_for_the_parent_alone(delay):
    with program(WAITING) as process:
        if delay:
            process.stdout.readline()
        else:  # while the fork server is starting
            wait_until(lambda: descendants(process.pid))
        time.sleep(delay)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "")


def test_a_sigterm_to_all_leaves_the_decision_to_the_parent():
    code = "import signal; signal.signal(signal.SIGTERM, lambda *_: print('noted', flush=True))" + WAITING
    with program(code) as process:
        process.stdout.readline()
        os.killpg(process.pid, signal.SIGTERM)
        out, errors = process.communicate(timeout=60)
    assert (process.returncode, errors, out.count("noted"), out.count("begun")) == (0, "", 1, 19)


@pytest.mark.compat
def test_workers_do_not_outlive_a_killed_parent():
    with program(WAITING.replace("Sleeping(0.2)", "Sleeping(60, after=1)")) as process:
        process.stdout.readline()
        family = descendants(process.pid)
        assert len(workers_of(process.pid)) == 2
        process.kill()
        begin = time.monotonic()
        wait_until(lambda: not {each for each in family if running(each)})
        assert time.monotonic() - begin < 10
