"""The look of every figure: one style, one palette, labels in English or Chinese, files that repeat byte for byte.

Matplotlib is imported inside the functions, so that a command's --help stays quick.
"""

import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from data_tools.files.atomic import write_atomically
from data_tools.language import show
from reports.figures import fonts
from reports.figures.words import COMMON, LANGUAGES, SHARED, Words

# Okabe and Ito's palette: distinct for every common kind of colour blindness.
BLUE, ORANGE, GREEN, PINK, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9"
CYCLE = (BLUE, ORANGE, GREEN, PINK, SKY)
INK, GREY, PALE = "#222222", "#6B6B6B", "#E9EEF3"

WIDTH = 6.3  # inches: the text width of an A4 page
DPI = 200    # of a PNG, and of pictures in an SVG or PDF
FORMATS = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None},
           "pdf": {"CreationDate": None, "ModDate": None, "Creator": None, "Producer": None}}


@dataclass(frozen=True)
class Labels:
    """Says a word of the figure in the wanted language: `t("best", share="94 %")`.

    chinese: Chinese is wanted and a font has it. cjk: a font with Chinese glyphs is in use.
    glyphs: code points that the fonts in use can draw. words: of the figure that is being drawn.
    width, stretch: inches of its page, and height of its plot where it is not what follows from the width (1).
    """

    chinese: bool
    cjk: bool
    glyphs: frozenset[int]
    words: Words = Words(COMMON, SHARED)
    width: float = WIDTH
    stretch: float = 1.0

    def __call__(self, key: str, **values: object) -> str:
        return self.words(key, **values)

    @property
    def language(self) -> str:
        """"en" or "zh"."""
        return "zh" if self.chinese else "en"

    def of(self, words: Words) -> "Labels":
        """The same, with the words of another figure."""
        return replace(self, words=replace(words, language=self.language))

    def choose(self, en: str, zh: str) -> str:
        """Of two texts that come from elsewhere, the one in the wanted language."""
        return zh if self.chinese else en

    def both(self, en: str, zh: str, between: str = " / ") -> str:
        """Both languages side by side; English alone where no font has Chinese."""
        return f"{en}{between}{zh}" if self.cjk and zh else en

    def plain(self, text: str, longest: int = 40) -> str:
        """A name that a run brought, made safe to draw: no control characters, no missing glyphs, not too long."""
        shown = "".join(c if ord(c) in self.glyphs and c.isprintable() else "?" for c in str(text)[:longest + 1])
        return shown if len(shown) <= longest else shown[:longest - 1] + "…"


def start(language: str = "en", font: str = "") -> Labels:
    """Set the style and fonts of all later figures; language "en" or "zh"; font: of --font, a family or a file.

    Chinese labels fall back to English, with one notice on standard output, where no installed font has them.
    The environment variable KIT_CJK_FONT names a font file, or "none" to do without.
    """
    for talker in ("matplotlib", "fontTools"):  # notices of the font cache, of each table of a font in a PDF
        logging.getLogger(talker).setLevel(logging.ERROR)
    import matplotlib
    from matplotlib import font_manager, rcsetup

    fonts.know_installed()  # the bold faces of a family, too
    own, cjk = fonts.named_font(font, language == "zh") if font else None, fonts.find_cjk_font()
    chinese = language == "zh" and (own or cjk) is not None
    if language == "zh" and not chinese:
        show("notice: no Chinese font found, labels are in English; install one (on Debian or Ubuntu: "
             "apt install fonts-wqy-microhei) or name its file in KIT_CJK_FONT")
    files = [Path(font_manager.findfont("DejaVu Sans")), *([cjk] if cjk else [])]
    files = [*([own] if own else []), *(files[::-1] if chinese else files)]
    families = list(dict.fromkeys(map(fonts.family_of, files)))
    matplotlib.rcdefaults()  # a matplotlibrc of the user would change the figures; the backend stays
    matplotlib.rcParams.update({**STYLE, "font.family": [*families, "sans-serif"],
                                "axes.prop_cycle": rcsetup.cycler(color=CYCLE)})
    glyphs = frozenset().union(*map(fonts.code_points, map(str, files)))
    return Labels(chinese, any(map(fonts.has_chinese, map(str, files))), glyphs).of(Words(COMMON, SHARED))


STYLE = {
    "font.size": 8.5, "axes.titlesize": 9, "axes.labelsize": 8.5, "xtick.labelsize": 8, "ytick.labelsize": 8,
    "legend.fontsize": 8, "legend.frameon": False, "lines.linewidth": 1.5, "lines.markersize": 4,
    "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": GREY, "axes.linewidth": 0.8,
    "axes.grid": True, "axes.axisbelow": True, "grid.color": "#E3E3E3", "grid.linewidth": 0.6,
    "xtick.color": INK, "ytick.color": INK, "text.color": INK, "axes.labelcolor": INK,
    "xtick.major.size": 3, "ytick.major.size": 3, "figure.facecolor": "white", "savefig.facecolor": "white",
    "text.parse_math": False,  # a "$" in a class name is a dollar sign
    "font.sans-serif": ["DejaVu Sans"],  # last in each list of an SVG: what shows it takes its own where it has none
    "svg.fonttype": "none", "pdf.fonttype": 42,  # text stays text, to be searched, copied and edited
    "image.interpolation": "nearest",
}


def page(t: Labels, title: str, height: float, stand_in: bool = False, notes: tuple[str, ...] = ()):
    """An empty figure with a heading, small notes at its foot and, with `stand_in`, the caption of drawn data.

    `height` (inches) is what is left for the plot on a page of the usual width, and follows that of this one; the
    heading and foot come on top. Returns a matplotlib Figure whose constrained layout keeps clear of both.
    """
    from reports.figures.layout import Page

    words = t.both(*(Words(COMMON, SHARED, language)("stand_in") for language in LANGUAGES)) if stand_in else ""
    return Page(t.width, height * t.width / WIDTH * t.stretch, title, notes, words, GREY)


def save(figure, folder: Path, name: str, formats: Sequence[str] = tuple(FORMATS), dpi: int = DPI) -> list[Path]:
    """Write `name`.png (of `dpi` dots per inch), .svg and .pdf, or some of these, into `folder`; equal figures give
    equal bytes. Returns their paths."""
    import matplotlib

    _settle(figure)
    outlines = fonts.embolden(figure)
    paths = []
    with matplotlib.rc_context({"svg.hashsalt": "kit"}):
        for suffix in formats:
            for outline in outlines:
                outline.set_visible(suffix != "svg" or matplotlib.rcParams["svg.fonttype"] == "path")
            buffer = io.BytesIO()
            figure.savefig(buffer, format=suffix, dpi=dpi if suffix == "png" else DPI, metadata=FORMATS[suffix])
            paths.append(Path(folder) / f"{name}.{suffix}")
            write_atomically(paths[-1], buffer.getvalue())
    return paths


def _settle(figure) -> None:
    """Solve the layout once and round it: its last bits vary between processes, and SVG ids show them."""
    from reports.figures.layout import Page

    if isinstance(figure, Page):
        figure.finish()
    figure.draw_without_rendering()
    figure.set_layout_engine(None)  # "none" leaves a placeholder, for which each savefig() draws once more
    for axes in figure.axes:
        axes.set_position([round(float(part), 5) for part in axes.get_position(original=True).bounds])
