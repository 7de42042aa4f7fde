"""Settings of a training run: typed dataclasses, presets in YAML, single fields overridden on the command line.

The same check serves all three: an unknown key, a wrong type or a number outside its range (ranges.py) is an error
that names the key and the nearest right one. Nothing is evaluated; YAML is read with its safe loader.
"""

import difflib
import math
import re
import sys
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import jsonargparse
import yaml

from data_tools.errors import KitError
from data_tools.files.plain_yaml import read_yaml
from data_tools.language import LANGUAGES, VARIABLE
from paddle_models.trainer.ranges import bounded, check_ranges, ranges

jsonargparse.set_parsing_settings(docstring_parse_attribute_docstrings=True)
# beside the settings
OPTIONS = ("preset", "out", "name", "resume", "find_lr", "json", "dry_run", "anyway", "config", "lang")
KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "text",
         "list": "a list such as [1, 2]", "NoneType": "null"}


@dataclass
class OptimizerSettings:
    """Optimizer"""

    name: Literal["sgd", "momentum", "adagrad", "rmsprop", "adam", "adamw", "adamp"] = "adam"
    """update rule"""
    lr: float = bounded(0.001, 0, open="low")
    """learning rate after warm-up and before any decay"""
    weight_decay: float = bounded(0.0, 0)
    """decoupled for adamw and adamp, an L2 term in the gradient for the others; biases and norms are left out"""
    momentum: float = bounded(0.9, 0, 1, open="high")
    """momentum, rmsprop"""
    nesterov: bool = False
    """momentum, adamp"""
    beta1: float = bounded(0.9, 0, 1, open="high")
    """decay of the first moment: adam, adamw, adamp"""
    beta2: float = bounded(0.999, 0, 1, open="high")
    """decay of the second moment: adam, adamw, adamp"""
    epsilon: float = bounded(1e-8, 0, open="low")
    """added to the denominator of adaptive methods"""
    layer_decay: float = bounded(1.0, 0, 1, open="low")
    """layer-wise decay of a classifier's rate: a factor for each block from the head to the input; 1 = one rate"""


@dataclass
class ScheduleSettings:
    """Learning-rate schedule"""

    name: Literal["fixed", "exponential", "cosine", "plateau"] = "fixed"
    """shape of the decay"""
    warmup_epochs: float = bounded(0.0, 0)
    """linear rise from 0, before any decay"""
    gamma: float = bounded(0.95, 0, open="low")
    """exponential: factor per epoch"""
    smooth: bool = False
    """exponential: the rate falls a little with every step, and not once an epoch"""
    min_lr: float = bounded(0.0, 0)
    """cosine, plateau: lowest learning rate"""
    factor: float = bounded(0.1, 0, 1, open="both")
    """plateau: factor at each reduction"""
    patience: int = bounded(10, 0)
    """plateau: validation checks without improvement before a reduction"""


@dataclass
class EarlyStoppingSettings:
    """Early stopping"""

    patience: int = bounded(0, 0)
    """validation checks without improvement before stopping; 0 trains to the end"""
    min_delta: float = bounded(0.0, 0)
    """smallest change that counts as an improvement"""
    by: Literal["chosen", "loss"] = "chosen"
    """what has to improve: the metric that chooses the best weights, or the validation loss"""


@dataclass
class AmpSettings:
    """Automatic mixed precision on GPUs, in bfloat16 also on CPUs with AVX512_BF16 or AMX (the run says if not)"""

    level: Literal["off", "O1", "O2"] = "O1"
    """O1 casts per operator, O2 keeps the weights in the short type with float32 masters"""
    dtype: Literal["float16", "bfloat16"] = "float16"
    """float16 trains with a gradient scaler, bfloat16 without"""


