"""Exercises: functions that a student writes, called in the jail with random numbers and compared here.

A work declares them in exercises.py beside its run.py (see assignments/backprop/exercises.py); everything else is here.
A function earns 10 % of its points for the shape, 5 % for float64, 60 % for the right values on random numbers, and
25 % for care: the special case, inputs left as they were, the generator that was given. Form counts only where the
answer depends on the input, care only where the values are right.
"""

import sys
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data_tools.errors import BadFile, KitError
from reports.grading import callees, mistakes, source_rules
from reports.grading.grade_one import Grade
from reports.grading.hints import asked_hints, less_for_hints, note_of
from reports.grading.inert import plain
from reports.grading.limits import CodeLimits, Limits
from reports.grading.points import Line
from reports.grading.submission import NEEDED
from reports.grading.unpack import Entry, listing
from reports.grading.verdict import Verdict, in_both

if TYPE_CHECKING:
    from reports.grading.code_jail import Answer, CodeJail

SHAPE, FLOAT, CARE, VALUES = 0.10, 0.05, 0.25, 0.60
LONGEST = 30.0  # seconds after which no further function is called
LARGEST_FILE = 400 << 10  # bytes of a student's file
SINGLE = 1e-5  # relative error that float32 is forgiven, less the points for float64
DRIVERS = "drivers"  # the module in the jail that calls the student's
Found = tuple[float, tuple[str, str]]  # share of the points, what was found in English and Chinese


@dataclass(frozen=True)
class Exercise:
    """A function of `file`.py. The driver, a function of the declaration's drivers (default: one that just calls it),
    gets what `draw` made of a random generator; the reference gets the same.

    special: as draw, for the special case. mistakes: {key of the declaration's texts: function that makes it}. public:
    the answer of the student's own public example. judge: in place of the comparison, from arguments and value to
    (share of the points, key of a text). cases: how often it is called.
    """

    name: str
    file: str
    points: float
    draw: Callable[[np.random.Generator], list[Any]]
    reference: Callable[..., Any] | None = None
    driver: str = ""
    special: Callable[[np.random.Generator], list[Any]] | None = None
    mistakes: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    public: Any = None
    judge: Callable[[Sequence[Any], Any], tuple[float, str]] | None = None
    tolerance: float = 1e-8
    cases: int = 2


@dataclass(frozen=True)
class Exercises:
    """All of a work. files: modules that students write, in the order of their import. drivers: text of a module of
    standard library and NumPy, which calls the students' functions. texts: {key: (English, Chinese)} of its own
    mistakes. titles: {exercise: {"en", "zh"}}.

    solved: {file: text} of the right functions, for callers of wrong ones.

    seed: of the random numbers. per_student: each gets numbers of its own. trust: run where nothing shuts code in.
    hint_cost: percent of a function's points that its hint costs.
    """

    work: str
    exercises: Sequence[Exercise]
    files: Sequence[str]
    drivers: str
    texts: Mapping[str, tuple[str, str]]
    titles: Mapping[str, Mapping[str, str]]
    solved: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    per_student: bool = False
    trust: bool = False
    hint_cost: float = 0.0


def taken_files(path: Path, exercises: Exercises, limits: Limits) -> dict[str, Entry] | None:
    """{module: entry} of a submission's exercise files, at its top or in its one folder; None where it is a run."""
    with listing(path, limits) as entries:
        return _choose(entries, exercises)


def holds_exercises(path: Path, exercises: Exercises, limits: Limits) -> bool:
    """Whether a submission is one of exercises: it has one of their files, and none of a run's."""
    try:
        return bool(taken_files(path, exercises, limits))
    except (BadFile, OSError):  # named when it is graded as a run
        return False


def _choose(entries: Mapping[str, Entry], exercises: Exercises) -> dict[str, Entry] | None:
    if any(name.rsplit("/", 1)[-1] in NEEDED for name in entries):
        return None
    found: dict[str, Entry] = {}
    for name in sorted(entries, key=lambda name: name.count("/")):
        stem = name.rsplit("/", 1)[-1].removesuffix(".py")
        if name.endswith(".py") and stem in exercises.files and name.count("/") < 3 and "__MACOSX" not in name:
            found.setdefault(stem, entries[name])
    return found


