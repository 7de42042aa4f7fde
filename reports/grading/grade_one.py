"""Grade one submission in this process; jail.py does it in a process of its own."""

import errno
import math
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, NoReturn

from data_tools.errors import BadFile, KitError
from paddle_models.weights.files import load_weights
from reports.grading import consistency, likeness
from reports.grading.graded_work import GradedWork, Judged, Works
from reports.grading.inert import plain
from reports.grading.limits import Limits
from reports.grading.points import Evidence, Line, award, unscaled
from reports.grading.seal import check_seal
from reports.grading.submission import NEEDED, WEIGHTS, check_weights, open_submission
from reports.grading.verdict import PROBLEMS, Problem, Verdict, compare_all, is_graders, of_problem, overall
from reports.run_reader import Run, look_up, read_arrays

MOST_PROBLEMS = 20
DRAWS = ("sample", "celeba:sample")  # settings `data` with which assignments draw their data
REAL = ("real", "subset")
# What the limits of a submission never lead to: the grader's own disk, rights and mounts.
GRADERS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, getattr(errno, "ESTALE", -1))


@dataclass
class Grade:
    """The grade of a submission; all of it goes to JSON and back (to_dict, from_dict).

    problems: [{kind, message}]. criteria: in the rubric's order. claimed, measured, baseline: {metric: value};
    compared: {metric: verdict}. origin, n: of the grader's data. notes: said without consequence. output: what the
    judging printed. student, handed_in, due: name and times, as far as the platform and the teacher told; penalty:
    points for what came late, which score still holds. sketches: of weights and answers (likeness.py); weights: their
    SHA-256, empty where result.json was written for others.
    document: the same metrics in the work's document.
    """

    name: str
    assignment: str
    verdict: str
    problems: list[dict[str, str]] = field(default_factory=list)
    criteria: list[Line] = field(default_factory=list)
    score: float = 0.0
    max_score: float = 0.0
    claimed: dict[str, float] = field(default_factory=dict)
    measured: dict[str, float] = field(default_factory=dict)
    baseline: dict[str, float] = field(default_factory=dict)
    compared: dict[str, str] = field(default_factory=dict)
    origin: str = ""
    n: int = 0
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    output: str = ""
    student: str = ""
    handed_in: str = ""
    due: str = ""
    penalty: float = 0.0
    sketches: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    document: dict[str, float] = field(default_factory=dict)
    weights: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    @staticmethod
    def from_dict(values: Any) -> "Grade":
        """The counterpart of to_dict; KitError for values that are none."""
        try:
            known = {f.name for f in fields(Grade)}
            values = {key: value for key, value in values.items() if key in known}
            values["criteria"] = [Line(**line) for line in values.get("criteria", ())]
            grade = Grade(**values)
            grade.score, grade.max_score, grade.seconds = map(float, (grade.score, grade.max_score, grade.seconds))
            Verdict(grade.verdict)
            return grade
        except (AttributeError, TypeError, ValueError):
            raise KitError("this is not the JSON of a grade") from None

    @property
    def unjudged(self) -> str:
        """The grader's own trouble that kept it from being judged; empty where there was none."""
        return next((problem["message"] for problem in self.problems if is_graders(problem["kind"])), "")

    @property
    def kinds(self) -> list[str]:
        """Kinds of its problems."""
        return [problem["kind"] for problem in self.problems]


def grade(path: Path, works: Works, scratch: Path, limits: Limits, assignment: str | None = None,
          name: str = "", chosen: Callable[[str], Any] = str) -> Grade:
    """The grade of a run folder or zip, whatever is in it; `assignment` is the one that it has to be of, if known.

    scratch: an existing folder that the caller removes. name: to be shown, the path's without. chosen: told the
    assignment before anything that takes long.
    """
    start = time.monotonic()
    examination = _Examination(works, assignment, chosen)
    run = Path(scratch) / "run"
    with _noted(examination.problems):
        examination.examine(Path(path), Path(scratch), limits)
    made = examination.grade(plain(name or Path(path).name, 200), run)
    made.seconds = round(time.monotonic() - start, 3)
    return made


def failed(name: str, work: GradedWork | None, kind: str, message: str, seconds: float, output: str = "") -> Grade:
    """The grade of a submission whose process did not live to write one."""
    evidence = Evidence([Problem(kind, message)])
    return Grade(plain(name, 200), work.assignment if work else "unknown", of_problem(kind).value,
                 [{"kind": kind, "message": plain(message)}], award(work.rubric, evidence) if work else [],
                 max_score=work.rubric.total if work else 0.0, seconds=round(seconds, 3), output=output)


@contextmanager
def _noted(problems: list[Problem], kind: str = "bad-file") -> Iterator[None]:
    """What is raised inside of the block becomes a problem, of `kind` where the error does not name one itself."""
    try:
        with suppress(_Stop):
            yield
    except Exception as error:  # nothing that a submission provokes may end the grading
        problems.append(_problem(error, kind))


