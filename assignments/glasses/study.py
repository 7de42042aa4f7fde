"""The study behind search.py: what is searched, how trials are asked for and told, and what is written of them."""

import csv
import io
import json
import math
import shlex
import shutil
import sqlite3
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import sqlalchemy
import yaml
from optuna.trial import TrialState

from assignments.glasses.run import WORK, GlassesSettings
from assignments.glasses.trainings import changed
from data_tools.errors import KitError
from data_tools.files.atomic import write_atomically
from data_tools.files.locks import locked
from paddle_models.trainer.early_stopping import EarlyStopping
from paddle_models.trainer.run_folder import RunFolder
from paddle_models.trainer.settings import to_dict

STARTUP, WARM_UP = 5, 1  # trials at random before TPE and pruning begin; epochs before a trial may be given up
MOST_FILTERS = 256
WAIT = 60.0  # seconds that a process waits for another one's write
FEWEST_FOR_IMPORTANCE = 4  # finished trials
UNREADABLE = (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.OptunaError, RuntimeError, ValueError, KeyError,
              TypeError)

optuna.logging.set_verbosity(optuna.logging.ERROR)  # its log goes to standard error
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


@dataclass(frozen=True)
class Plan:
    """What is searched, and around which settings."""

    space: str
    sampler: str
    seed: int
    preset: str
    rest: tuple[str, ...]
    settings: GlassesSettings

    def __post_init__(self) -> None:
        object.__setattr__(self, "settings", changed(self.settings, {"seed": self.seed}, "settings"))

    def attributes(self) -> dict[str, Any]:
        """Plain JSON that tells one plan from another."""
        return {"space": self.space, "sampler": self.sampler, "settings": to_dict(self.settings)}


# ---- the spaces


def suggest(trial: optuna.Trial, space: str) -> dict[str, Any]:
    """Settings that a trial chooses, nested as in GlassesSettings."""
    chosen: dict[str, Any] = {}
    if space in ("architecture", "both"):  # the document's: layers, filters, pooling, neurons, dropout
        layers, first = trial.suggest_int("layers", 2, 5), trial.suggest_categorical("filters", [16, 32, 48, 64])
        growth = trial.suggest_categorical("growth", [1.0, 1.5, 2.0])
        chosen.update(
            filters=[min(MOST_FILTERS, int(first * growth ** number)) for number in range(layers)],
            pooling=trial.suggest_categorical("pooling", ["max", "average"]),
            neurons=[trial.suggest_categorical("neurons", [32, 64, 128, 256])],
            dropout=trial.suggest_float("dropout", 0.0, 0.7, step=0.1))
    if space in ("learning_rate", "both"):
        chosen.update(optimizer={"lr": trial.suggest_float("lr", 1e-4, 1e-2, log=True)},
                      schedule={"name": "exponential", "gamma": trial.suggest_float("gamma", 0.8, 1.0)})
    return chosen


def sampler(kind: str, seed: int, number: int) -> optuna.samplers.BaseSampler:
    """For trial `number` alone, so that a search that goes on chooses as if it had never stopped."""
    word = int(np.random.SeedSequence((seed, number)).generate_state(1)[0])
    if kind == "random":
        return optuna.samplers.RandomSampler(seed=word)
    return optuna.samplers.TPESampler(seed=word, n_startup_trials=STARTUP, multivariate=True, constant_liar=True)


class Pruning(EarlyStopping):
    """Early stopping that also tells Optuna of every validation check, and ends a trial that falls behind the
    others."""

    def __init__(self, settings: GlassesSettings, trial: optuna.Trial):
        super().__init__(settings.early_stopping.patience, settings.early_stopping.min_delta, "loss", "min")
        self.trial, self.pruned = trial, False

    def update(self, value: float, epoch: int, loss: float = math.inf) -> None:
        """Note one validation check."""
        super().update(value, epoch, loss)
        self.trial.report(value, epoch)
        if self.trial.should_prune():
            self.pruned, self.reason = True, "given up: worse than the median of the trials before it"


# ---- the study


def open_study(out: Path, plan: Plan) -> optuna.Study:
    """The study in out/study.db, made where there is none; KitError where it is damaged or of another plan."""
    file = out / "study.db"
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise KitError(f"cannot make the folder {out}: {error.strerror}; choose another --out") from None
    pruner = optuna.pruners.NopPruner() if plan.sampler == "random" else optuna.pruners.MedianPruner(STARTUP, WARM_UP)
    with locked(out / ".ask.lock"):
        try:
            if file.exists():
                connection = sqlite3.connect(file, timeout=WAIT)
                try:
                    connection.execute("PRAGMA quick_check").fetchall()
                finally:
                    connection.close()
            storage = optuna.storages.RDBStorage(f"sqlite:///{file.resolve()}", {"connect_args": {"timeout": WAIT}})
            study = optuna.create_study(storage=storage, study_name="glasses", direction="minimize", pruner=pruner,
                                        load_if_exists=True)
            found = study.user_attrs.get("plan")
            if found is None:
                study.set_user_attr("plan", plan.attributes())
            study.get_trials()
        except (sqlite3.Error, *UNREADABLE) as error:
            advice = "end what else has it open" if "locked" in str(error) else "delete it to begin again"
            raise KitError(f"{file} is no study that Optuna can read ({type(error).__name__}: "
                           f"{str(error).splitlines()[0][:120]}); "
                           f"{advice}, or choose another --out") from None
    if found not in (None, json.loads(json.dumps(plan.attributes()))):
        raise KitError(f"{out} was begun with another space, sampler, seed or other settings: repeat the command that "
                       f"began it, or "
                       "choose another --out")
    return study


