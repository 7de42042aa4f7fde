"""Settings: presets, the command line, and errors that name the key and the nearest right one."""

import subprocess
import sys
from dataclasses import dataclass

import pytest

from data_tools.errors import KitError
from data_tools.files.places import PROJECT_ROOT
from paddle_models.trainer.settings import TrainerSettings, from_dict, parse_command_line, read_presets, to_dict

PRESETS = """
sample: {hardware: 2 cores, time: 1 min, expects: {}, settings: {epochs: 7, optimizer: {name: sgd, lr: 0.1}}}
paper: {hardware: GPU, time: 3 h, expects: {}, settings: {batch_size: 128}}
"""


@dataclass
class Settings(TrainerSettings):
    """Test"""

    data: str = ""
    """where"""


@pytest.fixture
def presets(tmp_path):
    path = tmp_path / "presets.yaml"
    path.write_text(PRESETS)
    return path


def test_preset_then_command_line(presets):
    options, settings = parse_command_line(Settings, presets,
                                           ["--optimizer.lr", "0.5", "--data=/x y", "--workers", "null"])
    assert options.preset == "sample" and options.resume is None
    assert (settings.epochs, settings.optimizer.name, settings.optimizer.lr, settings.data) == (7, "sgd", 0.5, "/x y")
    assert settings.workers is None and settings.optimizer.beta2 == 0.999
    assert parse_command_line(Settings, presets, ["--preset", "paper"])[1].batch_size == 128


def test_round_trip(presets):
    _, settings = parse_command_line(Settings, presets, ["--schedule.name", "cosine"])
    assert from_dict(Settings, to_dict(settings), "config.yaml") == settings


@pytest.mark.parametrize("argv, message", [
    (["--epoch", "3"], "unknown setting --epoch - did you mean --epochs?"),
    (["--lr", "3"], "did you mean --optimizer.lr?"),
    (["--optimizer.nam=adam"], "did you mean --optimizer.name?"),
    (["--preset", "smaple"], "did you mean sample?"),
    (["--epochs", "many"], "setting epochs: many is not a whole number"),
    (["--workers", "some"], "setting workers: some is not a whole number or null"),
    (["--schedule.name", "fast"], "setting schedule.name: fast; choose one of fixed, "),
    (["--epochs", "2.5"], "setting epochs: 2.5 is not a whole number"),
    (["--optimizer.name", "adan"], "setting optimizer.name: adan; choose one of sgd, "),
    (["--epochs", "0"], "setting epochs: 0 is below 1"),
    (["--accumulate", "64"], "setting accumulate: 64 micro-batches of a batch of 32"),
    (["--ema_decay", "1"], "outside [0, 1)"),
    (["--seed", "-1"], "setting seed: -1 is below 0"),
    (["--optimizer.lr", "-1"], "setting optimizer.lr: -1.0 is not above 0"),
    (["--optimizer.lr", "0"], "setting optimizer.lr: 0.0 is not above 0"),
    (["--optimizer.lr", ".nan"], "setting optimizer.lr: nan is no finite number"),
    (["--optimizer.beta1", "1"], "setting optimizer.beta1: 1.0 is outside [0, 1)"),
    (["--optimizer.weight_decay", "-0.1"], "setting optimizer.weight_decay: -0.1 is below 0"),
    (["--schedule.warmup_epochs", "-1"], "setting schedule.warmup_epochs: -1.0 is below 0"),
    (["--max_steps", "-1"], "setting max_steps: -1 is below 0"),
    (["--resume", "run", "--preset", "paper"], "--preset is not for --resume"),
    (["--out=other", "--resume"], "--out is not for --resume"),
    (["stray"], "unrecognized arguments: stray"),
    (["--data", "__import__('os').system('true')", "--epochs", "__import__('os').getpid()"],
     "setting epochs: __import__"),
])
def test_errors_name_the_key(presets, argv, message):
    with pytest.raises(KitError) as error:
        parse_command_line(Settings, presets, argv)
    assert message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("values, message", [
    ({"epoch": 3}, "config.yaml: unknown setting epoch - did you mean epochs?"),
    ({"optimizer": {"lrr": 3}}, "unknown setting optimizer.lrr - did you mean optimizer.lr?"),
    ({"optimizer": 3}, "expected a mapping"),
    ({"epochs": "x"}, "config.yaml: setting epochs: x is not a whole number"),
])
def test_files_are_checked_like_the_command_line(values, message):
    with pytest.raises(KitError) as error:
        from_dict(Settings, values, "config.yaml")
    assert message in str(error.value)


def test_yaml_tags_are_not_evaluated(tmp_path):
    path = tmp_path / "presets.yaml"
    path.write_text("sample: !!python/object/apply:os.system ['true']")
    with pytest.raises(KitError, match="not valid YAML"):
        read_presets(path)


@pytest.mark.parametrize("file", sorted(PROJECT_ROOT.glob("assignments/*/presets.yaml")), ids=lambda f: f.parent.name)
def test_every_shipped_preset_is_valid(file):
    import importlib

    presets = read_presets(file)
    assert "sample" in presets
    settings_class = importlib.import_module(f"assignments.{file.parent.name}.run").WORK.settings
    for name, preset in presets.items():
        from_dict(settings_class, preset["settings"], name)
        assert preset["expects"]["low"] < preset["expects"]["high"]


@pytest.mark.parametrize("command", [["assignments/monkey_species/run.py", "--help"], ["-m", "assignments", "list"]])
def test_help_imports_nothing_heavy(command):
    root = PROJECT_ROOT
    listed = subprocess.run([sys.executable, "-X", "importtime", *command], capture_output=True, text=True, cwd=root,
                            timeout=120)
    assert listed.returncode == 0 and "sample" in listed.stdout
    imported = {line.split("|")[-1].strip() for line in listed.stderr.splitlines()}
    assert not imported & {"paddle", "cv2", "imgaug", "matplotlib", "scipy", "skimage", "sklearn", "visualdl"}


def test_settings_are_printed_as_the_file_that_config_takes(presets, tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        parse_command_line(Settings, presets, ["--preset", "paper", "--optimizer.lr", "0.25", "--print_config"])
    assert end.value.code in (0, None)
    file = tmp_path / "mine.yaml"
    file.write_text(capsys.readouterr().out)
    options, settings = parse_command_line(Settings, presets, ["--config", str(file), "--epochs", "4"])
    assert (settings.batch_size, settings.optimizer.lr, settings.epochs) == (128, 0.25, 4)
    assert options.preset == "paper" and not options.json and options.out is None
    short = tmp_path / "short.yaml"
    short.write_text("optimizer: {lr: 0.75}\n")
    _, settings = parse_command_line(Settings, presets, ["--config", str(short)])
    assert (settings.epochs, settings.optimizer.name, settings.optimizer.lr) == (7, "sgd", 0.75)


@pytest.mark.parametrize("text, message", [
    ("epoch: 3", "unknown setting epoch - did you mean epochs?"), ("optimizer: {lr: fast}", "fast"),
    ("[1, 2]", "expected a mapping of settings"), ("a: [", "not valid YAML"), (None, "cannot be read")])
def test_a_wrong_config_file_is_named(presets, tmp_path, text, message):
    file = tmp_path / "mine.yaml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(KitError) as caught:
        parse_command_line(Settings, presets, ["--config", str(file)])
    assert message in str(caught.value)
