"""Answers as HTML. Every text that may come from a file is escaped."""

from collections.abc import Sequence
from html import escape

import numpy as np

from assignments.common.works import FOLDER
from reports.figures.words import Words

LIKELIEST = 3  # attributes that stand for a face while its list is closed
OPEN = 1  # lists of faces that are open from the beginning


def note(text: str) -> str:
    """A line that explains."""
    return f'<p class="note">{escape(text)}</p>'


def problem(text: str) -> str:
    """A line that says what went wrong and what to do."""
    return f'<p class="problem" role="alert">{escape(text)}</p>'


def attributes(probabilities: np.ndarray, temperature: float, t: Words) -> str:
    """probabilities (faces, 40) in CelebA's order. temperature: of the network's card, 1 where none was fitted."""
    said = t("calibrated", temperature=temperature) if temperature != 1 else t("not_calibrated")
    faces = "".join(_face(number, row, t) for number, row in enumerate(probabilities))
    return f"{faces}{note(said)}{note(t('opinions'))}"


def _face(number: int, probabilities: np.ndarray, t: Words) -> str:
    from assignments.face_attributes.annotate import COLOURS
    from assignments.face_attributes.names import attribute_name, region_name
    from data_tools.drawing.attributes import ATTRIBUTES
    from paddle_models.networks.face_regions import REGIONS

    chinese, of = t.language == "zh", dict(zip(ATTRIBUTES, map(float, probabilities)))
    likeliest = ("、" if chinese else ", ").join(
        attribute_name(name, chinese) for name in sorted(of, key=of.__getitem__)[:-LIKELIEST - 1:-1])
    regions = "".join(
        f"<section><h4>{escape(region_name(region, chinese))}</h4>"
        + "".join(_row(attribute_name(name, chinese), of[name]) for name in names) + "</section>"
        for region, names in REGIONS.items())
    colour = f"rgb{COLOURS[number % len(COLOURS)]}"
    return (f'<details class="face"{" open" if number < OPEN else ""}><summary><b style="background:{colour}">{number}'
            f'</b> {escape(likeliest)}</summary><div class="regions">{regions}</div></details>')


def species(names: Sequence[str], probabilities: np.ndarray, t: Words) -> str:
    """Every species, the likeliest first."""
    chinese = Words(FOLDER / "monkey_species" / "words.yaml", "species", t.language)
    shown = [chinese(name) if t.language == "zh" and chinese.has(name) else name.replace("_", " ").capitalize()
             for name in names]
    order = np.argsort(-probabilities, kind="stable")
    return "".join(_row(shown[i], float(probabilities[i])) for i in order) + note(t("heat"))


def glasses(probabilities: np.ndarray, unsure: np.ndarray, band: Sequence[float], t: Words) -> str:
    """A bar from 0 to 1 for each face, the uncertain band shaded."""
    rows = []
    for number, (p, doubt) in enumerate(zip(map(float, probabilities), unsure)):
        answer = t("uncertain") if doubt else t("with") if p >= 0.5 else t("without")
        rows.append(f'<div class="row"><span>{number} <b>{escape(answer)}</b></span><span class="band">'
                    f'<i class="unsure" style="left:{100 * band[0]:.4g}%;width:{100 * (band[1] - band[0]):.4g}%"></i>'
                    f'<i class="mark" style="left:{100 * p:.4g}%"></i></span><em>{100 * p:.0f} %</em></div>')
    return "".join(rows) + note(t("band", low=100 * band[0], high=100 * band[1]))


def _row(name: str, probability: float) -> str:
    sure = " likely" if probability >= 0.5 else ""
    return (f'<div class="row{sure}"><span>{escape(name)}</span><span class="bar"><i style="width:'
            f'{100 * probability:.4g}%"></i></span><em>{100 * probability:.0f} %</em></div>')