@contextmanager
def database_of(out: Path) -> Iterator[None]:
    """Around work with an open study: what SQLite cannot do (a full disk, a lock that is not let go) becomes one
    KitError."""
    try:
        yield
    except (sqlite3.Error, sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        cause: BaseException = error
        while cause.__cause__:  # SQLite's own words are at the bottom
            cause = cause.__cause__
        raise KitError(f"{out / 'study.db'}: the study cannot be read or written "
                       f"({' '.join(str(cause).split())[:120]}); make room on the disk, or end what else has the file "
                       "open, then repeat the command: it goes on from there") from error


def keep_to_data(study: optuna.Study, fingerprint: str, out: Path) -> None:
    """Note the images that trials are made on; KitError where earlier ones were made on others."""
    with locked(out / ".ask.lock"):
        found = study.user_attrs.get("data_fingerprint")
        if found is None:
            study.set_user_attr("data_fingerprint", fingerprint)
    if found not in (None, fingerprint):
        raise KitError(f"the trials in {out} were made on other images, with which new ones cannot be compared; give "
                       f"those images "
                       "with --data, or choose another --out")


def trial_folder(out: Path, number: int) -> Path:
    """Run folder of a trial; its lock is held by the process that works on it."""
    return out / "trials" / f"{number:04}"


def requeue(study: optuna.Study, out: Path) -> None:
    """Trials that a killed process left unfinished are made again with the same settings, before any new one."""
    with locked(out / ".ask.lock"):
        again = {trial.user_attrs.get("again") for trial in study.get_trials()}
        for trial in study.get_trials(states=(TrialState.RUNNING,)):
            folder = trial_folder(out, trial.number)
            try:
                with RunFolder(folder):
                    if trial.number not in again:
                        study.enqueue_trial(trial.params, user_attrs={"again": trial.number})
                    study.tell(trial.number, state=TrialState.FAIL)
            except KitError:  # another process works on it
                continue
            shutil.rmtree(folder, ignore_errors=True)
            print(f"trial {trial.number} was cut off: its settings are tried again", flush=True)


def counted(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """Trials that were begun, without those that were cut off and made again."""
    trials = study.get_trials(deepcopy=False)
    again = {trial.user_attrs.get("again") for trial in trials}
    return [trial for trial in trials if trial.state != TrialState.WAITING and trial.number not in again]


def work(study: optuna.Study, plan: Plan, out: Path, wanted: int) -> None:
    """Make trials until there are `wanted` in all; other processes may do the same."""
    from paddle_models.trainer import runtime
    from paddle_models.trainer.progress import say

    if len(counted(study)) >= wanted:
        return  # which needs no images
    device = runtime.start(plan.settings.device, plan.settings.threads)
    splits = WORK.splits(plan.settings)  # for all trials: no space varies how images are packed
    keep_to_data(study, splits.fingerprint, out)
    while True:
        with ExitStack() as stack:
            # nobody may take a trial for cut off before its folder is locked
            with locked(out / ".ask.lock"):
                number = len(counted(study))
                if number >= wanted:
                    return
                study.sampler = sampler(plan.sampler, plan.seed, number)
                trial = study.ask()
                run = stack.enter_context(RunFolder(trial_folder(out, trial.number)))
            settings = changed(plan.settings, suggest(trial, plan.space), f"trial {trial.number}")
            say(f"-- trial {number + 1} of {wanted}: " + _shown(trial.params))
            say("   " + _try(study, trial, settings, splits, run, device))


def _try(study: optuna.Study, trial: optuna.Trial, settings: GlassesSettings, splits, run: RunFolder,
         device: str) -> str:
    """Train one trial and tell the study; returns what came of it in words."""
    stopping = Pruning(settings, trial)
    try:
        trainer = WORK.fit(settings, splits, run, device, stopping=stopping)
    except KitError as error:  # a loss that is not finite: these settings are no good, the search goes on
        # a full disk is not their fault: the same command makes the trial again
        if isinstance(error.__context__, OSError):
            raise
        trial.set_user_attr("error", str(error)[:200])
        study.tell(trial, state=TrialState.FAIL)
        return f"failed: {error}"
    _, values = trainer.evaluate(trainer.data.validation())
    for key, value in (("val_accuracy", values["accuracy"]), ("epochs", trainer.position.epoch),
                       ("seconds", round(trainer.position.seconds, 2)), ("stopped", trainer.stopped)):
        trial.set_user_attr(key, value)
    for file in (run.last, run.best):  # only what the study keeps is of use
        file.unlink(missing_ok=True)
    if stopping.pruned:
        study.tell(trial, state=TrialState.PRUNED)
        return f"{stopping.reason} (epoch {trainer.position.epoch}, validation loss {stopping.best:.4f})"
    study.tell(trial, stopping.best)
    return f"validation loss {stopping.best:.4f}, accuracy {values['accuracy']:.4f}"


def _shown(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}" for key,
                     value in params.items())


# ---- what is written


def report(study: optuna.Study, plan: Plan, out: Path) -> str:
    """trials.csv, best.yaml and the importances; returns the table of the best trials and the command of the best
    one."""
    trials = counted(study)
    done = sorted((trial for trial in trials if trial.state == TrialState.COMPLETE),
                  key=lambda trial: (trial.value, trial.number))
    _write_table(trials, out)
    if not done:
        return f"no trial came to its end; what was tried is in {out / 'trials.csv'}"
    best = suggest(optuna.trial.FixedTrial(done[0].params), plan.space)
    words = [*plan.rest, *(f"--{key}={value}" for key, value in _flat(best)), f"--seed={plan.seed}"]
    command = " ".join(["python assignments/glasses/run.py --preset", *map(shlex.quote, (plan.preset, *words))])
    write_atomically(out / "best.yaml", yaml.safe_dump({
        "assignment": WORK.name, "space": plan.space, "sampler": plan.sampler, "trials": len(trials),
        "trial": done[0].number,
        "val_loss": done[0].value, "val_accuracy": done[0].user_attrs.get("val_accuracy"), "settings": best,
        "command": command},
        sort_keys=False).encode())
    from reports.text_table import text_table

    lines = [("trial", "val loss", "val accuracy", "settings")]
    lines += [(str(trial.number), f"{trial.value:.4f}", f"{trial.user_attrs.get('val_accuracy', float('nan')):.4f}",
               _shown(trial.params)) for trial in done[:5]]
    states = ", ".join(f"{sum(t.state == state for t in trials)} {word}" for state, word in
                       ((TrialState.COMPLETE, "finished"), (TrialState.PRUNED, "given up early"),
                        (TrialState.FAIL, "failed")))
    return "\n".join([*text_table(lines, "rrrl"), states, _write_importance(study, done, out), f"written to {out}",
                      "the best one again:", f"  {command}"])


def _flat(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in settings.items():
        rows += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(prefix + key, value)]
    return rows


def _write_table(trials: Sequence[optuna.trial.FrozenTrial], out: Path) -> None:
    from reports.tables import csv_cell

    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    attributes = ("val_accuracy", "epochs", "seconds", "stopped", "error")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["trial", "state", "val_loss", *names, *attributes])
    for trial in trials:
        reports = trial.intermediate_values.values()
        value = trial.value if trial.value is not None else min(reports, default=None)
        cells = [trial.number, trial.state.name.lower(), value, *(trial.params.get(name) for name in names),
                 *(trial.user_attrs.get(name) for name in attributes)]
        writer.writerow([csv_cell(cell) for cell in cells])
    write_atomically(out / "trials.csv", text.getvalue().encode())


