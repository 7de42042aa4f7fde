"""Gathers runs, figures and numbers of all assignments for the report; what a page looks like is decided in
reports/."""

import contextlib
import io
import json
import multiprocessing
import shlex
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assignments.common.figure_scripts import script_of
from assignments.common.works import FOLDER, summary, work_names, work_of
from data_tools.errors import KitError
from data_tools.files import places
from data_tools.files.places import PROJECT_ROOT
from data_tools.language import show
from reports import tables
from reports.figures import style
from reports.figures.figure_script import Entry, FigureScript, Output, suffix, write_figure
from reports.pages.headlines import with_headlines
from reports.pages.report import Number, Picture, Preset, Setting, Work, clear, origin_of, words, write_page, write_tree
from reports.run_list import best_run, taken
from reports.run_reader import Run, flat_settings, flatten, look_up

ABOUT_KEYS = {"title", "document", "headline", "asked", "slips"}
MAY_HAVE = {"published", "figures", "headline_else"}  # of about.yaml
FORMATS = ("png", "svg")  # of the figures: what page and tree show
AS_RUN = "--preset PRESET --data DIR"  # in the command of a claim, which stands for the run's own


def build_report(names: Sequence[str] = (), runs: Mapping[str, Path] | None = None,
                 languages: Sequence[str] = ("en", "zh"),
                 out: Path | None = None, drawn: Sequence[str] = ()) -> list[Path]:
    """Write pages and tree into `out` ($KIT_REPORT, else reports/out); returns the pages.

    names: assignments (default: all). runs: run folders by assignment, the best one where none is named. drawn:
    assignments whose figures stand in their run folders, just drawn by the caller; they are taken from there.
    """
    out, runs = Path(out or places.report()), dict(runs or {})
    known = work_names()
    for name in [*names, *runs]:
        if name not in known:
            raise KitError(f"{name}: no such assignment; there are {', '.join(known)}")
    names = list(names) or known
    found = {name: _find(script_of(name), runs.get(name)) for name in names}
    clear(out, known)
    opened = {name: run.path for name, run in found.items() if isinstance(run, Run)}
    tasks = [(name, opened[name], out / name, language, name in drawn) for language in languages for name in names
             if name in opened]
    drawings = dict(zip([task[:4:3] for task in tasks], _in_processes(tasks)))
    for notice in dict.fromkeys(line for drawing in drawings.values() for line in drawing.notices):
        show(notice)
    pages = []
    for language in languages:
        works = [_work(name, found[name], drawings.get((name, language)), out / name, language) for name in names]
        works, slide = with_headlines(works, out, language)
        write_tree(works, out, language, slide)
        pages.append(write_page(works, out, language, len(languages) > 1, slide))
    return pages


def read_about(name: str) -> dict[str, Any]:
    """about.yaml of a work: texts in both languages and the id of its headline (ours, so only its form is checked); a
    work without one is called by its summary."""
    import yaml

    file = FOLDER / name / "about.yaml"
    if not file.is_file():
        said = dict.fromkeys(("en", "zh"), summary(name))
        nothing = dict.fromkeys(said, "")
        return {"title": said, "document": nothing, "headline": "", "asked": nothing, "slips": []}
    about = yaml.safe_load(file.read_text(encoding="utf-8"))
    if not ABOUT_KEYS <= set(about) <= ABOUT_KEYS | MAY_HAVE:
        raise KitError(f"{file.relative_to(PROJECT_ROOT)}: its keys are {sorted(about)}, expected "
                       f"{sorted(ABOUT_KEYS)}, perhaps {sorted(MAY_HAVE)}")
    return about


def _find(script: FigureScript, path: Path | None) -> Run | KitError | None:
    """The named or best run, None where there is none yet, or the error that keeps the best from being opened.

    A run that was named must be there and be of that assignment.
    """
    try:
        found, why = (path, "") if path else best_run(script.assignment)
    except KitError:
        return None
    if why:
        print(taken(found, why))
    try:
        return script.open(found)
    except KitError as error:
        if path:
            raise
        return KitError(_without_place(error, found))


# ---- figures, drawn in processes of their own: Matplotlib's settings hold for one language, and two cores are faster


@dataclass(frozen=True)
class Drawing:
    """What a process drew for one work in one language: files and failures by figure, other files, tables, notices."""

    files: dict[str, list[Path]]
    failures: dict[str, str]
    others: list[Path]
    tables: list[tables.PlainTable]
    notices: list[str]


