"""The commands of the README are run with the smallest preset, at 80 columns; both languages have the same."""

import json
import math
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.terminal import in_terminal, too_wide

ROOT = Path(__file__).parents[1]
IN_VENV = Path(sys.prefix).resolve() == (ROOT / ".venv").resolve()


def commands(document):
    """Lines of the ```sh blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / document).read_text(encoding="utf-8"), re.S)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def test_both_languages_give_the_same_commands():
    assert len(documents()) > 5
    for document in documents():
        assert commands(document) == commands((ROOT / document).with_name("README.zh.md"))


def test_links_lead_somewhere():
    for document in [*ROOT.glob("*.md"), *ROOT.glob("assignments/*/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
            assert target.startswith("https://") or (document.parent / target).exists(), f"{document}: {target}"


def documents() -> list[str]:
    """The English READMEs: the kit's and those of the works that have one."""
    return [path.relative_to(ROOT).as_posix() for path in (ROOT / "README.md", *ROOT.glob("assignments/*/README.md"))]


@pytest.mark.parametrize("document", documents())
def test_both_languages_have_the_same_numbers_in_their_tables(document):
    def numbers(path):
        rows = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
        return [sorted(re.findall(r"\d[\d,.]*\d|\d", row)) for row in rows]

    assert numbers(ROOT / document) == numbers((ROOT / document).with_name("README.zh.md"))


def table() -> dict:
    return json.loads((ROOT / "reports" / "benchmarks" / "table.json").read_text(encoding="utf-8"))["rows"]


def measured() -> list[float]:
    """Ratios of reports/benchmarks/table.json in the order of the README's section on speed."""
    rows = table()

    def ratio(case: str, *against: str) -> float:
        """Against the fastest of those whose names begin so."""
        begins = tuple(f"{case} / {each}" for each in against)
        return min(row["ratio"]["median"] for name, row in rows.items() if name.startswith(begins))

    def networks(cases, *columns: tuple[str, ...]) -> list[float]:
        """Row by row; the last column is all rivals in bfloat16."""
        return [each for case in cases
                for each in (*(ratio(case, *rivals) for rivals in columns), ratio(f"{case}-bfloat16", ""))]

    training = ("resnet50", "mobilenet_v2", "efficientformer_v2", "swift_srgan", "glasses")
    inference = ("infer-resnet50", "infer-efficientformer_v2", "infer-swift_srgan")
    data = (("augmentation", "document"), ("packed-store", "JPEGs"), ("records", "128x128 PNGs"))
    return [*networks(training, ("plain paddle.Model.fit",), ("PyTorch eager",), ("PyTorch",)),
            *networks(inference, ("eager Paddle",), ("PyTorch eager",), ("PyTorch",), ("OpenVINO", "ONNX Runtime")),
            *(ratio(*each) for each in data)]


NEWCOMERS = {  # README, its reader's locale, and what is reproduced; other works are drawn in their notebooks' test
    "README.md": ("en_US.UTF-8", "backprop glasses"), "README.zh.md": ("zh_CN.UTF-8", "backprop")}
SMALL = {"--preset sample": "--preset smoke",
         "kit figures monkey_species": "kit figures monkey_species --only 2.6 confusion"}  # figures.py draws them all


@pytest.mark.parametrize("document, heading", [("README.md", "Speed"), ("README.zh.md", "速度")])
def test_speeds_are_those_of_the_table(document, heading):
    section = (ROOT / document).read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    shown = [cell for line in section.splitlines() if line.startswith("|")
             for cell in map(str.strip, line.split("|")) if re.fullmatch(r"\d[\d.]*", cell)]
    assert shown == [f"{each:.3g}" for each in measured()]
    told = re.findall(r"\d\.\d+", section)
    for case, rival, digits in (("resnet50", "PyTorch eager", 1),
                                ("resnet50-bfloat16", "PyTorch channels_last, bfloat16", 1),
                                ("infer-swift_srgan", "OpenVINO", 2),
                                ("infer-swift_srgan-bfloat16", "OpenVINO, bfloat16", 2)):
        assert f"{table()[f'{case} / {rival}']['speed']['ours']['median']:.{digits}f}" in told


