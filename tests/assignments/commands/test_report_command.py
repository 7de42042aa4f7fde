"""The report of real assignments: every figure and number in the page, gaps with their commands, commands that repeat a
run."""

import html
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from assignments.commands.report import report
from assignments.common import chapters
from assignments.common.chapters import build_report, read_about, run_command
from assignments.common.figure_scripts import script_of
from assignments.common.works import summary, work_names, work_of
from data_tools.errors import KitError
from data_tools.files.places import PROJECT_ROOT
from reports import tables
from reports.figures.figure_script import FigureScript
from tests.reports.browser import CHROMIUM, look
from tests.reports.make_run import make_run

ROOT = PROJECT_ROOT
NAMES = work_names()
MONKEYS = script_of("monkey_species")


def command(*words, **options):
    return subprocess.run([sys.executable, "-m", "assignments", *map(str, words)], cwd=ROOT, capture_output=True,
                          text=True,
                          **options)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A report of all assignments in which monkey_species alone has a run: (folder, text of its English page)."""
    base = tmp_path_factory.mktemp("made")
    run = make_run(base / "run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIT_RUNS", str(base / "none"))
        page, = build_report(runs={"monkey_species": run}, languages=("en",), out=base / "out")
    return base, page.read_text(encoding="utf-8")


def fake_figures(run: Path, language: str = "en") -> Path:
    """Tiny files in place of every figure of a monkey run, as if figures.py had drawn them."""
    from PIL import Image

    folder = run / "figures"
    folder.mkdir()
    for entry in MONKEYS.figures:
        Image.new("RGB", (8, 8)).save(folder / f"{entry.file}.png")
        (folder / f"{entry.file}.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>')
    return run


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_and_number_of_every_assignment_is_in_the_page(made, name):
    script = script_of(name)
    for entry in script.figures:
        assert f'<figure id="{name}-figure-{entry.number}">' in made[
            1], f"{name}: figure {entry.number} is not in the report"
        assert html.escape(entry.title()).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in made[1], entry.number
    for claim in script.claims():
        assert f'id="{name}-{claim["id"]}"' in made[1], f"{name}: {claim['id']} is not in the report"
        stands = claim.get("command") or (claim["result"] if isinstance(claim["result"], str) else "")
        assert html.escape(stands) in made[1], f"{name}: where {claim['id']} comes from is not in the report"


@pytest.mark.parametrize("name", NAMES)
def test_every_assignment_says_what_was_asked(name):
    about, script = read_about(name), script_of(name)
    assert isinstance(script, FigureScript) and script.assignment == name
    if not (work_of(name).folder / "about.yaml").is_file():
        assert set(about["title"].values()) == {summary(name)}
        return
    assert about["headline"] in {claim["id"] for claim in script.claims()}
    for text in (about["title"], about["document"], about["asked"], *about["slips"], *about.get("published", [])):
        assert set(text) == {"en", "zh"} and all(text.values())
    assert len(about["figures"]) == 3 and set(about["figures"]) <= {entry.number for entry in script.figures}
    assert about.get("headline_else", about["headline"]) in {claim["id"] for claim in script.claims()}


def test_a_work_may_name_figures_and_a_second_headline_but_no_others():
    script, about = script_of("swift_srgan"), read_about("swift_srgan")
    rows = tables.compare(script.claims(), {"sets": {"photographs": {"psnr_y": 32.0}}})
    assert chapters._headline(about, rows) == "photographs_psnr"
    assert chapters._headline(about, tables.compare(script.claims(), {})) == "set5_psnr"
    assert chapters._matter("swift_srgan", {}, script) == []
    with pytest.raises(KitError, match="about.yaml: figures: 99: no such figure; there are 1, 2, 3,"):
        chapters._matter("swift_srgan", {"figures": [99, "3"]}, script)


def test_figures_of_a_run_are_drawn_and_stand_in_the_page_those_that_matter_first(made):
    base, text = made
    section = text.split('<section id="monkey_species"')[1].split("</section>")[0]
    shown = re.findall(r'<figure id="monkey_species-figure-([^"]*)">\n<img src="data:image/[a-z+]+;base64,', section)
    first = read_about("monkey_species")["figures"]
    assert shown == first + [entry.number for entry in MONKEYS.figures if entry.number not in first]
    assert section.index('class="card"') < section.index("<figure id") and len(first) == 3
    assert section.rindex("<figure id") < section.index('id="monkey_species-commands"')
    names = {path.name for path in (base / "out" / "monkey_species" / "figures").iterdir()}
    numbers = {name for name in names if name.endswith(".csv")}
    assert names - numbers == {f"{entry.file}.{kind}" for entry in MONKEYS.figures for kind in chapters.FORMATS}
    assert {"figure_2_10.csv", "confusion.csv"} <= numbers and all(f"figures/{name}" in section for name in numbers)
    assert len(text) < 15 * 2**20
    tree = (base / "out" / "monkey_species" / "README.md").read_text(encoding="utf-8")
    assert tree.count("](figures/figure_2_1.") == 3 and "94.1 %" in tree and "Slip in the document" in tree


def test_an_assignment_without_a_run_leaves_a_gap_with_its_command(made):
    for name in set(NAMES) - {"monkey_species"}:
        section = made[1].split(f'<section id="{name}"')[1].split("</section>")[0]
        assert 'class="gap"' in section and f"<code>python assignments/{name}/run.py --preset sample</code>" in section
        assert ("not recorded" in section or not script_of(name).claims()) and 'loading="lazy"' not in section


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_the_page_in_a_browser(made):
    found, _ = look(made[0] / "out" / "report.html", width=500)
    assert found["images"] == len(MONKEYS.figures) + len(NAMES) + 1 and not found["broken"]
    assert not found["errors"] and found["overflow"] <= 0
    assert found["contrast"] >= 4.5


def test_same_run_same_bytes_in_another_folder_and_with_hostile_texts(tmp_path):
    bad = "<script>owned()</script>"
    run = fake_figures(make_run(tmp_path / "<b>run"))
    config = yaml.safe_load((run / "config.yaml").read_text())
    config["settings"].update({"data": bad, bad: 1})
    config.update(preset=bad, command=f"python x; {bad}")
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    for name in ("environment.json", "result.json"):
        content = json.loads((run / name).read_text())
        content.update(device=bad, preset=bad, commit=bad, origin=bad, versions={bad: bad}, data_fingerprint=bad)
        (run / name).write_text(json.dumps(content))
    trees = []
    for name in ("a", "b"):
        build_report(["monkey_species"], {"monkey_species": run}, ("en",), tmp_path / name, drawn=["monkey_species"])
        files = [path for path in (tmp_path / name).rglob("*") if path.is_file()]
        trees.append({path.relative_to(tmp_path / name): path.read_bytes() for path in files})
    pictures = ["overview.png", "overview.svg", "monkey_species/headline.svg"]
    pages = [".kit-report", "report.html", "README.md", "monkey_species/README.md"]
    assert trees[0] == trees[1] and {*map(Path, pictures + pages)} <= set(trees[0])
    assert len(trees[0]) == 3 + 4 + 3 + 2 * len(MONKEYS.figures) + len(MONKEYS.others)
    page = trees[0][Path("report.html")].decode()
    assert "<script" not in page and "<b>run" not in page and page.count("&lt;script&gt;") > 5


def test_a_damaged_run_is_a_gap_too(tmp_path):
    run = fake_figures(make_run(tmp_path / "run"))
    (run / "result.json").write_text("{broken")
    page, = build_report(["monkey_species"], {"monkey_species": run}, ("en",), tmp_path / "out",
                         drawn=["monkey_species"])
    text = html.unescape(page.read_text(encoding="utf-8"))
    assert "The numbers could not be read" in text and "result.json is not valid JSON" in text
    assert "not recorded" in text
    assert text.count('loading="lazy"') == len(MONKEYS.figures)


def test_a_newest_run_that_cannot_be_opened_is_a_gap_that_says_why(tmp_path, monkeypatch):
    monkeypatch.setenv("KIT_RUNS", str(tmp_path / "runs"))
    for name in ("run", "ablation"):
        (tmp_path / "runs" / "face_attributes" / name).mkdir(parents=True)
    (tmp_path / "runs" / "face_attributes" / "run" / "config.yaml").write_text("assignment: face_attributes\n")
    (tmp_path / "runs" / "face_attributes" / "ablation" / "ablation.json").write_text("[]")
    page, = build_report(["face_attributes"], languages=("en",), out=tmp_path / "out")
    text = page.read_text(encoding="utf-8")
    assert "ablation.json holds a list" in text and "could not be read" in text and "No run yet" not in text


def test_a_run_of_another_assignment_is_refused(tmp_path):
    run = make_run(tmp_path / "run")
    with pytest.raises(KitError, match="is a run of monkey_species, not of backprop"):
        build_report(["backprop"], {"backprop": run}, ("en",), tmp_path / "out")
    with pytest.raises(KitError, match="x: no such assignment; there are backprop"):
        build_report(["x"], {}, ("en",), tmp_path / "out")
    with pytest.raises(KitError, match="--runs monkeys: expected NAME=DIR"):
        report((), ["monkeys"], "en", tmp_path / "out")


def test_each_work_is_named_when_it_is_drawn(tmp_path, capfd):
    run = fake_figures(make_run(tmp_path / "run"))
    build_report(["monkey_species"], {"monkey_species": run}, ("en",), tmp_path / "out", drawn=["monkey_species"])
    assert capfd.readouterr().out == "drawing monkey_species, en ...\n"


@pytest.mark.parametrize("changes, words", [
    ({}, []), ({"image_size": 96}, ["--image_size", "96"]),
    ({"data": "my data; rm -rf ~"}, ["--data", "my data; rm -rf ~"]),
    ({"data": "-x"}, ["--data=-x"]), ({"workers": 2, "mixup": 0.2}, ["--workers", "2", "--mixup", "0.2"]),
    ({"optimizer": {"lr": 0.01}}, ["--optimizer.lr", "0.01"]), ({"unknown": 1, "model": [[["x"]]]}, [])])
def test_the_command_makes_the_run_again(changes, words):
    settings = {"model": "mobilenet_v2", **changes}
    shown = run_command("monkey_species", {"preset": "smoke", "settings": settings, "command": "rm -rf ~"})
    assert shlex.split(shown) == ["python", "assignments/monkey_species/run.py", "--preset", "smoke", *words]
    from assignments.monkey_species.run import WORK
    from paddle_models.trainer.settings import parse_command_line

    _, parsed = parse_command_line(WORK.settings, WORK.folder / "presets.yaml", shlex.split(shown)[2:])
    for key in changes.keys() & {"image_size", "data", "workers", "mixup"}:
        assert getattr(parsed, key) == changes[key]


@pytest.mark.parametrize("name, id, words", [
    ("glasses", "batch_64", "experiments.py --preset paper --data 'my faces'"),
    ("glasses", "suspects", "label_errors.py --preset paper --data 'my faces'"),
    ("face_attributes", "s2_over_s0", "ablation.py --preset paper --data 'my faces' --variants s2")])
def test_what_fills_a_number_takes_the_run_s_preset_and_data(name, id, words):
    claims = script_of(name).claims()
    own = run_command(name, {"preset": "paper", "settings": {"data": "my faces", "epochs": 7}}, ("data",)).split(" ",
                                                                                                                 2)[2]
    numbers = {number.id: number for number in chapters._numbers(tables.compare(claims, {}), claims, own, "en")}
    assert numbers[id].command == f"python assignments/{name}/{words}"
    advised = [claim["id"] for claim in claims if "--preset sample" in claim.get("command", "")]
    # known for drawn data only
    assert advised == (["suspects_precision", "suspects_recall"] if name == "glasses" else [])


def test_commands(tmp_path):
    done = command("report", "--names", "backprop", "--out", tmp_path / "out", env={"KIT_RUNS": str(tmp_path)})
    assert (done.returncode, done.stderr) == (0, "")
    assert re.findall(r"written to .*/(report\w*\.html) \(", done.stdout) == ["report.html", "report_zh.html"]
    assert "尚无运行结果" in (tmp_path / "out" / "report_zh.html").read_text(encoding="utf-8")
    assert "No run yet" in (tmp_path / "out" / "backprop" / "README.md").read_text(encoding="utf-8")
    a, b = make_run(tmp_path / "a"), make_run(tmp_path / "b", seed=1)
    done = command("compare", a, b, "--out", tmp_path / "compared")
    assert (done.returncode, done.stderr) == (0, "") and "Metrics" in done.stdout
    assert (tmp_path / "compared" / "curves.svg").is_file()
    failed = command("compare", a, tmp_path / "absent", "--out", tmp_path / "compared")
    assert failed.returncode == 2 and failed.stderr.count("\n") == 1 and "absent" in failed.stderr


def test_reproduce_knows_the_names_of_the_works():
    done = command("reproduce", "backprob", "--preset", "smoke")
    assert done.returncode == 2 and done.stderr.startswith("error: backprob: there is no such work; there are")
    assert "==" not in done.stdout
