"""The loop: accumulation, EMA, limits, early stopping, NaN, memory, an adversarial task through the same lines."""

import json
import math

import numpy as np
import paddle
import pytest
from paddle import nn

from data_tools.errors import KitError
from paddle_models.classification import ClassificationTask
from paddle_models.trainer.checkpoint import load_checkpoint, network_arrays
from paddle_models.trainer.loop import Trainer, seed_everything, split
from paddle_models.trainer.run_folder import RunFolder
from paddle_models.trainer.settings import TrainerSettings, from_dict
from paddle_models.trainer.task import Task
from tests.paddle_models.trainer.tiny import DEFAULTS, TinyData, plain_network, tiny_trainer

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
    trainer = tiny_trainer(run, epochs=2, ema_decay=0.9)
    trainer.fit()
    best, state = load_checkpoint(run.best)
    last, _ = load_checkpoint(run.last)
    assert state["epoch"] == trainer.stopping.best_epoch
    if state["epoch"] == 1:
        assert_same(best["networks/model"], last["averages/model"])
    own = weights(trainer)
    assert any((own[name] != last["averages/model"][name]).any() for name in last["averages/model"])
    assert_same(own, last["networks/model"])


def test_early_stopping_counts_validation_checks_and_says_why(run):
    trainer = tiny_trainer(run, epochs=50, validate_every=2, early_stopping={"patience": 2},
                           optimizer={"name": "sgd", "lr": 0.0})
    trainer.fit()
    assert trainer.position.epoch == 6  # checks after epochs 2 (the best), 4 and 6
    assert "accuracy has not improved in 2 validation checks" in trainer.stopped


def test_limits(run):
    trainer = tiny_trainer(run, epochs=50, max_steps=7)
    trainer.fit()
    assert (trainer.position.step, trainer.stopped) == (7, "limit of 7 steps")
    assert rows(run, "epoch")[-1]["val/accuracy"] >= 0


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


def test_weights_of_another_network_are_refused(run):
    tiny_trainer(run, epochs=1).fit()
    other = tiny_trainer(run, lambda: nn.Sequential(nn.Flatten(), nn.Linear(192, 3)))
    with pytest.raises(KitError, match="do not belong to this network"):
        other.resume()


def test_synchronised_batch_norm_on_a_cpu_is_an_error(run):
    with pytest.raises(KitError, match="on GPUs only, not on cpu"):
        tiny_trainer(run, sync_batch_norm=True)


def test_split_keeps_every_image_once():
    batch = {"index": np.arange(10), "image": np.arange(10) * 2}
    for parts in (1, 3, 10, 25):
        pieces = split(batch, parts)
        assert np.concatenate([piece["image"] for piece in pieces]).tolist() == batch["image"].tolist()
        assert all(len(piece["index"]) for piece in pieces)
