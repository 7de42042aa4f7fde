"""Peers that train: the kit's Trainer, plain paddle.Model.fit, eager PyTorch. Same network, batches, loss and Adam for all.

To add a network: one Workload here, its PyTorch twin in torch_nets.py, one line in cases.py.
"""

import importlib.util
from dataclasses import dataclass
from typing import Any, Callable, Dict

import numpy as np

from assignments.bench.turns import Absent, Turn, Turns
from data_tools.errors import KitError

CLASSES, RATE, DISTINCT = 10, 0.001, 4  # DISTINCT: batches in memory, used again and again
NAMES = tuple(f"class {i}" for i in range(CLASSES))


def _zoo(name: str) -> Callable[[], Any]:
    def build():
        from paddle_models.zoo import build_model

        return build_model(name, CLASSES)

    return build


def _classification(network: Any) -> Any:
    from paddle_models.classification import ClassificationTask

    return ClassificationTask(network, NAMES)


def _class_arrays(count: int, side: int, rng: np.random.Generator) -> Dict[str, np.ndarray]:
    """Random images in [-1, 1] and class numbers, for `count` samples."""
    return {"image": rng.uniform(-1, 1, (count, 3, side, side)).astype("float32"), "label": rng.integers(0, CLASSES, count)}


@dataclass(frozen=True)
class Workload:
    """One training. The callables import what they need when called, never before.

    network() is the Paddle network; task(network) is what the kit's trainer trains; arrays(count, side, rng) gives "image"
    and the target under `target`. loss: class of paddle.nn and torch.nn alike. torch: key in torch_nets.NETWORKS.
    """

    title: str
    side: int
    batch: int
    torch: str
    network: Callable[[], Any]
    quick_side: int = 32
    task: Callable[[Any], Any] = _classification
    arrays: Callable[[int, int, np.random.Generator], Dict[str, np.ndarray]] = _class_arrays
    target: str = "label"
    loss: str = "CrossEntropyLoss"

    def sizes(self, quick: bool) -> tuple[int, int]:
        """(side, batch)."""
        return (self.quick_side, 2) if quick else (self.side, self.batch)

    def samples(self, quick: bool) -> Dict[str, np.ndarray]:
        """The arrays of DISTINCT batches, the same ones in every peer."""
        side, batch = self.sizes(quick)
        return self.arrays(DISTINCT * batch, side, np.random.default_rng(0))


WORKLOADS: Dict[str, Workload] = {
    "resnet50": Workload("ResNet-50, 224x224, batch 8", 224, 8, "resnet50", _zoo("resnet50")),
    "mobilenet_v2": Workload("MobileNetV2, 128x128, batch 16", 128, 16, "mobilenet_v2", _zoo("mobilenet_v2")),
}


class TurnData:
    """Batches for the trainer that fill one turn after the other, inside a single epoch: no validation and no checkpoint."""

    steps_per_epoch = 10**9  # Turns ends the run

    def __init__(self, samples: Dict[str, np.ndarray], batch: int, turns: Turns):
        index = np.arange(DISTINCT * batch)
        self.batches = [{**{key: values[part] for key, values in samples.items()}, "index": part}
                        for part in np.split(index, DISTINCT)]
        self.turns = turns

    def training(self, epoch: int, start_batch: int):
        """A batch is done when the trainer comes for the next one."""
        step = 0
        for turn in self.turns:
            while turn.lasts():
                batch = self.batches[step % DISTINCT]
                yield batch
                step += 1
                turn.done(len(batch["index"]))

    def validation(self):
        """Never reached."""
        return self.batches


def kit(name: str, turns: Turns) -> None:
    """The kit's trainer as an assignment's run.py sets it up, on the CPU."""
    from paddle_models.trainer import runtime

    _train(name, turns, runtime.start("cpu"), "off")


def kit_on_gpu(name: str, level: str, turns: Turns) -> None:
    """The same on a GPU; level: of mixed precision, "off", "O1" or "O2"."""
    from paddle_models.trainer import runtime

    try:
        device = runtime.start("gpu")
    except KitError:
        raise Absent("no GPU here") from None
    _train(name, turns, device, level)


def _train(name: str, turns: Turns, device: str, level: str) -> None:
    from paddle_models.trainer import runtime
    from paddle_models.trainer.fast_layers import accelerate
    from paddle_models.trainer.loop import Trainer, seed_everything
    from paddle_models.trainer.run_folder import RunFolder
    from paddle_models.trainer.settings import TrainerSettings, from_dict

    workload = WORKLOADS[name]
    _, batch = workload.sizes(turns.quick)
    settings = from_dict(TrainerSettings, {
        "batch_size": batch, "optimizer": {"name": "adam", "lr": RATE}, "amp": {"level": level},
        "checkpoint_minutes": 1e6}, "bench")  # paddle.Model.fit writes no checkpoint either, unless it is told to
    seed_everything(0, 0)
    network = workload.network()
    turns.note = f"{runtime.describe(device)}; {accelerate(network).reason}"
    data = TurnData(workload.samples(turns.quick), batch, turns)
    with RunFolder(turns.scratch / f"run-{level}") as run:
        Trainer(workload.task(network), data, settings, run, device).fit()


def paddle_default(name: str, turns: Turns) -> None:
    """What a user of plain Paddle runs: paddle.Model.fit, nothing set. Paddle is imported before anything of the kit."""
    import paddle

    workload = WORKLOADS[name]
    _, batch = workload.sizes(turns.quick)
    samples = workload.samples(turns.quick)
    images, targets = samples["image"], samples[workload.target]

    class Samples(paddle.io.Dataset):
        """`count` samples, repeated from memory."""

        def __init__(self, count: int):
            super().__init__()
            self.count = count

        def __getitem__(self, i):
            return images[i % len(images)], targets[i % len(images)]

        def __len__(self):
            return self.count

    paddle.seed(0)
    paddle.device.set_device("cpu")
    model = paddle.Model(workload.network())
    model.prepare(paddle.optimizer.Adam(RATE, parameters=model.parameters()), getattr(paddle.nn, workload.loss)())
    steps = 1
    for turn in turns:
        model.fit(Samples(steps * batch), batch_size=batch, epochs=1, verbose=0, num_workers=0)
        turn.done(steps * batch)
        steps = steps_that_fill(turns, turn, steps)


def steps_that_fill(turns: Turns, turn: Turn, steps: int) -> int:
    """Steps that take about the wanted length of a turn, at the pace of the last one."""
    return max(1, round(steps * turns.seconds / max(turn.seconds, 1e-9)))


def pytorch(name: str, turns: Turns) -> None:
    """The same network in eager PyTorch with its own default threads."""
    if importlib.util.find_spec("torch") is None:
        raise Absent("not installed (pip install -r requirements-bench.txt)")
    import torch

    from assignments.bench.torch_nets import NETWORKS

    workload = WORKLOADS[name]
    _, batch = workload.sizes(turns.quick)
    samples = workload.samples(turns.quick)
    images, targets = (np.split(samples[key], DISTINCT) for key in ("image", workload.target))
    torch.manual_seed(0)
    network = NETWORKS[workload.torch](CLASSES)
    loss_function = getattr(torch.nn, workload.loss)()
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    turns.note = f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads"
    step = 0
    for turn in turns:
        while turn.lasts():
            image, target = torch.from_numpy(images[step % DISTINCT]), torch.from_numpy(targets[step % DISTINCT])
            optimizer.zero_grad()
            loss = loss_function(network(image), target)
            loss.backward()
            optimizer.step()
            loss.item()
            step += 1
            turn.done(batch)
