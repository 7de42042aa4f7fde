"""The loop: accumulation, EMA, limits, early stopping, NaN, memory, an adversarial task through the same lines."""

import json
import math
import os
import signal

import numpy as np
import paddle
import pytest
from paddle import nn

from data_tools.errors import KitError
from paddle_models.tasks.classification import ClassificationTask
from paddle_models.tasks.task import Task
from paddle_models.trainer import distributed
from paddle_models.trainer.checkpoint import load_checkpoint, network_arrays, save_checkpoint
from paddle_models.trainer.loop import Interrupted, Trainer, seed_everything, split
from paddle_models.trainer.run_folder import RunFolder
from paddle_models.trainer.settings import TrainerSettings, from_dict
from tests.paddle_models.trainer.tiny import DEFAULTS, TinyData, plain_network, tiny_network, tiny_trainer

pytestmark = pytest.mark.compat


@pytest.fixture
def run(tmp_path):
    with RunFolder(tmp_path / "run") as folder:
        yield folder


def rows(run, kind):
    lines = (run.path / "metrics.jsonl").read_text().splitlines()
    return [row for row in map(json.loads, lines) if row["kind"] == kind]


def weights(trainer):
    return network_arrays(trainer.task.networks["model"])


def assert_same(left, right, tolerance=0.0):
    assert left.keys() == right.keys()
    for name in left:
        np.testing.assert_allclose(left[name], right[name], rtol=0, atol=tolerance, err_msg=name)


def test_learns_and_logs(run):
    trainer = tiny_trainer(run, epochs=8)
    trainer.fit()
    epochs = rows(run, "epoch")
    assert [row["epoch"] for row in epochs] == list(range(8))
    assert len(rows(run, "step")) == 40
    assert epochs[-1]["train/loss"] < epochs[0]["train/loss"]
    assert epochs[-1]["val/accuracy"] > 0.6
    assert trainer.stopped == "all 8 epochs done"
    assert 0 <= epochs[-1]["wait_share"] <= 1


def test_same_seed_same_weights_other_seed_other_weights(tmp_path):
    found = []
    for number, seed in enumerate((3, 3, 4)):
        with RunFolder(tmp_path / str(number)) as run:
            trainer = tiny_trainer(run, seed=seed)
            trainer.fit()
            found.append(weights(trainer))
    assert_same(found[0], found[1])
    assert any((found[0][name] != found[2][name]).any() for name in found[0])


def test_accumulation_gives_the_gradient_of_the_whole_batch(tmp_path):
    found = []
    for parts in (1, 3):  # 8 images in parts of 3, 3 and 2: shares must be weighted
        with RunFolder(tmp_path / str(parts)) as run:
            trainer = tiny_trainer(run, plain_network, accumulate=parts, epochs=1,
                                   optimizer={"name": "sgd", "lr": 0.1})
            trainer.fit()
            found.append(weights(trainer))
    assert_same(found[0], found[1], 1e-6)


def test_clipping_bounds_the_step(run):
    trainer = tiny_trainer(run, plain_network, max_steps=1, clip_norm=1e-3, optimizer={"name": "sgd", "lr": 1.0},
                           schedule={"name": "fixed", "warmup_epochs": 0})
    before = {n: p.numpy().copy() for n, p in trainer.task.networks["model"].named_parameters() if p.trainable}
    trainer.fit()
    after = {n: p.numpy() for n, p in trainer.task.networks["model"].named_parameters() if p.trainable}
    moved = math.sqrt(sum(((after[n] - before[n]) ** 2).sum() for n in before))
    assert moved == pytest.approx(1e-3, rel=1e-3)


def test_a_network_learns_at_the_rate_that_its_task_says(run):
    trainer = tiny_trainer(run, plain_network, max_steps=1, clip_norm=1e-3, optimizer={"name": "sgd", "lr": 1.0},
                           schedule={"name": "fixed", "warmup_epochs": 0})
    trainer.task.rates = {"model": 0.25}
    before = weights(trainer)
    trainer.fit()
    moved = math.sqrt(sum(((array - before[name]) ** 2).sum() for name, array in weights(trainer).items()))
    assert moved == pytest.approx(0.25e-3, rel=1e-3)


