"""Super-resolution in the common trainer: pixel loss, adversarial training, resume, and ends that are named."""

import json

import numpy as np
import paddle
import pytest

from data_tools.batches.bicubic import enlarge_bicubic
from data_tools.drawing.texture_sample import draw_textures
from data_tools.errors import KitError
from data_tools.packed.packed_images import PackedImages
from data_tools.sets.super_resolution import read_images
from paddle_models.networks.swift_srgan import SwiftDiscriminator, SwiftGenerator
from paddle_models.tasks.adversarial import LossWeights
from paddle_models.tasks.image_metrics import measure, to_bytes
from paddle_models.tasks.super_resolution_task import METRICS, AdversarialTask, SuperResolutionTask
from paddle_models.trainer.checkpoint import network_arrays
from paddle_models.trainer.crop_data import CropData
from paddle_models.trainer.loop import Interrupted, Trainer, evaluate, seed_everything
from paddle_models.trainer.run_folder import RunFolder
from paddle_models.trainer.settings import TrainerSettings, from_dict
from paddle_models.weights.files import load_weights
from paddle_models.weights.perceptual import MobileNetFeatures

SCALE, SIDE = 2, 32
AUTHORS_CODE = LossWeights(1.0, "mse", 6e-3, 1e-3, "one_minus", 2e-8)
DEFAULTS = {"epochs": 2, "batch_size": 4, "log_every": 1, "amp": {"level": "off"}, "fast_layers": False, "workers": 0,
            "optimizer": {"name": "adamw", "lr": 0.01, "weight_decay": 0.0}, "schedule": {"name": "plateau"}}


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    folder = tmp_path_factory.mktemp("textures")
    drawn = draw_textures(folder / "set", count=8, seed=1)
    return [PackedImages.open(read_images(drawn / part), folder / "cache", progress=False)
            for part in ("train", "test")]


@pytest.fixture(scope="module")
def features():
    return MobileNetFeatures()


def generator(residual=False):
    return SwiftGenerator(SCALE, residual=residual, blocks=1, channels=8)


def adversarial(weights, features=None, **options):
    return AdversarialTask(generator(), SwiftDiscriminator((8, 8, 16), 12), weights, features, **options)


def crop_data(stores, side=SIDE, **others):
    return CropData(*stores, side, SCALE, **{"batch_size": DEFAULTS["batch_size"], "seed": 0, "workers": 0, **others})


def trainer_of(run, stores, build, **settings):
    settings = from_dict(TrainerSettings, {**DEFAULTS, **settings}, "test")
    seed_everything(settings.seed, 0)
    data = crop_data(stores, batch_size=settings.batch_size, crops_per_image=2, largest=64)
    return Trainer(build(), data, settings, run)


def rows(run, kind):
    lines = (run.path / "metrics.jsonl").read_text().splitlines()
    return [row for row in map(json.loads, lines) if row["kind"] == kind]


def test_the_pixel_loss_learns(tmp_path, stores):
    with RunFolder(tmp_path / "run") as run:
        trainer = trainer_of(run, stores, lambda: SuperResolutionTask(generator()), epochs=10)
        before = evaluate(trainer.task, trainer.data.validation())[1]
        trainer.fit()
        epochs = rows(run, "epoch")
    assert trainer.data.steps_per_epoch == 4
    assert epochs[-1]["train/loss"] < 0.75 * epochs[0]["train/loss"]
    assert trainer.stopping.best > before["psnr_y"] + 3
    assert set(METRICS) == {key[4:] for key in epochs[-1] if key.startswith("val/")}


