"""What is set before Paddle is imported, in fresh processes."""

import os
import subprocess
import sys

import pytest

from data_tools.files.places import PROJECT_ROOT

ROOT = PROJECT_ROOT
pytestmark = pytest.mark.compat


def python(code, **variables):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "FLAGS_"))}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT,
                          env={**environment, **variables}, timeout=120)


def test_importing_the_networks_says_nothing_on_standard_error():
    done = python("import paddle_models.tasks.classification\n"
                  "from paddle_models.trainer import runtime\n"
                  "print(runtime.start('cpu'))")
    assert (done.stdout.strip().splitlines()[-1], done.stderr) == ("cpu", "")


def test_all_cores_unless_the_user_says_otherwise():
    code = ("import paddle_models, paddle\n"
            "from paddle_models.environment import cores, threads\n"
            "print(threads() == cores(), threads())")
    assert python(code).stdout.split()[0] == "True"
    assert python(code, OMP_NUM_THREADS="1").stdout.split()[1] == "1"
    assert python(code, PADDLE_LOCAL_SIZE="1000").stdout.split()[1] == "1"  # processes of one launch share the cores


def test_the_launcher_is_not_taken_for_the_user():
    """paddle.distributed.launch imports Paddle, which sets OMP_NUM_THREADS=1 for all that it starts."""
    code = ("import paddle_models, paddle\n"
            "from paddle_models.environment import cores, threads\n"
            "from paddle_models.trainer import runtime\n"
            "runtime.start('cpu')\n"
            "import os; print(threads() == cores(), threads(), os.environ.get('OMP_NUM_THREADS'))")
    started = python(code, PADDLE_LOCAL_SIZE="1", OMP_NUM_THREADS="1").stdout.split()
    assert (started[0], started[2]) == ("True", "None")
    assert python(code, PADDLE_LOCAL_SIZE="1", OMP_NUM_THREADS="3").stdout.split()[1] == "3"  # that was the user


def test_processes_started_from_a_run_have_all_cores_too():
    child = "from paddle_models.environment import cores, threads; print(threads() == cores())"
    code = ("import paddle_models, subprocess, sys\nfrom paddle_models.trainer import runtime\nruntime.start('cpu')\n"
            f"print(subprocess.run([sys.executable, '-c', {child!r}], capture_output=True, text=True).stdout)")
    assert python(code).stdout.split()[-1] == "True"
    code = code.replace("cores, threads; print(threads() == cores())", "threads; print(threads())")
    assert python(code, OMP_NUM_THREADS="3").stdout.split()[-1] == "3"


def test_the_users_own_settings_win():
    code = "import os, paddle_models; print(os.environ['OMP_WAIT_POLICY'], os.environ.get('MKL_DEBUG_CPU_TYPE'))"
    assert python(code, OMP_WAIT_POLICY="ACTIVE", MKL_DEBUG_CPU_TYPE="4").stdout.split() == ["ACTIVE", "4"]


def test_zlib_works_after_paddle():
    code = "import paddle_models, paddle, zlib; print(zlib.decompress(zlib.compress(b'whole')).decode())"
    assert python(code).stdout.split()[-1] == "whole"