def _write_importance(study: optuna.Study, done: Sequence[optuna.trial.FrozenTrial], out: Path) -> str:
    """importance.csv and importance.png, .svg, .pdf: share of the variance of the loss that each setting explains
    (fANOVA)."""
    varied = len({trial.value for trial in done}) > 1
    if len(done) < FEWEST_FOR_IMPORTANCE or not varied:
        return f"no importances: at least {FEWEST_FOR_IMPORTANCE} finished trials are needed, {len(done)} are there"
    found = optuna.importance.get_param_importances(study,
                                                    evaluator=optuna.importance.FanovaImportanceEvaluator(seed=0))
    write_atomically(out / "importance.csv", "".join(
        ["setting,importance\n", *(f"{name},{value:.6f}\n" for name, value in found.items())]).encode())
    from reports.figures import style

    t = style.start()
    figure = style.page(t, "Importance of the settings for the validation loss", 0.4 + 0.28 * len(found),
                        notes=(f"Share of the loss's variance over {len(done)} finished trials (fANOVA).",))
    axes = figure.subplots()
    names = list(found)[::-1]
    axes.barh(names, [found[name] for name in names], color=style.BLUE)
    axes.set(xlabel="importance", xlim=(0, 1))
    axes.grid(visible=False, axis="y")
    style.save(figure, out, "importance")
    return "importance: " + ", ".join(f"{name} {value:.2f}" for name, value in found.items())