def test_averaged_weights_are_validated_and_kept(run):
    trainer = tiny_trainer(run, epochs=1, ema_decay=0.9)
    trainer.fit()
    best, _ = load_checkpoint(run.best)
    last, _ = load_checkpoint(run.last)
    assert_same(best["networks/model"], last["averages/model"])
    own = weights(trainer)
    assert any((own[name] != last["averages/model"][name]).any() for name in last["averages/model"])
    assert_same(own, last["networks/model"])
    trainer.load_best()  # the averaged weights themselves
    assert trainer.evaluate(trainer.data.validation())[1]["loss"] == rows(run, "epoch")[0]["val/loss"]


def test_early_stopping_counts_validation_checks_and_says_why(run):
    trainer = tiny_trainer(run, epochs=50, validate_every=2, early_stopping={"patience": 2},
                           optimizer={"name": "sgd", "lr": 1e-12})
    trainer.fit()
    assert trainer.position.epoch == 6  # checks after epochs 2 (the best), 4 and 6
    assert "accuracy has not improved in 2 validation checks" in trainer.stopped


def test_limits(run):
    trainer = tiny_trainer(run, epochs=50, max_steps=7)
    trainer.fit()
    assert (trainer.position.step, trainer.stopped) == (7, "limit of 7 steps")
    assert rows(run, "epoch")[-1]["val/accuracy"] >= 0


def test_a_limit_within_the_last_epoch_is_what_ended_the_run(run):
    trainer = tiny_trainer(run, epochs=2, max_steps=7)
    trainer.fit()
    assert trainer.stopped == "limit of 7 steps"


class StoppedTask(ClassificationTask):
    """Signals come while the eighth batch is computed, in the middle of the second epoch."""

    left, signals = 7, ()

    def losses(self, batch):
        self.left -= 1
        for number in self.signals if self.left < 0 else ():
            os.kill(os.getpid(), number)
        yield from super().losses(batch)


@pytest.mark.parametrize("signals, outcome", [
    ([signal.SIGTERM] * 3, Interrupted),  # paddle.distributed.launch repeats it
    ([signal.SIGINT, signal.SIGTERM], Interrupted),
    ([signal.SIGINT] * 2, KeyboardInterrupt),
    ([signal.SIGTERM, signal.SIGINT, signal.SIGINT], KeyboardInterrupt),
])
def test_only_a_second_ctrl_c_ends_without_a_checkpoint(run, signals, outcome):
    trainer = tiny_trainer(run, task_class=StoppedTask)
    trainer.task.signals = signals
    with pytest.raises((Interrupted, KeyboardInterrupt)) as stop:
        trainer.fit()
    assert stop.type is outcome
    assert load_checkpoint(run.last)[1]["position"]["step"] == (8 if outcome is Interrupted else 5)


def test_a_part_of_an_epoch_is_judged_when_a_resumed_run_is_beyond_its_limit(run):
    trainer = tiny_trainer(run, task_class=StoppedTask, validate_every=3)
    trainer.task.signals = [signal.SIGTERM]
    with pytest.raises(Interrupted):
        trainer.fit()
    assert not run.best.exists()
    again = tiny_trainer(run, validate_every=3, max_steps=6)
    again.resume()
    again.fit()
    assert (again.position.step, again.stopped) == (8, "limit of 6 steps")
    assert [row.get("val/accuracy", -1) >= 0 for row in rows(run, "epoch")] == [False, True]
    again.load_best()


@pytest.mark.parametrize("begun, changed, message", [
    ({}, {"seed": 1}, "setting seed: .*run was begun with 0 and only goes on with that"),
    ({}, {"batch_size": 4}, "setting batch_size: .*run was begun with 8 and"),
    ({}, {"ema_decay": 0.9}, "setting ema_decay: .*run was begun with 0 and"),
    ({}, {"schedule": {"name": "plateau"}}, "setting schedule.name: .*run was begun with another than plateau"),
])
def test_settings_that_a_run_cannot_go_on_with_are_named(run, begun, changed, message):
    tiny_trainer(run, epochs=1, **begun).fit()
    with pytest.raises(KitError, match=message):
        tiny_trainer(run, **changed).resume()


