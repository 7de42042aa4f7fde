"""Processes of their own: what goes wrong in one is named and stops nothing else; limits are kept."""

import mmap
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from data_tools.errors import KitError
from data_tools.files.places import PROJECT_ROOT
from reports.grading.jail import Jail, Task
from reports.grading.limits import Limits
from reports.grading.shut_in import lacking, needed
from reports.grading.zygote import _fate, folder_size, load, own_memory
from tests.reports.grading.toy import RUBRIC, make_toy_run

WORKS = "tests.reports.grading.toy:works"
TIGHT = Limits(seconds=8, cpu_seconds=1, memory_mb=250, disk_mb=30, weights_mb=20, arrays_mb=20)
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


def graded(jail: Jail, *paths: Path) -> dict:
    return {task.name: grade for task, grade in jail.grade(Task(path.name, path) for path in paths)}


@forks
def test_each_limit_is_kept_and_named_and_the_others_get_their_grade(tmp_path):
    kinds = {"sleep": "timeout", "spin": "timeout", "eat": "out-of-memory", "fill": "disk", "die": "crashed",
             "raise": "crashed"}
    runs = [make_toy_run(tmp_path / kind, **{kind: 1}) for kind in kinds] + [make_toy_run(tmp_path / "good")]
    with Jail(WORKS, {"more": ["other"]}, TIGHT, jobs=3) as jail:
        grades = graded(jail, *runs)
        scratch, zygote = jail._scratch, jail._process.pid
        assert not offspring(zygote)
        assert jail.notice == "" and len(jail.key) == 64
    assert {name: grade.kinds for name, grade in grades.items()} == {**{k: [v] for k, v in kinds.items()}, "good": []}
    assert grades["good"].verdict == "reproduced" and grades["good"].score == 100
    assert all(grades[kind].verdict == "incomplete" for kind in kinds)
    assert 8 <= grades["sleep"].seconds < 30 and "8 seconds" in grades["sleep"].problems[0]["message"]
    messages = [line.message for line in grades["sleep"].criteria]
    assert messages and all("8 seconds" in said["en"] and "评判超时" in said["zh"] for said in messages)
    assert "SIGSEGV" in grades["die"].problems[0]["message"] and "about to die" in grades["die"].output
    assert "Traceback" in grades["raise"].output
    assert grades["sleep"].assignment == "toy" and grades["sleep"].max_score == 100
    assert [line.id for line in grades["sleep"].criteria][0] == "whole"
    assert not scratch.exists() and not alive(zygote)


@pytest.mark.skipif(sys.platform != "linux" or bool(lacking()), reason=f"nothing shuts in here: {lacking()}")
def test_a_run_is_judged_where_others_files_network_and_processes_are_out_of_reach(tmp_path, monkeypatch):
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    other = make_toy_run(tmp_path / "other")
    with Jail(WORKS, {}, Limits()) as jail:
        made = graded(jail, make_toy_run(tmp_path / "curious", reach=str(other)))["curious"]
    assert made.verdict == "reproduced" and made.output.splitlines()[-6:] == [
        "read: PermissionError", "write: PermissionError", "network: PermissionError", "fork: PermissionError",
        "kill: PermissionError", "scratch: reached"]
    assert not (other / "new").exists()


def test_data_that_lie_elsewhere_are_read(tmp_path, monkeypatch):
    (tmp_path / "set" / "part").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "set" / "part" / "more").symlink_to(tmp_path / "elsewhere")
    monkeypatch.setenv("MONKEY_DATA", str(tmp_path / "monkeys"))
    (tmp_path / "monkeys").mkdir()
    readable, writable = needed(tmp_path / "ann.zip", tmp_path, [f"celeba:{tmp_path}/set", "sample", ""])
    wanted = {str(tmp_path / name) for name in ("set", "elsewhere", "monkeys")}
    assert wanted <= set(readable) and str(tmp_path) in writable
    assert str(PROJECT_ROOT) in readable and str(Path.home() / ".ssh") not in readable


