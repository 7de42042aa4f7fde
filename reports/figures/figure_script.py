"""What every assignment's figures.py shares: the entry of a figure, drawing them all, the command line."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from data_tools.errors import KitError
from data_tools.files.places import short_path
from data_tools.language import LANGUAGES, asked, language, said, show, speaking, spoken
from data_tools.pipes import ends_with_its_reader
from data_tools.terminal import display_width
from reports import tables
from reports.figures import style
from reports.figures.numbers import write_numbers
from reports.figures.style import Labels
from reports.figures.words import COMMON, Words, lines_of, words_beside
from reports.run_list import best_run, taken
from reports.run_reader import Run

WIDEST, COARSEST, FINEST = 20.0, 30, 1200  # inches of a page; dots per inch of a PNG
NARROWEST = 2.0
COLUMNS = 80  # of a terminal
Writer = Callable[[Run, Path, str], list[Path]]  # (run, folder, language) -> the files written


@dataclass(frozen=True)
class Output:
    """How figures are written: formats, width of the page in inches, font (a family or a file, "" for the usual ones),
    dots per inch of a PNG."""

    formats: Sequence[str] = tuple(style.FORMATS)
    width: float = style.WIDTH
    font: str = ""
    dpi: int = style.DPI


@dataclass(frozen=True)
class Entry:
    """A figure: its number in the document or a name, function, height of the plot in inches (or what gives it for a
    run), whether it shows what the data made (a stand-in where these are drawn), which runs it can be drawn of, and
    the numbers of a run that its word `counted`, the last line at its foot, names.

    Its title and note stand under its number in the words.yaml beside its function.
    """

    number: str
    draw: Callable[[Any, Any, Labels], None]
    height: float | Callable[[Any], float]
    shows_data: bool = True
    applies: Callable[[Run], bool] = lambda run: True
    counts: Callable[[Any], dict[str, Any]] | None = None

    @property
    def file(self) -> str:
        """File name without suffix: figure_2_1 for 2.1, else the name."""
        return ("figure_" if self.number[0].isdigit() else "") + self.number.replace("-", "_").replace(".", "_")

    def words(self, language: str = "en") -> Words:
        """What the figure says."""
        return words_beside(self.draw.__globals__["__file__"], self.number, language)

    def title(self, language: str = "en") -> str:
        """Its heading."""
        return self.words(language)("title")

    def note(self, language: str = "en") -> str:
        """What its foot says of it, in lines; "" where it has none."""
        words = self.words(language)
        return words("note") if words.has("note") else ""

    def notes(self, run: Run, t: Labels) -> Sequence[str]:
        """The lines at its foot."""
        note = self.note(t.language)
        return [*(note.split("\n") if note else ()), *([t("counted", **self.counts(run))] if self.counts else ())]

    def make(self, run: Run, t: Labels):
        """The finished matplotlib Figure."""
        t = t.of(self.words())
        height = self.height(run) if callable(self.height) else self.height
        stand_in = self.shows_data and run.origin == "drawn"
        figure = style.page(t, self.title(t.language), height, stand_in, tuple(self.notes(run, t)))
        self.draw(figure, run, t)
        return figure


@dataclass(frozen=True)
class FigureScript:
    """All that can be drawn from a run of an assignment, and its numbers.

    file: the figures.py of the work, beside which claims.yaml stands; its folder has the name of the work.
    more_tables: tables that are no claims, by file name.
    others: what else is written (an animation), by name. values: what the claims' result keys can name. options and
    open_run: more command-line options, and the run made from them (None: plain defaults).
    """

    file: str
    figures: Sequence[Entry]
    more_tables: Mapping[str, Callable[[Run, str], tables.PlainTable]] = field(default_factory=dict)
    others: Mapping[str, Writer] = field(default_factory=dict)
    values: Callable[[Run], dict[str, Any]] = tables.run_values
    options: Callable[[argparse.ArgumentParser], None] = lambda parser: None
    open_run: Callable[[Path, argparse.Namespace | None], Run] | None = None

    @property
    def assignment(self) -> str:
        """The name of the work: that of its folder."""
        return Path(self.file).resolve().parent.name

    def open(self, path: Path | None = None, arguments: argparse.Namespace | None = None) -> Run:
        """The run in `path`, else the best of the assignment; KitError where it is one of another assignment."""
        path = path or best_run(self.assignment)[0]
        found = Run(path, self.assignment).config.get("assignment")
        if found != self.assignment:
            raise KitError(f"{path} is a run of {tables.clean(found)}, not of {self.assignment}")
        return self.open_run(path, arguments) if self.open_run else Run(path, self.assignment)

    def claims(self, run: Run | None = None) -> list[dict[str, Any]]:
        """Rows of claims.yaml; where there is none, one for each metric of the run."""
        file = Path(self.file).with_name("claims.yaml")
        if file.is_file():
            return tables.read_claims(file)
        return tables.claims_of_metrics(run) if run else []

    def measured(self, run: Run, language: str = "en", only: Sequence[str] | None = None) -> list[tables.Row]:
        """The claims with the values of this run; only: those that belong to these figures."""
        claims = [claim for claim in self.claims(run) if only is None or set(only) & set(claim.get("figures", ()))]
        return tables.compare(claims, self.values(run), language)

    def listed(self, language: str = "en") -> list[str]:
        """A line for each thing that there is to draw, its number or name and its title; long titles go on below."""
        titles = {entry.number: entry.title(language) for entry in self.figures}
        for name in (*self.more_tables, *self.others):
            known = (words_beside(self.file, name, language), Words(COMMON, name, language))
            titles[name] = next((words("title") for words in known if words.has("title")), "")
        room = max(map(len, titles)) + 2
        lines = []
        for name, title in titles.items():
            first, *more = lines_of(title, lambda text: display_width(text) <= COLUMNS - room)
            lines += [f"{name:{room}}{first}".rstrip(), *(" " * room + line for line in more)]
        return lines

    def figures_of(self, run: Run | None) -> list[Entry]:
        """The figures that a run can give, with those whose files are damaged: drawing them says so. All for None."""
        def fits(entry: Entry) -> bool:
            try:
                return run is None or entry.applies(run)
            except KitError:
                return True

        return [entry for entry in self.figures if fits(entry)]

    def draw(self, run: Run, folder: Path, language: str = "en", only: Sequence[str] | None = None,
             output: Output = Output()) -> list[str]:
        """Write figures, tables and others into `folder`; Chinese ones end in _zh. Returns what could not be made and
        why."""
        t = style.start(language, output.font)
        failures: dict[str, list[str]] = {}  # message: names of what it kept from being drawn

        def attempt(name: str, write: Callable[[], list[Path]]) -> None:
            if only and name not in only:
                return
            try:
                tell(write())
            except KitError as error:
                failures.setdefault(str(error), []).append(name)

        for entry in self.figures if only else self.figures_of(run):
            attempt(entry.number, partial(write_figure, entry, run, t, folder, language, output))
        for name, make in self.more_tables.items():
            attempt(name, partial(_write_table, make, run, folder, name, language))
        for name, write in self.others.items():
            attempt(name, partial(write, run, folder, language))
        return [f"not drawn: {', '.join(names)}. {message}" for message, names in failures.items()]

    def command(self, description: str) -> Callable[..., int]:
        """main(argv) of a figures.py whose docstring is `description`."""
        return partial(self.main, description)

    @ends_with_its_reader
    def main(self, description: str, argv: Sequence[str] | None = None) -> int:
        """Command line; 0 when everything asked for was drawn, else 2."""
        if hasattr(sys.stdout, "reconfigure"):  # a notebook's has none
            sys.stdout.reconfigure(errors="replace")  # a terminal without UTF-8 still gets its table
        names = [*(entry.number for entry in self.figures), *self.more_tables, *self.others]
        parser = argparse.ArgumentParser(description=description.splitlines()[0], allow_abbrev=False)
        place = parser.add_mutually_exclusive_group()
        place.add_argument("place", nargs="?", type=Path, metavar="RUN",
                           help="run folder (default: the best finished one of the fullest preset)")
        place.add_argument("--run", type=Path, help="the same")
        self.options(parser)
        parser.add_argument("--out", type=Path, help="where the files go (default: figures/ in the run folder)")
        parser.add_argument("--lang", choices=LANGUAGES, default="en", help="language of what is drawn (default: en)")
        parser.add_argument("--only", nargs="+", choices=names, metavar="FIGURE",
                            help="these alone, and the measured values that belong to them; of " + ", ".join(names))
        parser.add_argument("--list", action="store_true", help="what there is to draw, with titles; needs no run")
        parser.add_argument("--format", nargs="+", choices=list(style.FORMATS), default=list(style.FORMATS),
                            help="kinds of files (default: all three); the numbers of a figure stand beside it as CSV")
        parser.add_argument("--width", type=inches, default=style.WIDTH, metavar="INCHES",
                            help=f"of the figures, in inches, or with a unit: 8.4cm (default: {style.WIDTH}); letters "
                                 "keep their size, panels and pictures find room below each other")
        parser.add_argument("--font", default="", metavar="NAME|FILE",
                            help="an installed family or a .ttf or .otf file (default: DejaVu Sans, and for Chinese a "
                                 "font that is looked for)")
        parser.add_argument("--dpi", type=dots, default=style.DPI,
                            help=f"dots per inch of PNG files, {COARSEST} to {FINEST} (default: {style.DPI})")
        arguments = parser.parse_args(argv)
        with speaking(asked(sys.argv[1:] if argv is None else argv)):
            return self._obey(arguments)

    def _obey(self, arguments: argparse.Namespace) -> int:
        """What the command line asks for, in the language in which the kit speaks; returns the exit status."""
        if arguments.list:
            print("\n".join(self.listed(language())))
            return 0
        try:
            failures = self._draw_and_tell(arguments)
        except KitError as error:
            failures = [said("error: ") + "\n".join(map(said, str(error).split("\n")))]
        for failure in failures:
            print(spoken(failure), file=sys.stderr)
        return 2 if failures else 0

    def _draw_and_tell(self, arguments: argparse.Namespace) -> list[str]:
        """Draw what the command line asks for and print the measured values; returns what could not be made."""
        path, why = (arguments.run or arguments.place, "") if arguments.run or arguments.place else best_run(
            self.assignment)
        run = self.open(path, arguments)
        folder, only = arguments.out or run.path / "figures", arguments.only
        print(taken(run.path, why))
        show(f"figures and tables in {short_path(folder)}:")
        output = Output(arguments.format, arguments.width, arguments.font, arguments.dpi)
        failures = self.draw(run, folder, arguments.lang, only, output)
        rows, context = self.measured(run, arguments.lang, only), tables.run_context(run)
        if not only:
            files = tables.write_all(rows, context, folder, "measured" + suffix(arguments.lang), arguments.lang)
            tell(files)
        if rows:
            print("\n" + tables.as_text(self.measured(run, language(), only), context, language()))
        return failures


def inches(text: str) -> float:
    """A width as --width takes it: 3.3, 3.3in or 8.4cm."""
    number, unit = (text[:-2], text[-2:]) if text[-2:] in ("cm", "in") else (text, "in")
    try:
        width = float(number) / (2.54 if unit == "cm" else 1)
    except ValueError:
        width = 0.0
    if not NARROWEST <= width <= WIDEST:
        raise argparse.ArgumentTypeError(f"{text!r} is no width from {NARROWEST:g} to {WIDEST:g} inches; write 3.3, "
                                         "3.3in or 8.4cm")
    return width


def dots(text: str) -> int:
    """Dots per inch as --dpi takes them."""
    if not (text.isascii() and text.isdigit() and COARSEST <= int(text) <= FINEST):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {COARSEST} to {FINEST}")
    return int(text)


def write_figure(entry: Entry, run: Run, t: Labels, folder: Path, language: str,
                 output: Output = Output()) -> list[Path]:
    """The .png, .svg and .pdf of one figure in `folder`, and the .csv of its numbers where it has any."""
    from reports.figures.layout import fitted

    figure = fitted(lambda width, stretch: entry.make(run, replace(t, width=width, stretch=stretch)), output.width)
    if figure.width > output.width + 0.01:
        show(f"{entry.number}: what it says needs {figure.width:.1f} inches, and is drawn that wide")
    name = entry.file + suffix(language)
    return [*style.save(figure, folder, name, output.formats, output.dpi), *write_numbers(figure, folder, name)]


def tell(files: Sequence[Path]) -> None:
    """Print a line for each name: the first file of that name, then the other kinds."""
    names: dict[Path, list[Path]] = {}
    for file in files:
        names.setdefault(file.with_suffix(""), []).append(file)
    for first, *others in names.values():
        print(" ", first.name, *(other.suffix for other in others), flush=True)


def _write_table(make: Callable[[Run, str], tables.PlainTable], run: Run, folder: Path, name: str,
                 language: str) -> list[Path]:
    return make(run, language).write(folder, name + suffix(language))


def suffix(language: str) -> str:
    """What the name of a file in that language ends in."""
    return "_zh" if language == "zh" else ""
