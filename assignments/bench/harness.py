"""Peers of a case in processes of their own that work in turns: A, B, C, A, B, C, ... so that a machine which gets
slower or busier does so for all of them. A ratio is made within each round."""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from assignments.bench.cases import Case, Rival
from data_tools.files.places import PROJECT_ROOT

LIMIT = 600.0  # seconds that a preparation or a turn may take before its process is ended
PATIENCE = 3.0  # seconds to leave by itself at the end
# Left out of the peers' environment: each starts with its framework's own defaults, and the kit sets its own.
SETTINGS = ("OMP_", "KMP_", "GOMP_", "MKL_", "OPENBLAS_", "FLAGS_", "GLOG_", "MALLOC_", "DNNL_", "ONEDNN_")


@dataclass
class Result:
    """One row: ours against one rival. `obstacle` says why there is no ratio; `absent` when something is not here."""

    case: Case
    rival: Rival
    ratios: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    """units per second of each round"""
    theirs: list[float] = field(default_factory=list)
    goal: float | None = None
    """least wanted ratio: the rival's own, or the case's where it is the fastest of those that compete"""
    limit: list[float] = field(default_factory=list)
    """what the machine could do, units per second of each round; empty where the case has no limit"""
    obstacle: str = ""
    absent: bool = False
    idle_cpu: float = 0.0
    """largest share of a core that a waiting peer used"""
    others: float | None = None
    """cores that were busy with something else meanwhile, on average; None where the system does not tell"""
    notes: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.goal = self.rival.goal if self.goal is None else self.goal

    def quartiles(self) -> tuple[float, float, float]:
        """25 %, median and 75 % of the rounds' ratios."""
        return quartiles(self.ratios)


def quartiles(values: list[float]) -> tuple[float, float, float]:
    """25 %, median, 75 %, interpolated between the values."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    return low, middle, high


def measure(case: Case, rounds: int, seconds: float, quick: bool = False,
            say: Callable[[str], None] = print) -> list[Result]:
    """One result for each rival. seconds: length of a turn; quick: tiny sizes, for a look at the structure only."""
    start, before = time.monotonic(), busy_elsewhere()
    with _crew(case, seconds, quick) as members:
        for member in members:
            member.prepare()
        ours, *rivals = members
        limit = rivals.pop() if case.limit else None
        for number in range(rounds + 1):  # the first one warms up and is not counted
            if ours.obstacle or all(member.obstacle for member in rivals):
                break
            for member in members:
                member.work(counted=number > 0)
            if number:
                say(f"  round {number} of {rounds}: " + ", ".join(
                    f"{ours.speeds[-1] / member.speeds[-1]:.2f} x {member.name}"
                    for member in rivals if not (member.obstacle or ours.obstacle)))
    others = None if before is None else round(max(0.0, busy_elsewhere() - before) / (time.monotonic() - start), 2)
    results = [_result(case, rival, ours, member, others) for rival, member in zip(case.rivals, rivals)]
    set_goals(case, results)
    for result in results:
        result.limit = limit.speeds if limit else []
    return results


def set_goals(case: Case, results: list[Result]) -> None:
    """The case's goal goes to the fastest of the rivals that have none of their own."""
    competing = [result for result in results if result.ratios and result.rival.goal is None]
    if competing and case.best_goal is not None:
        min(competing, key=lambda result: result.quartiles()[1]).goal = case.best_goal


def busy_elsewhere() -> float | None:
    """Core-seconds since the machine's start that did not go to this process and its ended children; None off Linux."""
    try:
        words = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()
    except OSError:
        return None
    user, nice, system, _idle, _waiting, irq, soft, stolen = map(int, words[1:9])
    ours = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    busy = (user + nice + system + irq + soft + stolen) / os.sysconf("SC_CLK_TCK")
    return busy - sum(usage.ru_utime + usage.ru_stime for usage in ours)


def _result(case: Case, rival: Rival, ours: "Member", theirs: "Member", others: float | None) -> Result:
    result = Result(case, rival, others=others, idle_cpu=max(ours.idle_cpu, theirs.idle_cpu),
                    notes={member.name: member.note for member in (ours, theirs) if member.note})
    failed = ours if ours.obstacle else theirs
    if failed.obstacle:
        result.absent = failed.absent
        result.obstacle = failed.obstacle if failed.absent else f"{failed.name}: {failed.obstacle}"
        return result
    result.ours, result.theirs = ours.speeds, theirs.speeds
    result.ratios = [a / b for a, b in zip(ours.speeds, theirs.speeds)]
    return result


@contextmanager
def _crew(case: Case, seconds: float, quick: bool) -> Iterator[list["Member"]]:
    """A process for each peer and a scratch folder for all; both are gone afterwards, whatever happened."""
    members: list[Member] = []
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as scratch:
        try:
            for number, peer in enumerate(case.peers):
                members.append(Member(peer.name,
                                      [case.name, str(number), str(seconds), "quick" if quick else "full", scratch]))
            yield members
        finally:
            for member in members:
                member.dismiss()
            for member in members:
                member.end()


class Member:
    """The process of one peer, seen from here."""

    def __init__(self, name: str, arguments: list[str]):
        self.name, self.speeds, self.idle_cpu, self.note = name, [], 0.0, ""
        self.obstacle, self.absent = "", False
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "assignments.bench.peer", *arguments], cwd=PROJECT_ROOT, env=peer_environment(),
            text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors)

    def prepare(self) -> None:
        """Let it prepare itself and wait until it is ready for its first turn. Not two at once: the kit measures
        its engines meanwhile."""
        self._tell("prepare")
        self.note = self._receive().get("ready", "")

    def work(self, counted: bool) -> None:
        """One turn; units per second go to `speeds` when `counted`."""
        if self.obstacle:
            return
        self._tell("go")
        answer = self._receive()
        if not self.obstacle and counted:
            self.speeds.append(answer["units"] / max(answer["seconds"], 1e-9))
            self.idle_cpu = max(self.idle_cpu, answer["idle_cpu"])

    def _tell(self, word: str) -> None:
        try:
            self.process.stdin.write(f"{word}\n")
            self.process.stdin.flush()
        except OSError:  # it has gone; _receive finds out why
            self.process.kill()

    def _receive(self) -> dict:
        overdue = threading.Timer(LIMIT, self.process.kill)
        overdue.daemon = True
        overdue.start()
        try:
            line = self.process.stdout.readline()  # "" when the process has ended
        finally:
            overdue.cancel()
        answer = json.loads(line) if line.endswith("\n") else {"failed": self._last_words()}
        self.absent = "absent" in answer
        self.obstacle = answer.get("absent") or answer.get("failed") or ""
        return answer

    def _last_words(self) -> str:
        status = self.process.wait()
        self.errors.seek(0)
        lines = self.errors.read().decode("utf-8", errors="replace").strip().splitlines()
        last = f": {lines[-1].strip()}" if lines else ""
        # a table holds no path of a machine
        return f"ended with status {status}{last}".replace(f"{PROJECT_ROOT}{os.sep}", "")

    def dismiss(self) -> None:
        """No more turns: a waiting peer leaves by itself."""
        try:
            self.process.stdin.close()
        except OSError:  # gone already
            return

    def end(self) -> None:
        """Make sure of it."""
        try:
            self.process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.errors.close()


def peer_environment() -> dict[str, str]:
    """This environment without thread and library settings, the user's and those that the kit makes on import."""
    return {key: value for key, value in os.environ.items() if not key.startswith(SETTINGS)}