@dataclass
class TrainerSettings:
    """Training"""

    seed: int = bounded(0, 0)
    """fixes initial weights, order, augmentation and dropout; the same seed gives the same weights on the CPU"""
    epochs: int = bounded(1, 1)
    """passes over the training set"""
    max_steps: int = bounded(0, 0)
    """stop after that many optimizer steps; 0 = no limit"""
    max_minutes: float = bounded(0.0, 0)
    """end the training (with validation and a result) after that many minutes of it; 0 = no limit"""
    batch_size: int = bounded(32, 1)
    """images per optimizer step, over all devices and micro-batches"""
    accumulate: int = bounded(1, 1)
    """micro-batches that a batch is divided into (gradient accumulation)"""
    clip_norm: float = bounded(0.0, 0)
    """largest global gradient norm; 0 = no clipping"""
    ema_decay: float = bounded(0.0, 0, 1, open="high")
    """exponential moving average of the weights, used for validation and kept as the best; 0 = none"""
    validate_every: int = bounded(1, 1)
    """epochs between validation checks"""
    log_every: int = bounded(10, 1)
    """steps between lines in metrics.jsonl; the loss is checked for NaN then"""
    checkpoint_minutes: float = bounded(5.0, 0)
    """longest time between two writings of the last checkpoint"""
    keep_last: bool = True
    """keep the last checkpoint of a finished run, without which it cannot be extended"""
    workers: int | None = bounded(None, 0)
    """processes that prepare batches; null fits the cores"""
    threads: int | None = bounded(None, 1)
    """threads to compute with; another number rounds otherwise and gives other weights; null takes all cores"""
    device: Literal["auto", "cpu", "gpu"] = "auto"
    """auto takes the GPU where there is one"""
    fast_layers: bool = True
    """oneDNN layers for training on a CPU, where a comparison of gradients at start-up passes"""
    sync_batch_norm: bool = False
    """several GPUs: BatchNorm statistics over all of them"""
    optimizer: OptimizerSettings = field(default_factory=OptimizerSettings)
    schedule: ScheduleSettings = field(default_factory=ScheduleSettings)
    early_stopping: EarlyStoppingSettings = field(default_factory=EarlyStoppingSettings)
    amp: AmpSettings = field(default_factory=AmpSettings)

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.accumulate > self.batch_size:
            raise KitError(f"setting accumulate: {self.accumulate} micro-batches of a batch of {self.batch_size}; "
                           f"use at most {self.batch_size}")


@dataclass
class Options:
    """What a command line says beside the settings."""

    preset: str
    out: Path | None
    resume: str | None
    """run folder to continue; "" takes the newest unfinished one"""
    find_lr: bool = False
    """look for a learning rate instead of training"""
    json: bool = False
    """end with the result as a line of JSON instead of a summary for people"""
    name: str = ""
    """of the run folder under runs/, after its time; empty: the preset's"""
    dry_run: bool = False
    """say what the run needs, and end"""
    anyway: bool = False
    """start even where the machine has not what the run needs"""


def to_dict(settings: Any) -> dict:
    """Nested plain dictionary of a settings dataclass, as written to config.yaml."""
    return asdict(settings)


def from_dict(settings_class: type, values: dict, where: str) -> Any:
    """Settings from a plain dictionary, missing fields at their defaults; errors name `where` and the key."""
    parser = _plain_parser(settings_class)
    _check_keys(values, _tree(settings_class), where)
    try:
        return settings_class(**vars(parser.instantiate(parser.parse_object(values))))
    except jsonargparse.ArgumentError as error:
        raise KitError(f"{where}: {_wrong_value(error)}") from None


def read_presets(path: Path) -> dict[str, dict]:
    """presets.yaml as {name: {"hardware", "time", "expects", "settings"}}; KitError for a file that is not so."""
    if not path.is_file():
        raise KitError(f"{path} is missing: a work has a file of presets, \"sample\" at least")
    try:
        presets = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise KitError(f"{path} is not valid YAML: {_one_line(error)}") from None
    if not isinstance(presets, dict) or not all(isinstance(preset, dict) for preset in presets.values()):
        raise KitError(f"{path}: expected presets by their names, each with hardware, time, expects and settings")
    for name, preset in presets.items():
        missing = {"hardware", "time", "expects", "settings"} - set(preset)
        if missing:
            raise KitError(f"{path}: preset {name} lacks {', '.join(sorted(missing))}")
    return presets


