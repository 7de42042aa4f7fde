"""A tiny assignment: a network of Paddle with real weights on 60 drawn points, its judge, and a run folder of it."""

import json
import os
import signal
import socket
import time
from pathlib import Path

import numpy as np
import yaml

from data_tools.errors import BadFile
from paddle_models.weights.files import load_weights, save_weights, sha256_of_weights
from reports.grading.graded_work import GradedWork, Judged
from reports.grading.rubric import rubric_from
from reports.grading.seal import write_seal

NAME = "toy"
WEIGHTS = "checkpoints/best.safetensors"
RUBRIC = {
    "assignment": NAME, "tolerance": 0.03, "criteria": [
        {"id": "whole", "title": {"en": "All files", "zh": "文件齐全"}, "points": 10, "kind": "whole"},
        {"id": "weights", "title": {"en": "Weights", "zh": "权重"}, "points": 10, "kind": "weights"},
        {"id": "seal", "title": {"en": "Unchanged", "zh": "未改动"}, "points": 5, "kind": "seal"},
        {"id": "consistent", "title": {"en": "Consistent", "zh": "一致"}, "points": 15, "kind": "consistent"},
        {"id": "reproduced", "title": {"en": "Reproduced", "zh": "复现"}, "points": 20, "kind": "reproduced"},
        {"id": "accuracy", "title": {"en": "Accuracy", "zh": "准确率"}, "points": 40, "kind": "metric",
         "metric": "accuracy",
         "at_least": 0.7, "partial": [{"at_least": 0.5, "points": 20}, {"at_least": 0.3, "points": 10}]}]}


def data(origin: str = "real") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(names (60,), points (60, 4) float32, labels (60,)) of three classes; drawn ones have other names."""
    random = np.random.default_rng(7)
    labels = np.arange(60) % 3
    points = random.normal(0, 1, (60, 4)) + 1.5 * np.eye(3, 4)[labels]
    return np.array([f"{origin}/{i:03d}" for i in range(60)]), points.astype(np.float32), labels


def network():
    """4 -> 8 -> 3, fresh weights."""
    import paddle

    return paddle.nn.Sequential(paddle.nn.Linear(4, 8), paddle.nn.ReLU(), paddle.nn.Linear(8, 3))


def probabilities(run: Path, points: np.ndarray) -> np.ndarray:
    """(N, 3) of the run's weights, by Paddle."""
    import paddle

    from paddle_models.trainer.checkpoint import load_network_arrays

    net = network()
    arrays = {key.removeprefix("networks/model/"): value for key, value in load_weights(run / WEIGHTS)[0].items()}
    load_network_arrays(net, arrays, WEIGHTS)
    with paddle.no_grad():
        return paddle.nn.functional.softmax(net(paddle.to_tensor(points))).numpy()


def score(predictions) -> dict[str, float]:
    """The metrics of result.json from predictions.npz."""
    return {"accuracy": float((predictions["probabilities"].argmax(axis=1) == predictions["labels"]).mean())}


def judge(run: Path, origin: str) -> Judged:
    """The judge; what it does with the settings "sleep", "eat", "fill", "die", "reach", "full" and "raise" is for the
    tests of limits."""
    settings = yaml.safe_load((run / "config.yaml").read_text())["settings"]
    _misbehave(run, settings)
    names, points, labels = data(origin)
    found = {"names": names, "labels": labels, "probabilities": probabilities(run, points)}
    return Judged(score(found), len(labels), origin, found)


def _misbehave(run: Path, settings: dict) -> None:
    for way, act in {"sleep": _sleep, "spin": _spin, "eat": _eat, "fill": _fill, "die": _die, "reach": _reach}.items():
        if way in settings:
            act(run)
    if "full" in settings:
        raise BadFile("grader-data", "no room to pack the points")
    if "raise" in settings:
        raise IndexError("of the judge")


def _sleep(_: Path) -> None:
    time.sleep(60)


def _spin(_: Path) -> None:
    while True:
        pass


def _eat(_: Path) -> None:
    eaten = []
    while True:
        eaten.append(np.ones(1 << 20))
        time.sleep(0.005)


def _fill(run: Path) -> None:
    for number in range(1000):
        (run / f"large{number}").write_bytes(bytes(1 << 20))
        time.sleep(0.005)


def _reach(run: Path) -> None:
    """Say what of the world outside can be reached."""
    other = Path(yaml.safe_load((run / "config.yaml").read_text())["settings"]["reach"])
    tries = {"read": lambda: (other / "result.json").read_text(), "write": lambda: (other / "new").write_text("x"),
             "network": lambda: socket.socket().connect(("127.0.0.1", 9)), "fork": os.fork,
             "kill": lambda: os.kill(os.getppid(), 0), "scratch": lambda: (run / "new").write_text("x")}
    for name, attempt in tries.items():
        try:
            attempt()
            print(f"{name}: reached")
        except OSError as error:
            print(f"{name}: {type(error).__name__}")


def _die(_: Path) -> None:
    print("about to die")
    os.kill(os.getpid(), signal.SIGSEGV)


def works(origin: str = "real", rubric: dict | None = None, more: tuple[str, ...] = ()) -> dict[str, GradedWork]:
    """What the jail is told to call; `more` names of assignments that nobody has handed in."""
    read = rubric_from(rubric or RUBRIC, "toy rubric")
    return {name: GradedWork(name, read, judge, origin, f"toy data, {origin}", score) for name in (NAME, *more)}


def make_toy_run(folder: Path, origin: str = "real", seed: int = 3, **settings) -> Path:
    """A finished, sealed run folder of the toy assignment; its accuracy is about 0.8."""
    names, points, labels = data(origin)
    random = np.random.default_rng(seed)
    hidden = np.hstack([np.eye(4, 4), random.normal(0, 0.1, (4, 4))])
    weights = {"0.weight": hidden, "0.bias": np.ones(8), "2.weight": np.eye(8, 3), "2.bias": np.zeros(3)}
    arrays = {f"networks/model/{name}": value.astype(np.float32) for name, value in weights.items()}
    (folder / "checkpoints").mkdir(parents=True)
    state = {"epoch": 1, "monitor": "accuracy", "value": 0.75}
    save_weights(folder / WEIGHTS, arrays, {"state": json.dumps(state)})
    predictions = {"names": names, "labels": labels, "probabilities": probabilities(folder, points)}
    np.savez_compressed(folder / "predictions.npz", **predictions)
    (folder / "config.yaml").write_text(yaml.safe_dump({"assignment": NAME, "preset": "sample",
                                                        "command": "python run.py",
                                                        "settings": {"lr": 0.1, **settings}}))
    (folder / "environment.json").write_text(json.dumps({"python": "3.11", "data_fingerprint": "0" * 64}))
    rows = [{"kind": "step", "step": 1, "epoch": 0}, {"kind": "epoch", "epoch": 0, "step": 1, "val/accuracy": 0.5},
            {"kind": "step", "step": 2, "epoch": 1}, {"kind": "epoch", "epoch": 1, "step": 2, "val/accuracy": 0.75}]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    accuracy = score(predictions)["accuracy"]
    (folder / "result.json").write_text(json.dumps({
        "assignment": NAME, "preset": "sample", "origin": origin, "epochs": 2, "steps": 2, "best_epoch": 2,
        "metrics": {"accuracy": {"value": accuracy, "n": 60}, "val_accuracy_best": {"value": 0.75, "n": 60}},
        "weights_sha256": sha256_of_weights(arrays)}))
    write_seal(folder)
    return folder
