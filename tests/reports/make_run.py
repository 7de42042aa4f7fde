"""A small run folder as a training would have written it, drawn from a seed: what the report tests read."""

import json
from pathlib import Path

import numpy as np
import yaml

CLASSES = ("mantled_howler", "patas_monkey", "bald_uakari", "japanese_macaque", "pygmy_marmoset",
           "white_headed_capuchin", "silvery_marmoset", "common_squirrel_monkey", "black_headed_night_monkey",
           "nilgiri_langur")
VALIDATION, SIDE, EPOCHS, STEPS_PER_EPOCH = 136, 48, 8, 9


def make_run(folder: Path, origin: str = "drawn", seed: int = 0) -> Path:
    """Write every file of the run-folder contract but the weights into `folder`; the same values for the same seed."""
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    settings = {"model": "mobilenet_v2", "image_size": 128, "epochs": EPOCHS, "batch_size": 32,
                "optimizer": {"name": "adam", "lr": 0.001}}
    (folder / "config.yaml").write_text(yaml.safe_dump(
        {"assignment": "monkey_species", "preset": "sample", "command": "python run.py", "settings": settings}))
    (folder / "environment.json").write_text(json.dumps({"python": "3.11", "device": "cpu", "versions": {}}))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in _metrics(random)))
    predictions = _predictions(random)
    np.savez_compressed(folder / "predictions.npz", **predictions)
    np.savez_compressed(folder / "artifacts.npz", **_artifacts(random))
    (folder / "result.json").write_text(json.dumps(_result(origin, predictions)))
    return folder


def _metrics(random: np.random.Generator):
    total = EPOCHS * STEPS_PER_EPOCH
    for epoch in range(EPOCHS):
        for step in range(epoch * STEPS_PER_EPOCH + 1, (epoch + 1) * STEPS_PER_EPOCH + 1):
            warm = min(1, step / 10) * (1 + np.cos(np.pi * step / total)) / 2
            yield {"kind": "step", "step": step, "epoch": epoch, "lr": 0.001 * warm, "images_per_second": 90.0,
                   "loss/model": 2.3 * np.exp(-step / 25) + 0.1 + 0.15 * random.random()}
        done = epoch / EPOCHS
        yield {"kind": "epoch", "epoch": epoch, "step": (epoch + 1) * STEPS_PER_EPOCH, "lr": 0.001, "seconds": 4.2,
               "train/loss": 2.2 * np.exp(-3 * done) + 0.15, "train/accuracy": 1 - 0.8 * np.exp(-3 * done),
               "val/loss": 2.2 * np.exp(-2.5 * done) + 0.3 * done, "wait_share": 0.02,
               "val/accuracy": 0.95 - 0.7 * np.exp(-4 * done) - 0.02 * (epoch == 7)}


def _predictions(random: np.random.Generator) -> dict[str, np.ndarray]:
    labels = np.sort(np.arange(VALIDATION) % 10)
    logits = random.normal(0, 1.3, (VALIDATION, 10))
    logits[np.arange(VALIDATION), labels] += 4
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return {"names": np.array([f"validation/n{label}/n{label}{i:03d}.jpg" for i, label in enumerate(labels)]),
            "labels": labels, "probabilities": probabilities.astype(np.float32),
            "leaked": random.random(VALIDATION) < 0.05, "classes": np.array(CLASSES)}


def _face(random: np.random.Generator, species: int) -> np.ndarray:
    """A disc with ears on a shaded ground: enough to tell ten species and their pictures apart."""
    y, x = np.mgrid[-1:1:SIDE * 1j, -1:1:SIDE * 1j]
    dx, dy = random.uniform(-0.2, 0.2, 2)
    hue = np.array([0.5 + 0.45 * np.cos(species * 0.63 + k * 2.1) for k in range(3)])
    image = np.stack([0.55 + 0.2 * y * random.random() + 0.1 * x] * 3, axis=-1)
    image[np.minimum(np.hypot(np.abs(x - dx) - 0.5, y - dy + 0.3), np.hypot(x - dx, y - dy) - 0.4) < 0.2] = hue
    image[np.hypot((np.abs(x - dx) - 0.2) * 1.2, y - dy) < 0.1] = 0.1
    return (np.clip(image + random.normal(0, 0.02, image.shape), 0, 1) * 255).astype(np.uint8)


def _artifacts(random: np.random.Generator) -> dict[str, np.ndarray]:
    def faces(*shape: int) -> np.ndarray:
        count = int(np.prod(shape))
        return np.stack([_face(random, i % 10) for i in range(count)]).reshape(*shape, SIDE, SIDE, 3)

    def image_sizes(count: int) -> np.ndarray:
        widths = random.lognormal(6.2, 0.45, count)
        return np.stack([widths, widths / random.uniform(0.7, 1.8, count)], axis=1).astype(np.int64)

    steps = np.arange(0, 200, 4)
    rates = np.array([0.01, 0.02, 0.03, 0.05, 0.06])[:, None]
    grid = np.mgrid[-1:1:7j, -1:1:7j]
    centres = random.uniform(-0.4, 0.4, (8, 2))
    maps = np.stack([np.exp(-((grid[0] - a) ** 2 + (grid[1] - b) ** 2) / 0.3) for a, b in centres])
    index = random.permutation(VALIDATION)
    return {
        "species_images": faces(10), "label_counts_training": random.integers(95, 123, 10),
        "label_counts_validation": random.integers(24, 31, 10), "sizes_training": image_sizes(300),
        "sizes_validation": image_sizes(VALIDATION), "augmented_originals": faces(4), "augmented_examples": faces(4, 7),
        "prediction_images": faces(16), "prediction_index": index[:16],
        "most_wrong_images": faces(12), "most_wrong_rows": index[24:36],
        "gradcam_images": faces(8), "gradcam_maps": maps.astype(np.float32), "gradcam_index": index[16:24],
        "iris_steps": steps, "iris_loss": 1.1 * np.exp(-rates * steps) + 0.05,
        "iris_loss_std": 0.1 * np.exp(-rates * steps / 2), "iris_accuracy": 0.97 - 0.6 * np.exp(-rates * steps * 2),
        "iris_names": np.array(["SGD", "Momentum", "AdaGrad", "RMSProp", "Adam"])}


def _result(origin: str, predictions: dict[str, np.ndarray]) -> dict:
    right = predictions["probabilities"].argmax(axis=1) == predictions["labels"]

    def metric(n: int) -> dict:
        share = float(right[:n].mean())
        return {"value": share, "n": n, "low": share - 0.04, "high": min(1.0, share + 0.03)}

    return {"assignment": "monkey_species", "preset": "sample", "origin": origin,
            "metrics": {"accuracy": metric(VALIDATION), "accuracy_200": metric(VALIDATION),
                        "accuracy_without_leaked": metric(129), "val_accuracy_best": metric(VALIDATION),
                        "macro_f1": metric(VALIDATION)},
            "exploration": {"images_training": 300, "images_validation": VALIDATION, "classes": 10,
                            "share_within_aspect_2": 0.987, "share_below_1000": 0.893,
                            "largest_class_over_smallest": 1.23},
            "best_epoch": 6, "epochs": EPOCHS, "stopped": "epochs", "seconds": 40.3, "images_per_second": 88.0,
            "wait_share": 0.02, "peak_memory_mb": 700, "weights_sha256": "0" * 64, "parameters": 2236682,
            "multiply_adds": 300000000}