def parse_command_line(settings_class: type, presets_file: Path, argv: Sequence[str] | None = None,
                       load_resumed=None) -> tuple[Options, Any]:
    """(options, settings) of `run.py [--preset NAME] [--field value ...] [--out DIR | --name NAME | --resume [DIR]]
    [--find_lr] [--json] [--dry-run] [--anyway] [--config FILE] [--print_config]`.

    `load_resumed(dir)` returns the settings dictionary of the run folder that --resume names.
    """
    presets = read_presets(presets_file)
    parser = _parser(settings_class, description=_preset_table(presets))
    parser.add_argument("--preset", default="sample", help="settings to start from: " + ", ".join(presets))
    parser.add_argument("--out", type=Path | None, default=None, help="run folder (default: a new one under runs/)")
    parser.add_argument("--name", type=str, default="",
                        help="what the run folder under runs/ is called, after its time (default: as the preset)")
    parser.add_argument("--resume", type=str | None, nargs="?", const="", default=None,
                        help="continue that run folder (default: the newest unfinished one)")
    parser.add_argument("--find_lr", action="store_true",
                        help="train a few steps at growing learning rates, say which one to take, and end")
    parser.add_argument("--json", action="store_true",
                        help="end with the line `result {...}`, what result.json says, instead of a summary")
    parser.add_argument("--dry-run", "--dry_run", action="store_true",
                        help="say what the run will be and need, from one or two steps, and end")
    parser.add_argument("--anyway", action="store_true", help="start even where it needs more than is free here")
    parser.add_argument("--lang", choices=LANGUAGES, help=f"language of what is said (default: {VARIABLE}, else the "
                        "locale's)")
    parser.add_argument("--config", action="config", help="settings in YAML, as --print_config writes them")
    argv = list(sys.argv[1:] if argv is None else argv)
    _check_flags(argv, settings_class, extra=(*OPTIONS, "dry-run", "print_config", "help"))
    given = _config_file(_value_of(argv, "--config"), _tree(settings_class))
    preset = _value_of(argv, "--preset") or given.get("preset") or "sample"
    resume = _value_of(argv, "--resume")
    if preset not in presets:
        raise KitError(f"--preset {preset}: no such preset{_nearest(preset, presets)}; there are {', '.join(presets)}")
    base, where = presets[preset]["settings"] or {}, f"{presets_file.name}: {preset}"
    if resume is not None:
        for flag in ("--preset", "--out", "--name", "--find_lr"):
            if _value_of(argv, flag) is not None:
                raise KitError(f"{flag} is not for --resume: a run goes on with its own settings and in its own folder")
    if resume is not None and load_resumed is not None:
        preset, base, where = load_resumed(resume)
    _check_keys(base, _tree(settings_class), where)
    try:
        with_base = parser.parse_object(base, defaults=True)
        parser.set_defaults({key: value for key, value in _flat(with_base.as_dict())
                             if key not in OPTIONS})
        parsed = parser.parse_args(argv)
    except jsonargparse.ArgumentError as error:
        raise KitError(_wrong_value(error)) from None
    said = {name: parsed.pop(name) for name in ("out", "name", "find_lr", "json", "dry_run", "anyway")}
    options = Options(preset, resume=resume, **said)
    if options.name and (options.out or not re.fullmatch(r"[\w][\w.+-]{0,60}", options.name)):
        raise KitError(f"--name {options.name}: letters, digits, _ . + - name a folder under runs/; --out, without "
                       "--name, names any other")
    for name in ("preset", "resume", "config", "lang"):
        parsed.pop(name)
    return options, from_dict(settings_class, parsed.as_dict(), "settings")


@lru_cache
def _plain_parser(settings_class: type) -> jsonargparse.ArgumentParser:
    """One that is only asked for values, made once: a third of a second where a class has many settings."""
    return _parser(settings_class)