def read_files(path: Path, exercises: Exercises, limits: Limits) -> dict[str, str]:
    """{module: text} of the submission; BadFile for one that is too large or no text."""
    texts = {}
    with listing(path, limits) as entries:
        for name, entry in (_choose(entries, exercises) or {}).items():
            with entry.open() as stream:
                content = stream.read(LARGEST_FILE + 1)
            if len(content) > LARGEST_FILE:
                raise BadFile("too-large", f"{name}.py has more than {LARGEST_FILE >> 10} KB")
            try:
                texts[name] = content.decode("utf-8-sig").replace("\r\n", "\n")
            except UnicodeDecodeError:
                raise BadFile("bad-file", f"{name}.py is no text in UTF-8; save it as UTF-8") from None
    return texts


def grade_exercises(path: Path, exercises: Exercises, name: str, limits: Limits | None = None,
                    code_limits: CodeLimits | None = None) -> Grade:
    """The grade of a zip or folder of exercise files. Where the system cannot shut their code in, the grade has the
    problem "grader-data", which is the grader's and not the submission's."""
    start, limits = time.monotonic(), limits or Limits()
    lines: list[Line] = []
    problems: list[dict[str, str]] = []
    output = notice = ""
    try:
        texts = read_files(path, exercises, limits)
        if not texts:
            raise BadFile("missing", f"there is none of {', '.join(f'{file}.py' for file in exercises.files)}")
        forbidden = [remark for file, text in texts.items() for remark in source_rules.remarks(file, text)]
        if forbidden:
            problems = [{"kind": "forbidden", "message": plain(english)} for english, _ in forbidden[:20]]
            lines = [_line(exercises, each, 0.0, forbidden[0]) for each in exercises.exercises]
        else:
            if sys.platform != "linux":
                raise KitError("a student's code is run on Linux only; grade exercises there")
            from reports.grading.code_jail import CodeJail  # imports what Windows has not

            def jailed(own: Mapping[str, str]) -> CodeJail:
                files = {**{file: own[file] for file in exercises.files if file in own}, DRIVERS: exercises.drivers}
                return CodeJail(files, code_limits, exercises.trust)

            until = start + min(LONGEST, limits.seconds / 2)
            with jailed(texts) as jail:
                lines = _Session(exercises, jail, name, texts, until).lines()
                output, notice = jail.output, jail.notice
            lines = _with_right_callees(exercises, name, texts, until, lines, jailed)
    except BadFile as error:
        problems = [{"kind": error.kind, "message": plain(str(error))}]
        lines = [_line(exercises, each, 0.0, in_both(error.kind, str(error))) for each in exercises.exercises]
    except KitError as error:
        problems = [{"kind": "grader-data", "message": plain(str(error))}]
        lines = [_line(exercises, each, 0.0, in_both("grader-data", str(error))) for each in exercises.exercises]
    names = [each.name for each in exercises.exercises]
    asked = asked_hints(path, names, limits)
    lines = less_for_hints(lines, names, asked or (), exercises.hint_cost)
    notes = [notice] if "NOT" in notice else []  # else every row of a class would have the same note
    notes += note_of(asked, exercises.hint_cost)
    if output.strip():
        notes.append("it prints; what is printed counts for nothing")
    said = "\n".join(filter(None, [notice, output]))
    return Grade(plain(name, 200), exercises.work, (Verdict.INCOMPLETE if problems else Verdict.GRADED).value, problems,
                 lines, round(sum(line.points for line in lines), 6), sum(each.points for each in exercises.exercises),
                 notes=notes, seconds=round(time.monotonic() - start, 3), output=said)


def _line(exercises: Exercises, each: Exercise, share: float, message: tuple[str, str]) -> Line:
    english, chinese = (plain(text) for text in message)
    return Line(f"{each.file}.{each.name}", dict(exercises.titles[each.name]), round(each.points * share, 2),
                each.points, share == 1, {"en": english, "zh": chinese})