def test_a_checkpoint_that_does_not_say_seed_and_batch_size_is_gone_on_with(run):
    tiny_trainer(run, epochs=1).fit()
    groups, state = load_checkpoint(run.last)
    save_checkpoint(run.last, groups, {key: value for key, value in state.items() if key not in ("seed", "batch_size")})
    trainer = tiny_trainer(run, epochs=2)
    trainer.resume()
    trainer.fit()
    assert trainer.position.step == 10


class PoisonedTask(ClassificationTask):
    """Its loss is NaN from the eighth batch on."""

    left = 7

    def losses(self, batch):
        for name, loss in super().losses(batch):
            self.left -= 1
            yield name, loss * (float("nan") if self.left < 0 else 1.0)


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_good_weights(run):
    trainer = tiny_trainer(run, task_class=PoisonedTask)
    with pytest.raises(KitError, match="became nan before step 9.*best.safetensors.*optimizer.lr"):
        trainer.fit()
    for path in (run.best, run.last):
        groups, _ = load_checkpoint(path)
        assert all(np.isfinite(array).all() for array in groups["networks/model"].values())


def test_a_metric_that_is_never_finite_is_blamed_for_the_missing_weights(run):
    class Unmeasured(ClassificationTask):
        def summarize(self, rows):
            return {**super().summarize(rows), "accuracy": float("nan")}

    trainer = tiny_trainer(run, task_class=Unmeasured, epochs=1)
    trainer.fit()
    with pytest.raises(KitError,
                       match="no weights were kept: accuracy was not finite at any validation; see .*metrics.jsonl"):
        trainer.load_best()


def test_the_best_weights_are_float32_whatever_they_were_trained_in(run):
    trainer = tiny_trainer(run, plain_network, epochs=1)
    trainer.fit()
    trainer.precision.level = "O2"  # a CPU does not train so: as decorate would have left the weights on a GPU
    trainer.task.networks["model"].to(dtype="float16")
    trainer.load_best()
    best, _ = load_checkpoint(run.best)
    assert {str(p.dtype) for p in trainer.task.networks["model"].parameters()} == {"paddle.float32"}
    assert_same(weights(trainer), best["networks/model"])
    assert trainer.evaluate(trainer.data.validation())[1]["loss"] == rows(run, "epoch")[0]["val/loss"]


def test_a_second_loss_of_a_network_is_an_error(run):
    class Doubled(ClassificationTask):
        def losses(self, batch):
            yield from super().losses(batch)
            yield from super().losses(batch)

    with pytest.raises(ValueError, match="two losses of model for one batch"):
        tiny_trainer(run, task_class=Doubled).fit()


class HungryTask(ClassificationTask):
    """Runs out of memory with more than three images at a time, as Paddle says it on a GPU."""

    def losses(self, batch):
        if len(batch["label"]) > 3:
            raise MemoryError("ResourceExhaustedError: Out of memory error on GPU 0.")
        yield from super().losses(batch)


def test_out_of_memory_halves_the_micro_batch_and_keeps_the_batch(tmp_path, capsys):
    found = []
    for task_class in (HungryTask, ClassificationTask):
        with RunFolder(tmp_path / task_class.__name__) as run:
            trainer = tiny_trainer(run, plain_network, task_class, epochs=1)
            trainer.evaluate = lambda batches: ({}, {"accuracy": 0.5})
            trainer.fit()
            found.append(weights(trainer))
            assert trainer.position.step == 5
    assert_same(found[0], found[1], 1e-6)
    assert "now goes through in 4 parts" in capsys.readouterr().out


def test_out_of_memory_with_one_image_is_an_error(run):
    class Starving(ClassificationTask):
        def losses(self, batch):
            raise MemoryError("no room")
            yield

    trainer = tiny_trainer(run, task_class=Starving)
    with pytest.raises(KitError, match="one image at a time"):
        trainer.fit()


