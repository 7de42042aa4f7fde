"""The search: a trial that was cut off is made again, the same trials as without a stop, what is written, damage."""

import csv
import json
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import optuna
import pytest
import yaml

from assignments.glasses import run, search, study
from assignments.glasses.trainings import base_settings
from data_tools.errors import KitError
from paddle_models.trainer.settings import EarlyStoppingSettings, parse_command_line
from tests.assignments.glasses.glasses_set import run_killed, write_set

TINY = ["--preset", "smoke", "--image_size", "32", "--batch_size", "32", "--max_steps", "2"]


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """40 labelled pictures."""
    return write_set(tmp_path_factory.mktemp("glasses") / "set", labelled=40, unlabelled=2, side=32)


def words_of(faces, out, trials, *more):
    return ["--space", "learning_rate", "--trials", str(trials), "--out", str(out), *TINY, "--data", str(faces), *more]


@pytest.fixture(scope="module")
def whole(faces, tmp_path_factory):
    """A search of four trials that nothing disturbed."""
    out = tmp_path_factory.mktemp("whole")
    assert search.main(words_of(faces, out, 4)) == 0
    return out


@pytest.fixture(scope="module")
def killed(faces, tmp_path_factory):
    """The same search, killed in the middle of a trial after the first, and given again."""
    out = tmp_path_factory.mktemp("killed")
    run_killed("assignments.glasses.search", words_of(faces, out, 4), epoch=3)  # two in a trial
    cut_off = [trial for trial in trials_of(out) if trial.state == optuna.trial.TrialState.RUNNING]
    assert [trial.number for trial in cut_off] == [1]
    assert search.main(words_of(faces, out, 4)) == 0
    return out, cut_off[0]


def trials_of(out):
    return optuna.load_study(study_name="glasses", storage=f"sqlite:///{out / 'study.db'}").get_trials()


def test_a_trial_that_was_cut_off_is_made_again(killed):
    out, cut_off = killed
    trials = trials_of(out)
    again, = (trial for trial in trials if trial.user_attrs.get("again") == cut_off.number)
    assert trials[cut_off.number].state == optuna.trial.TrialState.FAIL
    assert again.params == cut_off.params and again.state == optuna.trial.TrialState.COMPLETE
    assert len(trials) == 5 and not study.trial_folder(out, cut_off.number).exists()


def test_a_search_that_goes_on_finds_what_an_undisturbed_one_finds(killed, whole):
    rows = [[(trial.params, trial.value) for trial in trials_of(out) if trial.state == optuna.trial.TrialState.COMPLETE]
            for out in (killed[0], whole)]
    again, undisturbed = (sorted(found, key=lambda row: row[0]["lr"]) for found in rows)
    assert len(undisturbed) == 4 and [params for params, _ in again] == [params for params, _ in undisturbed]
    assert [value for _, value in again] == pytest.approx([value for _, value in undisturbed], rel=1e-5)
    assert len({value for _, value in rows[1]}) == 4


def test_the_table_the_best_and_the_importances(whole):
    rows = list(csv.DictReader(open(whole / "trials.csv", newline="")))
    assert [row["trial"] for row in rows] == list("0123") and {row["state"] for row in rows} == {"complete"}
    values = [float(row["val_loss"]) for row in rows]
    best = yaml.safe_load((whole / "best.yaml").read_text())
    assert best["val_loss"] == pytest.approx(min(values)) and best["trial"] == values.index(min(values))
    assert best["space"] == "learning_rate" and best["settings"]["optimizer"]["lr"] == pytest.approx(
        float(rows[best["trial"]]["lr"]))
    shares = [float(row["importance"]) for row in csv.DictReader(open(whole / "importance.csv"))]
    assert len(shares) == 2 and sum(shares) == pytest.approx(1, abs=1e-4)
    assert all((whole / f"importance.{suffix}").stat().st_size > 1000 for suffix in ("png", "svg", "pdf"))
    assert not list(whole.glob("trials/*/checkpoints/*.safetensors"))


def test_the_printed_command_is_one_of_run_py(whole):
    best = yaml.safe_load((whole / "best.yaml").read_text())
    words = shlex.split(best["command"])
    assert words[:2] == ["python", "assignments/glasses/run.py"]
    options, settings = parse_command_line(run.GlassesSettings, Path(run.__file__).with_name("presets.yaml"), words[2:])
    assert settings.optimizer.lr == best["settings"]["optimizer"][
        "lr"] and settings.max_steps == 2 and options.preset == "smoke"


def test_two_processes_share_one_study(faces, tmp_path, capfd):
    words = words_of(faces, tmp_path, 2, "--sampler", "random", "--processes", "2")
    assert search.main(words) == 0
    trials = trials_of(tmp_path)
    assert [trial.state for trial in trials] == [optuna.trial.TrialState.COMPLETE] * 2 and capfd.readouterr().err == ""
    assert len({trial.params["lr"] for trial in trials}) == 2