def _with_right_callees(exercises: Exercises, name: str, texts: Mapping[str, str], until: float,
                        lines: Sequence[Line], jailed: Callable[[Mapping[str, str]], "CodeJail"]) -> list[Line]:
    """The lines, better where a function is right but for others that it calls."""
    found, wrong = list(lines), {each.name: each.file for each, line in zip(exercises.exercises, lines)
                                 if not line.passed and each.file in exercises.solved}
    for number, each in enumerate(exercises.exercises):
        rest = {other: file for other, file in wrong.items() if other != each.name}
        others = callees.calls(texts, each.file, each.name, rest)
        if lines[number].passed or not others or time.monotonic() > until:
            continue
        files = callees.with_right_ones(texts, [(wrong[other], other) for other in others], exercises.solved)
        with jailed(files) as jail:
            line = _Session(exercises, jail, name, files, until).line(number, each)
        if line.points > lines[number].points:
            found[number] = _line(exercises, each, line.points / each.points, callees.said(others, line.passed))
    return found


class _Session:
    """One submission's functions, one after the other."""

    def __init__(self, exercises: Exercises, jail: "CodeJail", name: str, texts: Mapping[str, str], until: float):
        self.exercises, self.jail, self.texts, self.until = exercises, jail, texts, until
        self.student = zlib.crc32(name.encode()) if exercises.per_student else 0

    def lines(self) -> list[Line]:
        """One per exercise."""
        return [self.line(number, each) for number, each in enumerate(self.exercises.exercises)]

    def line(self, number: int, each: Exercise) -> Line:
        """Of one exercise, by its number."""
        return _line(self.exercises, each, *self._graded(number, each))

    def _graded(self, number: int, each: Exercise) -> Found:
        unfit = self._unfit(each)
        if unfit:
            return 0.0, unfit
        rng = np.random.default_rng([self.exercises.seed, number, self.student])
        cases = [each.draw(rng) for _ in range(each.cases)]
        answers = []
        for case in cases:
            answers.append(self._ask(each, case))
            wrong = self._failed(answers[-1])
            if wrong:
                return 0.0, wrong
        if each.judge:
            return self._judged(each, cases, answers)
        return self._compared(each, cases, answers, each.special(rng) if each.special else None)

    def _unfit(self, each: Exercise) -> tuple[str, str] | None:
        """Why its file cannot be asked at all."""
        if each.file not in self.texts:
            return f"{each.file}.py is missing", f"缺少 {each.file}.py"
        if self.jail.begun is not None:  # the import itself went wrong
            return self._failed(self.jail.begun)
        if time.monotonic() > self.until:
            return self._text("timeout")
        error = self.jail.loaded.get(each.file)
        return self._error(error) if error else None

    def _ask(self, each: Exercise, case: Sequence[Any]) -> "Answer":
        if each.driver:
            return self.jail.call(DRIVERS, each.driver, case)
        return self.jail.call(DRIVERS, "call", [each.file, each.name, *case])

    def _failed(self, answer: "Answer") -> tuple[str, str] | None:
        """What went wrong with a call that gave no value."""
        if answer.fate:
            english, chinese = self._text(answer.fate)
            more = f" ({answer.message})" if answer.message else ""
            return english + more, chinese + more
        return self._error(answer.error) if answer.error else None

    def _error(self, error: tuple[str, str, int, str]) -> tuple[str, str]:
        kind, message, line, file = error
        key = mistakes.of_error(kind, message)
        if key == "open":
            return self._text("open")
        english, chinese = (f"{text}: {kind}: {message}" for text in self._text(key)) if key else [
            f"{kind}: {message}"] * 2
        return (f"{file} line {line}: {english}", f"{file} 第 {line} 行：{chinese}") if line else (english, chinese)

    def _text(self, key: str) -> tuple[str, str]:
        return self.exercises.texts.get(key) or mistakes.TEXTS[key]

    def _judged(self, each: Exercise, cases: Sequence[Sequence[Any]], answers: Sequence["Answer"]) -> Found:
        assert each.judge is not None
        share, key = min((each.judge(case, answer.value) for case, answer in zip(cases, answers)),
                         key=lambda found: found[0])
        found = [mistakes.parts(answer.value) for answer in answers]
        if len(found) == 2 and found[0] is not None and found[1] is not None and mistakes.same(found[0], found[1]):
            return 0.0, self._text("own-generator" if "own-generator" in self.exercises.texts else "constant")
        slip = self._slip(answers) or self._unseeded(each, cases, answers)
        if share and slip:
            return max(0.0, share - CARE), self._text(slip)
        return share, self._text(key) if key else RIGHT

    def _unseeded(self, each: Exercise, cases: Sequence[Sequence[Any]], answers: Sequence["Answer"]) -> str:
        """Whether the same numbers give another answer when they come again: the given generator is not used."""
        first = mistakes.parts(answers[0].value)
        if len(cases) < 2 or first is None:  # a single case takes long
            return ""
        again = mistakes.parts(self._ask(each, cases[0]).value)
        return "" if again is not None and mistakes.same(again, first) else "unseeded"

    def _compared(self, each: Exercise, cases: Sequence[Sequence[Any]], answers: Sequence["Answer"],
                  special: Sequence[Any] | None) -> Found:
        assert each.reference is not None
        expected = [mistakes.parts(each.reference(*_copies(case))) or [] for case in cases]
        found = [mistakes.parts(answer.value) for answer in answers]
        right = [one is not None and mistakes.same(one, other, max(each.tolerance, SINGLE * _single(one)))
                 for one, other in zip(found, expected)]
        if not all(right):
            number = right.index(False)
            own = {key: mistakes.parts(make(*_copies(cases[number]))) or [] for key, make in each.mistakes.items()}
            key = mistakes.of_answer(answers[number].value, expected[number], cases[number], each.public, own,
                                     each.tolerance)
            if key in ("wrong", "shape"):
                key = "constant" if _alike(found) else self._slip(answers) or key
            shaped = key not in NO_FORM and _shapes(found, expected)
            share = SHAPE * shaped + FLOAT * (shaped and _doubles(found))
            return share, self._text(key)
        share, wrong = SHAPE + VALUES, []
        if _doubles(found):
            share += FLOAT
        else:
            integers = any(array.dtype.kind in "iub" for array in found[0] or [])
            wrong.append("integers" if integers else "float32")
        slip = self._slip(answers) or (self._special(each, special) if special is not None else "")
        share += 0 if slip else CARE
        wrong += [slip] * bool(slip)
        return round(share, 6), self._text(wrong[-1]) if wrong else RIGHT

    def _slip(self, answers: Sequence["Answer"]) -> str:
        """What an answer that is right did beside it."""
        if any(answer.changed for answer in answers):
            return "changed"
        return "global" if any(answer.used_global for answer in answers) else ""

    def _special(self, each: Exercise, case: Sequence[Any]) -> str:
        """"" where the special case is right, without a warning of NumPy's."""
        assert each.reference is not None
        answer = self._ask(each, case)
        if answer.warnings:
            return "overflow" if "overflow" in answer.warnings else "0/0"
        found = mistakes.parts(answer.value)
        right = found is not None and mistakes.same(found, mistakes.parts(each.reference(*_copies(case))) or [],
                                                    each.tolerance)
        own = f"{each.name}-special"
        return "" if right and not answer.fate else own if own in self.exercises.texts else "special"


RIGHT = ("right", "正确")
NO_FORM = ("public", "input", "constant", "nothing", "parts", "list", "not-finite")


def _copies(case: Sequence[Any]) -> list[Any]:
    return [item.copy() if isinstance(item, np.ndarray) else item for item in case]


def _shapes(found: Sequence[mistakes.Parts | None], expected: Sequence[mistakes.Parts]) -> bool:
    return all(one is not None and [a.shape for a in one] == [b.shape for b in other]
               for one, other in zip(found, expected))


def _single(arrays: mistakes.Parts) -> bool:
    return any(array.dtype == np.float32 for array in arrays)


def _doubles(found: Sequence[mistakes.Parts | None]) -> bool:
    return all(array.dtype == np.float64 for one in found for array in one or [])


def _alike(found: Sequence[mistakes.Parts | None]) -> bool:
    """Whether two answers to different numbers are one and the same, or made of one number each."""
    first, second = found
    if first is None or second is None:
        return True
    whole = [array.ravel() for array in (*first, *second) if array.size and array.dtype.kind in "fiub"]
    return not whole or all(np.ptp(array.astype(float)) == 0 and array[0] == whole[0][0] for array in whole)