def test_evaluation_is_the_metrics_of_every_image(stores):
    task = SuperResolutionTask(generator())
    data = crop_data(stores)
    found, means = evaluate(task, data.in_order(stores[0]))
    assert found["index"].tolist() == list(range(8)) and all(found[name].shape == (8,) for name in METRICS)
    batch = list(data.in_order(stores[0]))[3]
    hr = to_bytes(batch["hr"][0].transpose(1, 2, 0))
    assert hr.shape[:2] == tuple(side // 2 * 2 for side in stores[0].shapes[3])
    with paddle.no_grad():
        enlarged = task.networks["generator"](paddle.to_tensor(batch["lr"])).numpy()[0]
    assert found["psnr_y"][3] == measure(to_bytes(enlarged.transpose(1, 2, 0)), hr, SCALE)["psnr_y"]
    assert means["ssim_rgb"] == pytest.approx(found["ssim_rgb"].mean())
    assert measure(enlarge_bicubic(to_bytes(batch["lr"][0].transpose(1, 2, 0)), SCALE), hr, SCALE)["psnr_y"] > 15


@pytest.mark.compat
@pytest.mark.parametrize("kind", ["non_saturating", "one_minus", "relativistic"])
def test_each_loss_trains_its_own_network(stores, kind):
    task = adversarial(LossWeights(1.0, "l1", 0.0, 0.1, kind))
    data = crop_data(stores)
    batch = {key: paddle.to_tensor(value) for key, value in next(iter(data.training(0, 0))).items()}
    trained = {name: [p for p in network.parameters() if not p.stop_gradient]
               for name, network in task.networks.items()}
    losses = task.losses(batch)
    name, loss = next(losses)
    loss.backward()
    assert name == "generator"
    assert sum(p.grad is not None for p in trained["generator"]) == len(trained["generator"]) - 2
    assert all(p.grad is None and not p.stop_gradient for p in trained["discriminator"])
    before = [p.grad.numpy() for p in trained["generator"] if p.grad is not None]
    name, loss = next(losses)
    loss.backward()
    assert name == "discriminator" and all(p.grad is not None for p in trained["discriminator"])
    after = [p.grad.numpy() for p in trained["generator"] if p.grad is not None]
    assert all(np.array_equal(a, b) for a, b in zip(before, after))
    assert next(losses, None) is None
    assert set(task.training_metrics()) == {"pixel", "adversarial", "d_real", "d_fake"}
    assert task.training_metrics() == {}


def test_adversarial_training_learns_and_logs_both_sides(tmp_path, stores, features):
    with RunFolder(tmp_path / "run") as run:
        weights = LossWeights(pixel=1.0, content=1.0, adversarial=1e-3)
        trainer = trainer_of(run, stores, lambda: adversarial(weights, features), epochs=8, ema_decay=0.8)
        trainer.fit()
        epochs, steps = rows(run, "epoch"), rows(run, "step")
    assert {"loss/generator", "loss/discriminator"} <= set(steps[0])
    assert {"train/loss/generator", "train/loss/discriminator", "train/d_real", "train/d_fake", "train/content",
            "train/pixel", "train/adversarial", "val/psnr_y", "val/ssim_y"} <= set(epochs[0])
    assert epochs[-1]["train/content"] < 0.9 * epochs[0]["train/content"]
    assert epochs[-1]["train/d_real"] > epochs[-1]["train/d_fake"]
    content = [epoch["val/content"] for epoch in epochs]
    assert trainer.stopping.best == pytest.approx(min(content)) and min(content) < content[0]  # not chosen by PSNR
    kept, _ = load_weights(tmp_path / "run/checkpoints/best.safetensors")
    assert {name.split("/")[1] for name in kept} == {"generator"}


@pytest.mark.parametrize("accumulate", [1, 2])
def test_the_authors_recipe_resumes_bit_for_bit(tmp_path, stores, features, accumulate):
    def train(folder, stop_at=0, resume=False):
        with RunFolder(folder) as run:
            trainer = trainer_of(run, stores, lambda: adversarial(AUTHORS_CODE, features), accumulate=accumulate)
            if resume:
                trainer.resume()
            advance = trainer._note

            def note(losses):
                advance(losses)
                trainer.signals.noted = int(trainer.position.step == stop_at)  # as if SIGTERM had come
            trainer._note = note
            trainer.fit()
        return {f"{key}.{name}": array for key, network in trainer.task.networks.items()
                for name, array in network_arrays(network).items()}

    whole = train(tmp_path / "whole")
    with pytest.raises(Interrupted, match="after step 6"):  # of 8, in the middle of the second epoch
        train(tmp_path / "parts", stop_at=6)
    resumed = train(tmp_path / "parts", resume=True)
    assert whole.keys() == resumed.keys() and all(np.array_equal(array, resumed[name]) for name, array in whole.items())


def test_a_discriminator_that_has_collapsed_stops_the_run(tmp_path, stores):
    def build():
        task = adversarial(LossWeights(1.0, "l1", 0.0, 1e-3), patience=3)
        last = task.networks["discriminator"].classifier[-1]
        last.weight.set_value(paddle.zeros_like(last.weight))
        last.bias.set_value(paddle.full_like(last.bias, -60.0))
        return task

    with RunFolder(tmp_path / "run") as run, pytest.raises(KitError, match="collapsed: .* for 3 steps"):
        trainer_of(run, stores, build).fit()


def test_a_generator_that_explodes_stops_the_run(tmp_path, stores):
    def build():
        task = AdversarialTask(generator(residual=True), SwiftDiscriminator((8, 8, 16), 12),
                               LossWeights(1.0, "l1", 0.0, 1e-3),
                               patience=10)
        bias = task.networks["generator"].final_conv.pointwise.bias
        bias.set_value(paddle.full_like(bias, 1e4))
        return task

    with RunFolder(tmp_path / "run") as run, pytest.raises(KitError, match="the generator exploded"):
        trainer_of(run, stores, build).fit()


def test_what_does_not_fit_is_named(stores):
    with pytest.raises(KitError, match="8 images with 2 crops of each fill no batch of 64"):
        crop_data(stores, batch_size=64, crops_per_image=2)
    with pytest.raises(KitError, match="512x512 pixels do not fit into 8 of 8 images"):
        crop_data(stores, 512, batch_size=64)
    small = crop_data(stores, 256, batch_size=1, skip_small=True)
    assert 0 < len(small.rows) < 8 and (stores[0].shapes[small.rows] >= 256).all()
    with pytest.raises(KitError, match="do not fit into 8 of 8"):
        crop_data(stores, 512, batch_size=64, skip_small=True)
    with pytest.raises(KitError, match="a crop of 33 pixels cannot be reduced 2 times"):  # though it fits into some
        crop_data(stores, 33, skip_small=True)
    with pytest.raises(ValueError, match="features"):
        adversarial(AUTHORS_CODE)


@pytest.mark.parametrize("ranks, batch", [(1, 3), (2, 4), (3, 3), (3, 9)])  # of 8 rows, which 3 ranks make 9
def test_as_many_steps_are_planned_as_there_are_batches(stores, monkeypatch, ranks, batch):
    monkeypatch.setenv("PADDLE_TRAINERS_NUM", str(ranks))  # as paddle.distributed.launch does
    data = crop_data(stores, batch_size=batch)
    assert data.steps_per_epoch == sum(1 for _ in data.training(0, 0))
