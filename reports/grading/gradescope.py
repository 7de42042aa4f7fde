"""Gradescope's results.json, as the autograder specification has it; gradescope_schema.json is written from that.

Texts go out as format "text", so that nothing of a submission is taken for Markdown or HTML.
"""

import json
import math
from pathlib import Path
from typing import Any

from data_tools.errors import KitError
from data_tools.files.atomic import write_atomically
from reports.grading.chinese import said
from reports.grading.grade_one import Grade
from reports.grading.inert import plain
from reports.grading.verdict import Verdict, meaning, name_of

VISIBILITIES = ("visible", "after_due_date", "after_published", "hidden")
SCHEMA = Path(__file__).with_name("gradescope_schema.json")
BELIEVED = (Verdict.REPRODUCED.value, Verdict.WITHIN_TOLERANCE.value)
SUMMARY = {"en": {"claimed": "claimed {:.4f}", "nothing": "nothing claimed", "colon": ": ", "note": "note: {}",
                  "metric": "{name}: {claimed}, measured {measured:.4f} on {n} samples, {verdict}"},
           "zh": {"claimed": "所称 {:.4f}", "nothing": "未给出所称值", "colon": "：", "note": "说明：{}",
                  "metric": "{name}：{claimed}，在 {n} 个样本上实测 {measured:.4f}，{verdict}"}}
LOWER_IS_BETTER = ("loss", "error", "lpips", "ece", "seconds")  # last parts of such metrics' names


def results(grade: Grade, language: str = "en", visibility: str = "visible", leaderboard: bool = True) -> dict[str,
                                                                                                               Any]:
    """The values of results.json. language: of titles and reasons, "en" or "zh". visibility: of VISIBILITIES.

    The leaderboard shows measured values only, and those of submissions whose claims were reproduced only.
    """
    if visibility not in VISIBILITIES:
        raise KitError(f"visibility {visibility!r:.40}: there are {', '.join(VISIBILITIES)}")
    tests = [{"score": _finite(line.points), "max_score": _finite(line.max),
              "status": "passed" if line.passed else "failed",
              "name": plain(line.title.get(language) or line.id, 200), "name_format": "text", "number": str(number),
              "output": plain(line.message[language], lines=True), "output_format": "text",
              "tags": [plain(line.id, 60)],
              "visibility": visibility, "extra_data": {"id": plain(line.id, 60)}}
             for number, line in enumerate(grade.criteria, 1)]
    values: dict[str, Any] = {
        "score": _finite(grade.score), "execution_time": round(grade.seconds, 3), "output": summary(grade, language),
        "output_format": "text", "visibility": visibility, "stdout_visibility": "hidden", "tests": tests,
        "extra_data": {"assignment": plain(grade.assignment, 60), "verdict": grade.verdict, "problems": grade.kinds,
                       "max_score": _finite(grade.max_score), "claimed": _numbers(grade.claimed),
                       "measured": _numbers(grade.measured), "compared": grade.compared,
                       "origin": plain(grade.origin, 20),
                       "n": grade.n}}
    if leaderboard and grade.verdict in BELIEVED:
        values["leaderboard"] = [{"name": plain(name, 80), "value": round(value, 6), "order": _order(name)}
                                 for name, value in _numbers(grade.measured).items()]
    return values


def write_results(path: Path, grade: Grade, language: str = "en", visibility: str = "visible") -> None:
    """Write results.json."""
    text = json.dumps(results(grade, language, visibility), indent=2, ensure_ascii=False, allow_nan=False)
    write_atomically(Path(path), (text + "\n").encode())


def summary(grade: Grade, language: str = "en") -> str:
    """The verdict, what is wrong, claims beside measurements, and notes, as lines of plain text."""
    words = SUMMARY[language]
    colon = words["colon"]
    lines = [f"{grade.assignment}{colon}{name_of(grade.verdict, language)}"]
    lines += [f"{meaning(problem['kind'], language)}{colon}{said(problem['message'], language)}"
              for problem in grade.problems]
    for name, value in grade.measured.items():
        claimed = words["claimed"].format(grade.claimed[name]) if name in grade.claimed else words["nothing"]
        lines.append(words["metric"].format(name=name, claimed=claimed, measured=value, n=grade.n,
                                            verdict=name_of(grade.compared.get(name, ""), language)))
    lines += [words["note"].format(said(note, language)) for note in grade.notes]
    return "\n".join(plain(line) for line in lines)


def _order(metric: str) -> str:
    return "asc" if metric.split("_")[-1].split("/")[-1] in LOWER_IS_BETTER else "desc"


def _numbers(values: dict[str, float]) -> dict[str, float]:
    return {plain(name, 80): value for name, value in values.items() if math.isfinite(value)}


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0