@pytest.mark.parametrize("document", [f"README{ending}.md" for ending in ("", ".zh")])
def test_readmes_and_presets_tell_the_same_times(document):
    for presets in ROOT.glob("assignments/*/presets.yaml"):
        if not presets.with_name(document).is_file():
            continue  # a work of somebody's own
        text = presets.with_name(document).read_text(encoding="utf-8")
        for name, preset in yaml.safe_load(presets.read_text(encoding="utf-8")).items():
            stated = re.match(r"(\d+) (second|minute|hour)", preset["time"])
            if stated:
                row = next(line for line in text.splitlines() if line.startswith(f"| `{name}` |"))
                units = {"second": "(s|秒)", "minute": "(min|分钟)", "hour": "(h|hour|小时)"}[stated[2]]
                assert re.search(rf"\b{stated[1]} {units}", row), f"{presets.parent.name}: {row}"


@pytest.fixture(scope="module", params=NEWCOMERS)
def newcomer(request, tmp_path_factory):
    """(a README, the environment of who follows it): runs, caches and drawn data stay out of the project."""
    base = tmp_path_factory.mktemp("readme")
    for path in ROOT.iterdir():  # the kit as it was unpacked: nothing that runs and users put beside it
        if path.name not in ("runs", "data", ".cache", "comparison", "grading"):
            (base / path.name).symlink_to(path)
    kept = {name: value for name, value in os.environ.items() if name not in ("KIT_LANG", "LC_ALL", "LC_MESSAGES")}
    return request.param, {**kept, "LANG": NEWCOMERS[request.param][0], "KIT_RUNS": str(base / "runs"),
                           "KIT_CACHE": str(base / ".cache"), "KIT_REPORT": str(base / "report"), "HERE": str(base)}


def test_the_monkeys_hours_are_those_of_their_steps():
    steps = 300 * math.ceil(1097 / 128)  # epochs of the document's batches
    for document, words in (("README.md", (f"{steps:,} steps", "19 s each", "14 hours")),
                            ("README.zh.md", (f"{steps:,} 步", "每步 19 秒", "14 小时"))):
        text = (ROOT / "assignments" / "monkey_species" / document).read_text(encoding="utf-8")
        assert all(each in text for each in words) and round(steps * 19 / 3600) == 14


@pytest.mark.slow
@pytest.mark.timeout(900)  # `make reproduce` trains and draws
@pytest.mark.parametrize("command", commands("README.md"))  # README.zh.md has the same: see above
def test_readme_command(command, newcomer):
    document, environment = newcomer
    if command == "make test":  # this very run; only that make knows the target
        if shutil.which("make"):
            assert subprocess.run(["make", "-n", "test"], cwd=ROOT, capture_output=True).returncode == 0
        return
    if command.startswith(". "):  # this very environment, where it is the kit's
        assert command == ". .venv/bin/activate" and (not IN_VENV or (ROOT / command[2:]).is_file())
        return
    if command.startswith("pip install"):
        assert (ROOT / command.split()[-1]).is_file()
        return
    if command == "make reproduce":
        words = f"{NEWCOMERS[document][1]} --preset smoke"
        command = f"make reproduce ARGS='{words}'" if IN_VENV else f"kit reproduce {words}"
    for stated, small in SMALL.items():
        command = command.replace(stated, small)
    words = shlex.split(command)
    interpreter = {"python": [sys.executable], "kit": [sys.executable, "-m", "assignments"]}
    words = [part for word in words for part in interpreter.get(word, [word])]
    status, said = in_terminal(words, cwd=environment["HERE"], env=environment)
    assert status == 0 and said.strip(), said[-4000:]
    assert not re.search(r"Traceback|Warning|^(error:|错误：)", said, re.M), said[-4000:]
    assert not too_wide(said)
    assert document == "README.md" or re.search("[\u4e00-\u9fff]", said), said