def _problem(error: Exception, kind: str) -> Problem:
    if isinstance(error, BadFile):
        return Problem(error.kind if error.kind in PROBLEMS else kind, str(error))
    if isinstance(error, KitError):
        return Problem(kind, str(error))
    if isinstance(error, MemoryError) or "ResourceExhausted" in str(error):
        return Problem("out-of-memory", "it needs more memory than a submission may use")
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return Problem("disk", f"it needs more disk space than a submission may use ({error.strerror})")
    if isinstance(error, OSError) and error.errno in GRADERS:
        where = f", {error.filename}" if error.filename else ""
        return Problem("grader-disk", f"the grader's disk or folders: {error.strerror}{where}")
    traceback.print_exception(type(error), error, error.__traceback__)
    return Problem("crashed", f"{type(error).__name__}: {error}")


class _Stop(Exception):
    """There is nothing more to examine; why is among the problems."""


class _Examination:
    """One submission on its way from files to evidence."""

    def __init__(self, works: Works, assignment: str | None, chosen: Callable[[str], Any]):
        self.works, self.wanted, self.chosen = works, assignment, chosen
        known = assignment or len(works) == 1
        self.work: GradedWork | None = works[assignment or next(iter(works))] if known else None
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        self.evidence = Evidence(self.problems)
        self.judged: Judged | None = None
        self.sketches: dict[str, dict[str, list[float]]] = {}
        self.weights = ""

    def examine(self, path: Path, scratch: Path, limits: Limits) -> None:
        """Files, assignment, weights, judge, comparisons; an error in one part is noted and the next one goes on."""
        submission = open_submission(path, scratch, limits)
        self.problems += submission.problems
        if submission.ignored:
            shown = ", ".join(submission.ignored[:5])
            self.notes.append(f"{len(submission.ignored)} files were not read: {shown}")
        run = Run(submission.run, self.wanted or "")
        config, result = self._read(run, "config"), self._read(run, "result")
        environment = self._read(run, "environment")
        predictions = self._predictions(run.path, limits)
        if config is None or result is None:
            raise _Stop
        work = self.work = self._choose(config, result)
        self.chosen(work.assignment)
        self.evidence.preset = plain(config.get("preset", ""), 60)
        self.evidence.claimed = consistency.claims(result)
        sound = self._weights(run.path, result)
        self._seal(run.path)
        self.problems += consistency.check_names(config, result)
        courses = WEIGHTS in submission.files and sound and self._course(run)
        if sound:
            self._judge(run.path, work)
        self.evidence.whole = (set(NEEDED) <= set(submission.files) and environment is not None
                               and predictions is not None
                               and sound and courses)
        if predictions is not None:
            self.problems += consistency.check_score(self.evidence.claimed, predictions, work.score)
            if self.judged:
                found, notes = consistency.check_predictions(predictions, self.judged.predictions,
                                                             work.rubric.predictions_tolerance)
                self.problems += found
                self.notes += notes
        self._origin(config, result, predictions, work)
        unfit = unscaled(work.rubric, self.evidence)
        if unfit:
            self.problems.append(Problem("grader-rubric", unfit))
        self.evidence.checked = self.evidence.whole and self.judged is not None

    def grade(self, name: str, run: Path) -> Grade:
        """The grade that follows from what was found."""
        def text(message: str) -> str:
            return plain(message.replace(f"{run}/", "").replace(f"{run}", "the run"))

        evidence, work, judged = self.evidence, self.work, self.judged
        measured = dict(evidence.measured)
        tolerance = {metric: work.rubric.tolerance_of(metric) for metric in measured} if work else {}
        compared = compare_all(evidence.claimed, measured, tolerance)
        verdict = overall(self.problems, compared)
        lines = award(work.rubric, evidence) if work else []
        if work and work.rubric.when_edited == "zero" and verdict is Verdict.EDITED:
            for line in lines:
                line.points, line.passed = 0.0, False
        for line in lines:
            line.message = {language: text(message) for language, message in line.message.items()}
        return Grade(
            name, work.assignment if work else "unknown", verdict.value,
            [{"kind": problem.kind, "message": text(problem.message)} for problem in self.problems[:MOST_PROBLEMS]],
            lines, round(sum(line.points for line in lines), 6), work.rubric.total if work else 0.0,
            {metric: evidence.claimed[metric] for metric in measured if metric in evidence.claimed}, measured,
            {metric: evidence.baseline[metric] for metric in measured if metric in evidence.baseline},
            {metric: found.value for metric, found in compared.items()}, judged.origin if judged else "",
            judged.n if judged else 0, [text(note) for note in self.notes], sketches=self.sketches,
            document={metric: work.document[metric] for metric in measured if metric in work.document} if work else {},
            weights=self.weights)

    def _read(self, run: Run, what: str) -> Mapping[str, Any] | None:
        """A parsed file of the run, None where it is missing (which was noted) or bad (which is noted here)."""
        file = f"{what}.yaml" if what == "config" else f"{what}.json"
        if not (run.path / file).is_file():
            return None
        with _noted(self.problems, "bad-yaml" if what == "config" else "bad-json"):
            return getattr(run, what)
        return None

    def _predictions(self, run: Path, limits: Limits) -> Mapping[str, Any] | None:
        if not (run / "predictions.npz").is_file():
            return None
        with _noted(self.problems, "bad-arrays"):
            return read_arrays(run / "predictions.npz", limits.arrays_mb << 20)
        return None

    def _choose(self, config: Mapping[str, Any], result: Mapping[str, Any]) -> GradedWork:
        """The work that the submission says it is of, if that is one, the same in both files, and the one wanted."""
        said, also = config.get("assignment"), result.get("assignment")
        if said != also:
            self._refuse("inconsistent", f"config.yaml is of {said!r:.60}, result.json of {also!r:.60}")
        if not isinstance(said, str) or said not in self.works:
            graded = f"graded are {', '.join(sorted(self.works))}" if self.works else "no work of that name is graded"
            self._refuse("other-assignment", f"it is a run of {said!r:.60}; {graded}")
        if self.wanted and said != self.wanted:
            self._refuse("other-assignment", f"it is a run of {said}, handed in for {self.wanted}")
        return self.works[said]

    def _refuse(self, kind: str, message: str) -> NoReturn:
        self.problems.append(Problem(kind, message))
        raise _Stop

    def _weights(self, run: Path, result: Mapping[str, Any]) -> bool:
        """Whether the weights may be given to the judge."""
        if not (run / WEIGHTS).is_file():
            return False
        before = len(self.problems)
        with _noted(self.problems, "bad-weights"):
            check_weights(run / WEIGHTS)
            self.problems += consistency.check_weights_sum(run, result)
            if len(self.problems) == before:
                self.weights = str(result.get("weights_sha256"))
        return all(of_problem(problem.kind) is not Verdict.INCOMPLETE for problem in self.problems[before:])

    def _seal(self, run: Path) -> None:
        with _noted(self.problems, "bad-json"):
            self.evidence.seal = check_seal(run)
        if self.evidence.seal is None:
            self.notes.append("there is no seal (files.json)")
        elif self.evidence.seal:
            self.problems.append(Problem("seal-broken", f"changed since the run: {', '.join(self.evidence.seal)}"))

    def _course(self, run: Run) -> bool:
        """Whether metrics.jsonl could be read and compared."""
        if not (run.path / "metrics.jsonl").is_file():
            return False
        with _noted(self.problems, "bad-metrics"):
            self.problems += consistency.check_course(run)
            return True
        return False

    def _judge(self, run: Path, work: GradedWork) -> None:
        with _noted(self.problems):
            judged = work.judge(run, work.data)
            measured = {metric: float(value) for metric, value in judged.metrics.items()}
            self.evidence.measured = {metric: value for metric, value in measured.items() if math.isfinite(value)}
            self.notes += [f"{metric} of these weights is not finite"
                           for metric in measured.keys() - self.evidence.measured]
            self.evidence.baseline = {metric: float(value) for metric, value in judged.baseline.items()
                                      if math.isfinite(value)}
            self.judged, self.evidence.judged = judged, True
            self.notes += judged.notes
            self._likeness(run, judged)

    def _likeness(self, run: Path, judged: Judged) -> None:
        """What tells whether others handed in the same, and whether the weights came with the kit."""
        arrays, _ = load_weights(run / WEIGHTS)
        self.sketches = {"weights": likeness.sketch(arrays), "answers": likeness.sketch(judged.predictions)}
        known = likeness.known(arrays)
        self.notes += [known] * bool(known)

    def _origin(self, config: Mapping[str, Any], result: Mapping[str, Any],
                predictions: Mapping[str, Any] | None, work: GradedWork) -> None:
        claimed, judged, evidence = result.get("origin"), self.judged, self.evidence
        signs = list(judged.drawn_signs) if judged else []
        data = look_up(config.get("settings"), "data")
        if data in DRAWS:
            signs.append(f"its setting data is {data!r}, which draws pictures")
        if judged and judged.origin == "drawn" and predictions is not None:
            same = [key for key, names in judged.predictions.items() if key.split("/")[-1] == "names"
                    and consistency.order_of(predictions.get(key), names) is not None]
            signs += ["its predictions are of the drawn pictures"] * bool(same)
        if claimed in REAL and signs:
            self.problems.append(Problem("drawn-as-real", f"result.json says {claimed} data, but {signs[0]}"))
        elif judged and claimed != judged.origin:
            text = f"the claims are for {claimed!s:.20} data, judged was on {judged.origin} data"
            if claimed in REAL and (judged.origin == "drawn" or not evidence.claimed.keys() & evidence.measured.keys()):
                self.problems.append(Problem("other-data",
                                             f"{text}: grade again with --data {work.assignment}=PATH"))
                evidence.measured = {}  # it would tell neither for nor against them
            else:
                self.notes.append(text)