def _in_processes(tasks: Sequence[tuple]) -> list[Drawing]:
    from paddle_models.environment import cores

    workers = min(len(tasks), cores())
    if workers < 2:
        return [_draw(*task) for task in tasks]
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        return list(pool.map(_draw, *zip(*tasks)))


def _draw(name: str, path: Path, folder: Path, language: str, drawn: bool) -> Drawing:
    """Every figure and table of one run in `folder`."""
    script, failures, files, others, more = script_of(name), {}, {}, [], []
    show(f"drawing {name}, {language} ...")
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        run, t = script.open(path), style.start(language)
        for entry in script.figures_of(run):
            try:
                files[entry.number] = (_take(entry, run, folder / "figures", language) if drawn else []) or \
                    write_figure(entry, run, t, folder / "figures", language, Output(FORMATS))
            except KitError as error:
                failures[entry.number] = _without_place(error, path)
        for key, make in script.more_tables.items():
            with contextlib.suppress(KitError):  # the figures from the same arrays say what is wrong with them
                table = make(run, language)
                others += table.write(folder / "tables", key + suffix(language))
                more.append(table)
        for write in script.others.values():
            with contextlib.suppress(KitError):
                others += write(run, folder, language)
    return Drawing(files, failures, others, more, said.getvalue().splitlines())


def _without_place(error: KitError, run: Path) -> str:
    """The message with the run folder's name only: the report is the same wherever the run lies."""
    return str(error).replace(str(run), run.name)


def _take(entry: Entry, run: Run, folder: Path, language: str) -> list[Path]:
    """Copies of the files of a figure, and of its numbers, from the run's own figures/; nothing where one of the files
    is missing."""
    *sources, numbers = [run.path / "figures" / f"{entry.file}{suffix(language)}.{kind}" for kind in (*FORMATS, "csv")]
    if not all(source.is_file() for source in sources):
        return []
    sources += [numbers] if numbers.is_file() else []
    folder.mkdir(parents=True, exist_ok=True)
    return [Path(shutil.copyfile(source, folder / source.name)) for source in sources]


# ---- one work


def _work(name: str, found: Run | KitError | None, drawing: Drawing | None, folder: Path, language: str) -> Work:
    """Everything about one assignment in one language."""
    script, about = script_of(name), read_about(name)
    run, gap = (found, "") if isinstance(found, Run) else (None, str(found or ""))
    presets = _presets(name)
    context, facts, settings, command, origin, own = tables.Context("-", "-", "-", None), [], [], "", "", AS_RUN
    rows = tables.compare(script.claims(), {}, language)
    if run:
        try:
            rows, context, origin = script.measured(run, language), tables.run_context(run), origin_of(run.origin)
            facts = _facts(run, context, origin, words(language))
            settings, command = _settings(name, run), run_command(name, run.config)
            own = run_command(name, run.config, ("data",)).split(" ", 2)[2]
        except KitError as error:
            gap = _without_place(error, run.path)
    return Work(
        name=name, title=about["title"][language], document=about["document"][language], asked=about["asked"][language],
        headline_id=_headline(about, rows), slips=[slip[language] for slip in about["slips"]],
        published=[value[language] for value in about.get("published", [])], matter=_matter(name, about, script),
        has_run=run is not None, gap=gap,
        fill=f"python assignments/{name}/run.py --preset sample", command=command, origin=origin or "unknown",
        facts=facts,
        rows=rows, numbers=_numbers(rows, script.claims(run), own, language), context=context, settings=settings,
        presets=[_preset(name, key, preset, language) for key, preset in presets.items()],
        pictures=[_picture(entry, drawing, gap or words(language)["no_run"], language)
                  for entry in script.figures_of(run)],
        tables=drawing.tables if drawing else [],
        files=[file for file in drawing.others if file.suffix != ".md"] if drawing else [])


def _headline(about: Mapping[str, Any], rows: Sequence[tables.Row]) -> str:
    """The id of the number that stands for the work: the headline, or what about.yaml names where a run lacks it."""
    measured = {row.id for row in rows if row.value is not None}
    named = about["headline"], about.get("headline_else", "")
    return next((id for id in named if id in measured), about["headline"])


def _matter(name: str, about: Mapping[str, Any], script: FigureScript) -> list[str]:
    """Numbers of the figures that the work wants to be seen first."""
    named, known = list(map(str, about.get("figures", []))), [entry.number for entry in script.figures]
    if set(named) - set(known):
        raise KitError(f"assignments/{name}/about.yaml: figures: {', '.join(sorted(set(named) - set(known)))}: no such "
                       f"figure; there are {', '.join(known)}")
    return named


