"""Fonts of the figures: the one that is asked for, one with Chinese characters, and weight where no bold face is."""

import os
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path

from data_tools.errors import KitError

# File names of common CJK fonts (lower case, without separators), best first.
CJK_FONTS = ("notosanscjksc", "notosanscjk", "notosanssc", "sourcehansans", "msyh", "pingfang", "hiraginosansgb",
             "wqymicrohei", "wqyzenhei", "simhei", "stheiti", "heiti", "droidsansfallback", "notoserifcjk",
             "sourcehanserif", "simsun", "songti", "uming", "ukai", "arialunicode")
PROBE = "鬃毛吼猴狨印度乌叶验证集准确率程序生成的示例数据"
SUFFIXES = (".ttf", ".otf", ".ttc")
BOLD = 600  # weight from which a face counts as bold
NEAR = 4    # fonts named where one is not found
STROKE = 1 / 24  # of the letters' size: what FreeType adds where it makes a face bold itself


def find_cjk_font() -> Path | None:
    """The best installed font that has the Chinese characters of our labels, or None."""
    named = os.environ.get("KIT_CJK_FONT")
    if named:
        if named.lower() == "none":
            return None
        if not Path(named).is_file() or not has_chinese(named):
            raise KitError(f"KIT_CJK_FONT={named}: not a font file with Chinese characters; correct or unset it")
        return Path(named)
    installed = sorted(_installed(), key=lambda file: ("regular" not in file.lower(), file))
    for wanted in CJK_FONTS:
        for file in installed:
            name = Path(file).name.lower().replace("-", "").replace("_", "").replace(" ", "")
            if name.startswith(wanted) and has_chinese(file):
                return Path(file)
    return None


def named_font(wanted: str, chinese: bool = False) -> Path:
    """The file of the font that --font names: a family that is installed, in any case of letters, or a file; with
    `chinese`, it must have Chinese characters. KitError names what was asked and installed fonts."""
    families = _families()
    if wanted.lower().endswith(SUFFIXES):
        file, problem = Path(wanted), "not a font file that can be read (.ttf, .otf)"
    else:
        found = families.get(wanted.lower())
        file, problem = Path(found[1] if found else wanted), "no such font is installed"
    if not {ord(letter) for letter in "AZaz09%"} <= code_points(str(file)):
        near = get_close_matches(wanted.lower(), families, NEAR, 0.3) or sorted(families)[:NEAR]
        raise KitError(f"--font {wanted}: {problem}; installed are, among others: "
                       f"{', '.join(families[name][0] for name in near) or 'none'}; or name a .ttf or .otf file")
    if chinese and not has_chinese(str(file)):
        other = next((name for name, place in families.values() if has_chinese(place)), "")
        raise KitError(f"--font {wanted}: it has no Chinese characters, which --lang zh needs; "
                       + (f"{other} has them; without --font such a font is looked for" if other else
                          "install one that has (on Debian or Ubuntu: apt install fonts-wqy-microhei)"))
    return file


def family_of(file: Path) -> str:
    """The name of a font file's family, which Matplotlib knows from now on."""
    from matplotlib import font_manager

    _know(str(file))
    return font_manager.FontProperties(fname=str(file)).get_name()


def has_bold(family: str) -> bool:
    """Whether a bold face of the family is installed."""
    from matplotlib import font_manager

    return any(face.name == family and _weight(face.weight) >= BOLD for face in font_manager.fontManager.ttflist)


def has_chinese(file: str) -> bool:
    """Whether a font file has the Chinese characters of our labels."""
    return set(map(ord, PROBE)) <= code_points(file)


def code_points(file: str) -> frozenset[int]:
    """Code points that a font file can draw; none when FreeType cannot read it."""
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(str(file)).get_charmap())
    except (RuntimeError, OSError):
        return frozenset()


def embolden(figure) -> list:
    """Bold where the fonts have no bold face: adds an outline behind each such text, and returns the outlines.

    No free CJK font that is small has a bold face (WenQuanYi has none), and Matplotlib takes the regular one in its
    place without a word. Path effects would turn the text itself into a drawing, which cannot be searched; so the text
    stays, and a stroke of the same letters thickens it. Call it when the layout is settled. An SVG does without the
    outlines: what shows it makes text of font-weight 700 bold itself, in whichever font it has.
    """
    from copy import copy

    from matplotlib.patheffects import Stroke
    from matplotlib.text import Text

    outlines = []
    for text in figure.findobj(Text):
        if text.get_text().strip() and text.get_visible() and _weight(text.get_fontweight()) >= BOLD \
                and not has_bold(text.get_fontfamily()[0]):
            outline = copy(text)
            outline.set_bbox(None)
            outline.set_path_effects([Stroke(linewidth=STROKE * text.get_fontsize(), foreground=text.get_color())])
            (text.axes or text.get_figure()).add_artist(outline)
            outlines.append(outline)
    return outlines


def _families() -> dict[str, tuple[str, str]]:
    """{family in lower case: (its name, the file of its plainest face)} of the installed fonts."""
    from matplotlib import font_manager

    know_installed()
    faces = sorted(font_manager.fontManager.ttflist, reverse=True,
                   key=lambda face: (face.style != "normal", face.stretch != "normal", abs(_weight(face.weight) - 400),
                                     face.fname))
    return {face.name.lower(): (face.name, face.fname) for face in faces}


def know_installed() -> None:
    """Let Matplotlib know every installed font; its list may be older than one just installed."""
    _know(*_installed())


def _installed() -> set[str]:
    """Font files, the system asked afresh."""
    from matplotlib import font_manager

    return {*font_manager.findSystemFonts(), *(face.fname for face in font_manager.fontManager.ttflist)}


def _know(*files: str) -> None:
    """Add font files to Matplotlib's list, each once; those that it cannot read are left out."""
    from matplotlib import font_manager

    for file in sorted(set(files) - {face.fname for face in font_manager.fontManager.ttflist}):
        with suppress(RuntimeError, OSError):
            font_manager.fontManager.addfont(file)


def _weight(weight: int | str) -> int:
    from matplotlib.font_manager import weight_dict

    return weight_dict.get(weight, 400) if isinstance(weight, str) else int(weight)