def _parser(settings_class: type, description: str = "") -> jsonargparse.ArgumentParser:
    parser = jsonargparse.ArgumentParser(exit_on_error=False, allow_abbrev=False, description=description,
                                         formatter_class=jsonargparse.DefaultHelpFormatter)
    parser.add_class_arguments(settings_class)
    allowed = ranges(settings_class)
    for action in parser._actions:
        if action.dest in allowed and allowed[action.dest].high < math.inf:
            action.help = f"{action.help}; in {allowed[action.dest]}"
    return parser


def _tree(settings_class: type) -> dict:
    """Field names of a settings class; nested settings as nested dictionaries."""
    return {f.name: _tree(f.type) if isinstance(f.type, type) and is_dataclass(f.type) else None
            for f in fields(settings_class)}


def _config_file(name: str | None, tree: dict) -> dict[str, Any]:
    """What the file of --config holds, {} without one; KitError for what are no settings."""
    if name is None:
        return {}
    values = read_yaml(Path(name))
    _check_keys(values, {**tree, **dict.fromkeys(OPTIONS)}, name)
    return values


def _flat(values: dict, prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in values.items():
        rows += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(prefix + key, value)]
    return rows


def _check_keys(values: Any, tree: dict, where: str, prefix: str = "") -> None:
    if not isinstance(values, dict):
        raise KitError(f"{where}: expected a mapping of settings, found {type(values).__name__}")
    for key, value in values.items():
        if key not in tree:
            raise KitError(f"{where}: unknown setting {prefix}{key}{_nearest(f'{prefix}{key}', _names(tree, prefix))}")
        if tree[key] is not None:
            _check_keys(value, tree[key], where, f"{prefix}{key}.")


def _check_flags(argv: Sequence[str], settings_class: type, extra: Sequence[str]) -> None:
    known = [*extra, *_names(_tree(settings_class))]
    for word in argv:
        flag = word.split("=")[0]
        if flag.startswith("--") and flag[2:] not in known:
            raise KitError(f"unknown setting {flag}{_nearest(flag[2:], known, dashes=True)}; --help lists all")


def _names(tree: dict, prefix: str = "") -> list[str]:
    names: list[str] = []
    for key, below in tree.items():
        names += [prefix + key] if below is None else _names(below, f"{prefix}{key}.")
    return names


def _nearest(word: str, known: Collection[str], dashes: bool = False) -> str:
    """" - did you mean X?" or nothing; also finds optimizer.lr for lr."""
    tails = {name.split(".")[-1]: name for name in known}
    match = difflib.get_close_matches(str(word), list(known), 1, 0.5)
    tail = difflib.get_close_matches(str(word).split(".")[-1], list(tails), 1, 0.6)
    same = match and tail and match[0].split(".")[-1] == tail[0]
    found = tails[tail[0]] if tail and not same else match[0] if match else None
    return f" - did you mean {'--' if dashes else ''}{found}?" if found else ""


def _value_of(argv: Sequence[str], flag: str) -> str | None:
    """The last value of `flag` in argv: "" when it stands alone, None when it is absent."""
    value = None
    for position, word in enumerate(argv):
        if word.startswith(flag + "="):
            value = word.split("=", 1)[1]
        elif word == flag:
            following = argv[position + 1:position + 2]
            value = following[0] if following and not following[0].startswith("--") else ""
    return value


def _preset_table(presets: dict) -> str:
    return "Presets: " + "; ".join(f"{name} ({p['hardware']}, {p['time']})" for name, p in presets.items())


def _wrong_value(error: Exception) -> str:
    """jsonargparse's message in words of people who do not know Python's types."""
    text = _one_line(error)
    found = re.match(r'setting "([\w.]+)": .*(?:Got|Given) value: (.*)$', text)
    choices = re.search(r"typing\.Literal\[(.*?)\]", text)
    kinds = [KINDS.get(kind, "") for kind in re.findall(r"Expected a <class '(\w+)'>", text)]
    if found and choices:
        names = choices[1].replace("'", "")
        return f"setting {found[1]}: {found[2]}; choose one of {names}"
    return f"setting {found[1]}: {found[2]} is not {' or '.join(kinds)}" if found and kinds and all(kinds) else text


def _one_line(error: Exception) -> str:
    return " ".join(str(error).replace("Parser key", "setting").split())