class ToyGan(Task):
    """One-dimensional GAN: the generator's shift must find the mean of the data."""

    monitor, mode = "distance", "min"

    def __init__(self):
        self.networks = {"discriminator": nn.Linear(1, 1), "generator": nn.Linear(1, 1)}
        self.seen = []

    def losses(self, batch):
        real = batch["image"].mean(axis=[1, 2, 3]).reshape([-1, 1]) + 3.0
        generator, discriminator = self.networks["generator"], self.networks["discriminator"]
        fake = generator(paddle.randn([len(real), 1]))
        before = discriminator.weight.numpy().copy()
        hinge = nn.functional.softplus
        yield "discriminator", (hinge(-discriminator(real)) + hinge(discriminator(fake.detach()))).mean()
        self.seen.append((before != discriminator.weight.numpy()).any())
        yield "generator", hinge(-discriminator(fake)).mean()

    def evaluate(self, batch):
        shift = self.networks["generator"].bias.numpy()
        return {"index": batch["index"].numpy(), "shift": np.repeat(shift, len(batch["index"]))}

    def summarize(self, rows):
        return {"distance": float(abs(rows["shift"].mean() - 3.0))}


@pytest.mark.parametrize("parts", [1, 2])
def test_an_adversarial_task_needs_no_other_loop(run, parts):
    settings = from_dict(TrainerSettings, {**DEFAULTS, "epochs": 20, "accumulate": parts, "seed": 1,
                                           "optimizer": {"name": "rmsprop", "lr": 0.02}}, "gan")
    seed_everything(1, 0)
    task = ToyGan()
    trainer = Trainer(task, TinyData(settings), settings, run)
    trainer.fit()
    assert any(task.seen)  # the discriminator had stepped when the generator's loss was computed
    assert trainer.stopping.best < 2.0
    assert {"loss/discriminator", "loss/generator"} <= set(rows(run, "step")[0])
    groups, _ = load_checkpoint(run.last)
    assert {"networks/generator", "networks/discriminator", "optimizers/generator"} <= set(groups)


def test_the_loss_ends_a_training_whose_accuracy_chooses(run, tmp_path):
    early = {"patience": 2, "by": "loss"}
    trainer = tiny_trainer(run, epochs=30, early_stopping=early, optimizer={"name": "sgd", "lr": 1e-9})
    first = trainer.evaluate

    def worse(batches):  # the loss grows, the accuracy as well
        found, values = first(batches)
        return found, {**values, "loss": 1.0 + trainer.position.epoch, "accuracy": trainer.position.epoch / 100}

    trainer.evaluate = worse
    trainer.fit()
    assert trainer.stopped.startswith("loss has not improved in 2 validation checks") and trainer.position.epoch == 3
    assert trainer.stopping.best_epoch == 2  # the best weights are still those of the best accuracy
    again = tiny_trainer(run, epochs=30, early_stopping=early)
    again.resume()
    assert again.ending.state_dict() == trainer.ending.state_dict() and again.ending.reason
    gan = from_dict(TrainerSettings, {**DEFAULTS, "early_stopping": early}, "gan")
    with RunFolder(tmp_path / "gan") as folder, pytest.raises(KitError, match="early_stopping.by.*no validation loss"):
        Trainer(ToyGan(), TinyData(gan), gan, folder).fit()


def test_weights_of_another_network_are_refused(run):
    tiny_trainer(run, epochs=1).fit()
    other = tiny_trainer(run, lambda: nn.Sequential(nn.Flatten(), nn.Linear(192, 3)))
    with pytest.raises(KitError, match="do not belong to this network"):
        other.resume()


def test_synchronised_batch_norm_on_a_cpu_is_an_error(run):
    with pytest.raises(KitError, match="on GPUs only, not on cpu"):
        tiny_trainer(run, sync_batch_norm=True)


def test_frozen_statistics_are_not_synchronised():
    network = tiny_network()
    network[1]._use_global_stats = True  # as freeze_backbone does
    with pytest.raises(KitError, match="statistics of this network are frozen"):
        distributed.synchronise_batch_norm(network, "gpu:0")


def test_split_keeps_every_image_once():
    batch = {"index": np.arange(10), "image": np.arange(10) * 2}
    for parts in (1, 3, 10, 25):
        pieces = split(batch, parts)
        assert np.concatenate([piece["image"] for piece in pieces]).tolist() == batch["image"].tolist()
        assert all(len(piece["index"]) for piece in pieces)