@forks
def test_a_lost_zygote_is_replaced_and_its_submissions_are_tried_again(tmp_path):
    runs = [make_toy_run(tmp_path / name) for name in ("a", "b", "c")]
    with Jail(WORKS, {}, Limits(), jobs=2) as jail:
        grades = jail.grade(Task(run.name, run) for run in runs)
        task, first = next(grades)
        os.kill(jail._process.pid, signal.SIGKILL)
        rest = {task.name: grade for task, grade in grades}
    assert {task.name, *rest} == {"a", "b", "c"}
    assert all(grade.verdict == "reproduced" for grade in (first, *rest.values()))


@forks
def test_children_end_with_their_parent(tmp_path):
    run = make_toy_run(tmp_path / "run", sleep=1)
    code = (f"import sys; sys.path.insert(0, {str(PROJECT_ROOT)!r})\n"
            "from pathlib import Path\nfrom reports.grading.jail import Jail, Task\nfrom reports.grading.limits import "
            "Limits\n"
            f"with Jail({WORKS!r}, {{}}, Limits()) as jail:\n"
            f"    print(jail._process.pid, flush=True)\n    list(jail.grade([Task('run', Path({str(run)!r}))]))\n")
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        zygote = int(parent.stdout.readline())
        deadline = time.monotonic() + 20
        while not (found := offspring(zygote)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert found
        parent.kill()
    while any(map(alive, (zygote, *found))) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(alive, (zygote, *found)))


def offspring(pid: int) -> list[int]:
    return [int(n) for n in subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True,
                                           text=True).stdout.split()]


def alive(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return bool(state) and not state.startswith("Z")


def test_without_fork_the_time_limit_is_kept(tmp_path):
    with Jail(WORKS, {}, Limits(), assignment="toy", forking=False) as jail:
        good = graded(jail, make_toy_run(tmp_path / "good"))["good"]
        jail.limits = Limits(seconds=2)
        late = graded(jail, make_toy_run(tmp_path / "sleep", sleep=1))["sleep"]
    assert good.verdict == "reproduced" and good.score == 100
    assert late.kinds == ["timeout"] and late.max_score == 100


@forks
def test_how_a_process_ended_is_told_from_its_status():
    def status_of(number: int) -> int:
        pid = os.fork()
        if not pid:
            os.kill(os.getpid(), number)
        return os.waitpid(pid, 0)[1]

    assert _fate(status_of(signal.SIGXCPU), TIGHT) == ("timeout",
                                                       "judging it took more than 1 seconds of the processor")
    assert _fate(status_of(signal.SIGKILL), TIGHT)[0] == "grader-ended"
    assert _fate(0, TIGHT) == ("", "") and _fate(1 << 8, TIGHT)[0] == "crashed"


def test_what_keeps_grading_from_beginning_is_said():
    with pytest.raises(KitError, match="toy rubric: criteria is missing"):
        Jail(WORKS, {"rubric": {"assignment": "toy"}}, Limits()).__enter__()
    with pytest.raises(RuntimeError, match="no_such_module"):
        Jail("no_such_module:works", {}, Limits()).__enter__()


def test_the_key_follows_rubric_data_and_limits():
    def key(limits: Limits = TIGHT, **options) -> str:
        return load({"works": WORKS, "options": options, "limits": asdict(limits), "assignment": None})[2]

    other = {**RUBRIC, "tolerance": 0.5}
    assert key() == key()
    assert len({key(), key(origin="drawn"), key(rubric=other), key(Limits())}) == 4


def test_measures(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "file").write_bytes(b"x" * 100_000)
    assert 100_000 <= folder_size(tmp_path) < 200_000 and folder_size(tmp_path / "none") == 0
    if Path("/proc/self/smaps_rollup").exists():
        before = own_memory(os.getpid())
        # past malloc, which keeps what was freed
        with mmap.mmap(-1, 50 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as block:
            block.write(bytes(50 << 20))
            assert 45 << 20 < own_memory(os.getpid()) - before
    assert own_memory(2**22 + 5) == 0
