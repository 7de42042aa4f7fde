"""The page of a class: how the measured values lie beside the base line and the document's number, notes, one row each.

A page of its own that needs no network; nothing of a submission is markup.
"""

from collections import defaultdict
from collections.abc import Sequence
from statistics import median

from reports.grading.chinese import said
from reports.grading.grade_one import Grade
from reports.grading.inert import for_html
from reports.grading.table import HEADER, TITLE, counts, rows

BINS, WIDTH, HEIGHT = 24, 480, 90  # of a histogram
WORDS = {"en": {"measured": "measured", "baseline": "base line", "document": "the document", "notes": "Notes",
                "middle": "{n} measured: lowest {low:.4g}, middle {middle:.4g}, highest {high:.4g}"},
         "zh": {"measured": "实测", "baseline": "基线", "document": "文档", "notes": "说明",
                "middle": "实测 {n} 份：最低 {low:.4g}，中位 {middle:.4g}，最高 {high:.4g}"}}
_PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>
:root {{ color-scheme: light dark; }}
body {{ font: 15px/1.4 system-ui, sans-serif; margin: 1.5rem; overflow-wrap: anywhere; }}
table {{ border-collapse: collapse; }}
td, th {{ border: 1px solid #8886; padding: .3rem .5rem; text-align: left; vertical-align: top; }}
svg text {{ fill: currentColor; font-size: 11px; }}
</style></head><body><h1>{title}</h1><p>{summary}</p>
{distributions}<table><thead><tr>{header}</tr></thead><tbody>
{rows}
</tbody></table></body></html>
"""


def html_page(grades: Sequence[Grade], language: str = "en") -> str:
    """The whole page."""
    header = "".join(f"<th>{for_html(cell)}</th>" for cell in (*HEADER[language], WORDS[language]["notes"]))
    notes = ["<br>".join(for_html(said(note, language)) for note in grade.notes) for grade in grades]
    lines = ["".join(f"<td>{for_html(cell)}</td>" for cell in cells) + f"<td>{note}</td>"
             for cells, note in zip(rows(grades, language), notes)]
    return _PAGE.format(language=language, title=TITLE[language], summary=for_html(counts(grades, language)),
                        header=header, distributions="".join(distributions(grades, language)),
                        rows="\n".join(f"<tr>{line}</tr>" for line in lines))


def distributions(grades: Sequence[Grade], language: str = "en") -> list[str]:
    """A heading, a line and a histogram for each measured value that has a base line or a number in the document."""
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    marks: dict[tuple[str, str], dict[str, float]] = {}
    for grade in grades:
        for metric, value in grade.measured.items():
            if metric in grade.baseline or metric in grade.document:
                values[grade.assignment, metric].append(value)
                marks[grade.assignment, metric] = {
                    name: held[metric] for name, held in (("baseline", grade.baseline), ("document", grade.document))
                    if metric in held}
    words, found = WORDS[language], []
    for (work, metric), measured in values.items():
        told = words["middle"].format(n=len(measured), low=min(measured), middle=median(measured), high=max(measured))
        beside = "".join(f"; {words[name]} {value:.4g}" for name, value in marks[work, metric].items())
        found.append(f"<h2>{for_html(f'{work}: {metric}')}</h2><p>{for_html(told + beside)}</p>\n"
                     f"{histogram(measured, marks[work, metric], words)}\n")
    return found


def histogram(values: Sequence[float], marks: dict[str, float], words: dict[str, str]) -> str:
    """SVG: bars of how many values there are, and a line at each mark."""
    low, high = min(*values, *marks.values(), values[0]), max(*values, *marks.values(), values[0])
    span = (high - low) or 1.0
    bins = [0] * BINS
    for value in values:
        bins[min(BINS - 1, int((value - low) / span * BINS))] += 1
    step, tall = WIDTH / BINS, max(bins)
    bars = "".join(f'<rect x="{i * step:.1f}" y="{20 + HEIGHT * (1 - count / tall):.1f}" width="{step - 1:.1f}" '
                   f'height="{HEIGHT * count / tall:.1f}" fill="#4878a8"/>' for i, count in enumerate(bins) if count)
    lines = "".join(_mark(words[name], (value - low) / span * WIDTH) for name, value in marks.items())
    return (f'<svg width="{WIDTH}" height="{HEIGHT + 40}" role="img">{bars}{lines}'
            f'<text x="0" y="{HEIGHT + 36}">{low:.4g}</text>'
            f'<text x="{WIDTH}" y="{HEIGHT + 36}" text-anchor="end">{high:.4g}</text></svg>')


def _mark(word: str, x: float) -> str:
    anchor = "end" if x > WIDTH / 2 else "start"
    return (f'<line x1="{x:.1f}" x2="{x:.1f}" y1="16" y2="{HEIGHT + 20}" stroke="#c03028" stroke-dasharray="4 3"/>'
            f'<text x="{x:.1f}" y="12" text-anchor="{anchor}">{for_html(word)}</text>')