def _facts(run: Run, context: tables.Context, origin: str, w: Mapping[str, str]) -> list[tuple[str, str]]:
    """(label, value) of what holds for the whole run."""
    seconds = tables.NONE if context.seconds is None else f"{context.seconds:.0f}"
    versions = run.environment.get("versions")
    shown = ", ".join(f"{key} {value}" for key, value in flatten(versions)) if isinstance(versions,
                                                                                          dict) else tables.NONE
    python = run.environment.get("python", tables.NONE)
    pairs = ((w["preset"], context.preset), (w["data"], w[origin]), (w["device"], context.device),
             (w["seconds"], seconds),
             (w["run_folder"], run.path.name), (w["commit"], run.environment.get("commit") or tables.NONE),
             (w["versions"], f"Python {python}, {shown}"),
             (w["fingerprint"], str(run.environment.get("data_fingerprint", tables.NONE))[:16]))
    return [(label, tables.clean(value, 400)) for label, value in pairs]


def _settings(name: str, run: Run) -> list[Setting]:
    """The run's settings beside those of the preset paper."""
    document = _presets(name).get("paper")
    stated = {key: next(flatten({key: value}))[1] for key,
              value in _effective(name, document).items()} if document else {}
    return [Setting(tables.clean(key), tables.clean(value), stated.get(key, "")) for key,
            value in flat_settings(run).items()]


def _numbers(rows: Sequence[tables.Row], claims: Sequence[Mapping[str, Any]], own: str, language: str) -> list[Number]:
    """The rows with where their values stand; own: preset and data of the run."""
    numbers = []
    for row, cells, claim in zip(rows, tables.shown_cells(rows, language), claims):
        key = claim["result"]
        source = words(language)["cited"] if key is None else " + ".join(key) if isinstance(key, list) else key
        if claim.get("divide_by"):
            source += f" / {claim['divide_by']}"
        numbers.append(Number(row.id, cells, row.note, source, claim.get("command", "").replace(AS_RUN, own)))
    return numbers


def _picture(entry: Entry, drawing: Drawing | None, absent: str, language: str) -> Picture:
    files = drawing.files.get(entry.number, []) if drawing else []
    failure = "" if files else drawing.failures[entry.number] if drawing else absent
    return Picture(entry.number, entry.title(language), entry.note(language), files, failure)


def _presets(name: str) -> dict[str, dict]:
    from paddle_models.trainer.settings import read_presets

    return read_presets(FOLDER / name / "presets.yaml")


def _preset(name: str, key: str, preset: Mapping[str, Any], language: str) -> Preset:
    expects = preset["expects"]
    parts = [expects.get("metric"), " .. ".join(str(expects[end]) for end in ("low", "high") if end in expects),
             f"({expects['data']})" if "data" in expects else ""]
    return Preset(key, str(preset["hardware"]), str(preset["time"]), " ".join(str(part) for part in parts if part),
                  f"python assignments/{name}/run.py --preset {key}", preset.get("departures", {}).get(language, ""))


def run_command(name: str, config: Mapping[str, Any], only: Sequence[str] = ()) -> str:
    """The command that makes a run again: its preset, and every setting that is not the preset's (or of these, `only`
    some).

    Made from the settings and quoted, not taken from the run folder, whose text might do anything in a shell.
    """
    presets = _presets(name)
    preset = next((known for known in presets if known == config.get("preset")), "sample")
    words_of_it = ["python", f"assignments/{name}/run.py", "--preset", preset]
    for key, usual in _effective(name, presets[preset]).items():
        value = look_up(config.get("settings"), key, usual)
        plain = value if isinstance(value, list) and len(value) < 20 else [value]
        if value != usual and key in (only or [key]) and all(part is None or isinstance(part, (str, int, float))
                                                             for part in plain):
            text = tables.clean(value if isinstance(value, str) else json.dumps(value), 1000)
            words_of_it += [f"--{key}={text}"] if text.startswith("-") else [f"--{key}", text]
    return shlex.join(words_of_it)


def _effective(name: str, preset: Mapping[str, Any]) -> dict[str, Any]:
    """All settings that a preset makes, {dotted name: value}."""
    from paddle_models.trainer.settings import from_dict, to_dict

    settings = work_of(name).settings
    values = to_dict(from_dict(settings, preset["settings"] or {}, f"{name}/presets.yaml"))
    return {key: look_up(values, key) for key, _ in flatten(values)}