def test_a_disk_that_cannot_be_written_uses_up_no_trial(faces, tmp_path, capsys):
    in_the_way = study.trial_folder(tmp_path, 0) / "checkpoints" / "best.safetensors"
    in_the_way.mkdir(parents=True)
    words = words_of(faces, tmp_path, 1, "--max_steps", "1")
    assert search.main(words) == 2 and "cannot write" in capsys.readouterr().err
    assert search.main(words) == 0 and "trial 0 was cut off" in capsys.readouterr().out
    assert [trial.state for trial in trials_of(tmp_path)] == [optuna.trial.TrialState.FAIL,
                                                              optuna.trial.TrialState.COMPLETE]


def test_another_plan_or_a_damaged_study_is_refused(whole, faces, tmp_path, capsys):
    assert search.main(words_of(faces, whole, 4, "--dropout", "0.1")) == 2
    assert "begun with another space, sampler, seed or other settings" in capsys.readouterr().err
    content = (whole / "study.db").read_bytes()
    for damaged in (b"no database", content[:3000] + bytes(2000) + content[5000:], content[:len(content) // 2]):
        (tmp_path / "study.db").write_bytes(damaged)
        assert search.main(words_of(faces, tmp_path, 4)) == 2
        said = capsys.readouterr().err
        assert "study.db is no study that Optuna can read" in said and said.count("\n") == 1
    assert search.main(["--trials", "0"]) == 2 and "--trials 0" in capsys.readouterr().err


def test_a_study_that_another_program_holds_gets_one_message(faces, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(study, "WAIT", 0.1)
    words = words_of(faces, tmp_path, 1)
    plan = study.Plan("learning_rate", "tpe", 0, "smoke", tuple(words[6:]), base_settings("smoke", words[8:]))
    begun = study.open_study(tmp_path, plan)
    other = sqlite3.connect(tmp_path / "study.db")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(KitError, match=r"cannot be read or written \(database is locked\).* it goes on from there"):
        with study.database_of(tmp_path):
            study.work(begun, plan, tmp_path, 1)
    assert search.main(words) == 2
    said = capsys.readouterr().err
    assert "end what else has it open" in said and "delete" not in said and said.count("\n") == 1
    other.close()
    assert search.main(words) == 0


def test_a_study_of_other_images_is_refused(whole, faces, tmp_path, capsys):
    shutil.copy(whole / "study.db", tmp_path)
    noted = optuna.load_study(study_name="glasses", storage=f"sqlite:///{tmp_path / 'study.db'}")
    assert len(noted.user_attrs["data_fingerprint"]) >= 16
    noted.set_user_attr("data_fingerprint", "another")
    assert search.main(words_of(faces, tmp_path, 5)) == 2 and "made on other images" in capsys.readouterr().err
    assert len(trials_of(tmp_path)) == 4


def test_sigterm_reaches_the_programs_that_are_waited_for():
    child = "import os, signal, time; os.kill(os.getppid(), signal.SIGTERM); time.sleep(60)"
    program = ("import subprocess, sys; from assignments.common.command_line import wait_for\n"
               f"print(wait_for([subprocess.Popen([sys.executable, '-c', {child!r}])]))")
    done = subprocess.run([sys.executable, "-c", program], cwd=Path(run.__file__).parents[2], capture_output=True,
                          text=True,
                          timeout=50)
    assert (done.stdout, done.stderr, done.returncode) == (f"[{-signal.SIGTERM}]\n", "", 0)


@pytest.mark.parametrize("space", search.SPACES)
def test_every_point_of_a_space_is_a_network(space):
    plan = study.Plan(space, "random", 0, "smoke", (), base_settings("smoke", []))
    drawn = optuna.create_study(sampler=study.sampler("random", 1, 0))
    seen = []
    for _ in range(6):
        chosen = study.suggest(drawn.ask(), space)
        settings = study.changed(plan.settings, chosen, "trial")
        run.WORK.check(settings)
        seen.append(json.dumps(chosen))
        assert ("filters" in chosen) == (space != "learning_rate") and ("optimizer" in chosen) == (
            space != "architecture")
        assert 2 <= len(settings.filters) <= 5 and 1e-4 <= settings.optimizer.lr <= 1e-2
    assert len(set(seen)) == 6


def test_a_trial_that_falls_behind_is_given_up():
    drawn = optuna.create_study(direction="minimize", pruner=optuna.pruners.MedianPruner(2, 1))
    settings = run.GlassesSettings(early_stopping=EarlyStoppingSettings(patience=9))

    def losses(values):
        trial = drawn.ask()
        stopping = study.Pruning(settings, trial)
        for epoch, value in enumerate(values):
            stopping.update(value, epoch)
            if stopping.reason:
                break
        drawn.tell(trial, stopping.best) if not stopping.pruned else drawn.tell(trial,
                                                                                state=optuna.trial.TrialState.PRUNED)
        return stopping, epoch

    assert not losses([0.9, 0.5, 0.4])[0].pruned and not losses([0.9, 0.6, 0.5])[0].pruned
    bad, epoch = losses([0.9, 0.8, 0.7])
    assert bad.pruned and epoch == 1 and "given up" in bad.reason
    assert not losses([0.9, 0.4, 0.3])[0].pruned


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    plan = study.Plan("both", "tpe", 0, "smoke", (), base_settings("smoke", []))
    with pytest.raises(KitError, match="choose another --out"):
        study.open_study(tmp_path / "file" / "out", plan)
