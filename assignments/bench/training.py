"""Peers that train: the kit's Trainer, plain paddle.Model.fit, eager PyTorch. Same network, batches, loss and Adam for
all.

To add one: a Workload here, its network in networks.py, one line in cases.py.
"""

import importlib.util
import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from assignments.bench.networks import ATTRIBUTES, CLASSES, NETWORKS, SCALE
from assignments.bench.turns import Absent, Turn, Turns
from data_tools.errors import KitError

RATE, DISTINCT = 0.001, 4  # DISTINCT: batches in memory, used again and again
NAMES = tuple(f"class {i}" for i in range(CLASSES))


def _classification(network: Any) -> Any:
    from paddle_models.tasks.classification import ClassificationTask

    return ClassificationTask(network, NAMES)


def _class_arrays(count: int, side: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Random images in [-1, 1] and class numbers, for `count` samples."""
    return {"image": rng.uniform(-1, 1, (count, 3, side, side)).astype("float32"),
            "label": rng.integers(0, CLASSES, count)}


def _attributes(network: Any) -> Any:
    from paddle_models.tasks.attribute_task import AttributeTask

    return AttributeTask(network)


def _attribute_arrays(count: int, side: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Random images in [0, 1] and 40 attributes, 0 or 1."""
    return {"image": rng.uniform(0, 1, (count, 3, side, side)).astype("float32"),
            "label": rng.integers(0, 2, (count, ATTRIBUTES)).astype("float32")}


def _binary(network: Any) -> Any:
    from paddle_models.tasks.binary_task import BinaryTask

    return BinaryTask(network)


def _glasses_arrays(count: int, side: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Random images in [-1, 1] and labels, 0 or 1; "target" are the labels as a loss of (N, 1) logits wants them."""
    labels = rng.integers(0, 2, count)
    return {"image": rng.uniform(-1, 1, (count, 3, side, side)).astype("float32"), "label": labels,
            "target": labels[:, None].astype("float32")}


def _super_resolution(network: Any) -> Any:
    from paddle_models.tasks.super_resolution_task import SuperResolutionTask

    return SuperResolutionTask(network)


def _crop_arrays(count: int, side: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Random crops in [0, 1] of low and high resolution."""
    return {"lr": rng.uniform(0, 1, (count, 3, side, side)).astype("float32"),
            "hr": rng.uniform(0, 1, (count, 3, SCALE * side, SCALE * side)).astype("float32")}


@dataclass(frozen=True)
class Workload:
    """One training of a network of NETWORKS. The callables import what they need when called, never before.

    task(network) is what the kit's trainer trains; arrays(count, side, rng) gives the input under `source` and what is
    wanted under `target`. loss: class of paddle.nn and torch.nn alike.
    """

    title: str
    side: int
    batch: int
    network: str
    quick_side: int = 32
    task: Callable[[Any], Any] = _classification
    arrays: Callable[[int, int, np.random.Generator], dict[str, np.ndarray]] = _class_arrays
    source: str = "image"
    target: str = "label"
    loss: str = "CrossEntropyLoss"

    def sizes(self, quick: bool) -> tuple[int, int]:
        """(side, batch)."""
        return (self.quick_side, 2) if quick else (self.side, self.batch)

    def samples(self, quick: bool) -> dict[str, np.ndarray]:
        """The arrays of DISTINCT batches, the same ones in every peer."""
        side, batch = self.sizes(quick)
        return self.arrays(DISTINCT * batch, side, np.random.default_rng(0))


WORKLOADS: dict[str, Workload] = {
    "resnet50": Workload("ResNet-50, 224x224, batch 8", 224, 8, "resnet50"),
    "mobilenet_v2": Workload("MobileNetV2, 128x128, batch 16", 128, 16, "mobilenet_v2"),
    "efficientformer_v2": Workload(
        "EfficientFormerV2-S0, 128x128, batch 32, 40 attributes", 128, 32, "efficientformer_v2_s0", task=_attributes,
        arrays=_attribute_arrays, loss="BCEWithLogitsLoss"),
    "swift_srgan": Workload(
        "Swift-SRGAN generator x4, 16 crops of 24x24", 24, 16, "swift_srgan", quick_side=8, task=_super_resolution,
        arrays=_crop_arrays, source="lr", target="hr", loss="L1Loss"),
    "glasses": Workload(
        "glasses CNN, 32x32, batch 32", 32, 32, "glasses", task=_binary, arrays=_glasses_arrays, target="target",
        loss="BCEWithLogitsLoss"),
}


class TurnData:
    """Batches for the trainer that fill one turn after the other, inside a single epoch: no validation and no
    checkpoint."""

    steps_per_epoch = 10**9  # Turns ends the run

    def __init__(self, samples: dict[str, np.ndarray], batch: int, turns: Turns):
        index = np.arange(DISTINCT * batch)
        self.batches = [{**{key: values[part] for key, values in samples.items()}, "index": part}
                        for part in np.split(index, DISTINCT)]
        self.turns = turns

    def training(self, epoch: int, start_batch: int):
        """A batch is done when the trainer comes for the next one; several processes (processes.py) begin it
        together."""
        from paddle_models.trainer import distributed

        step = 0
        for turn in self.turns:
            while turn.lasts():
                batch = self.batches[step % DISTINCT]
                distributed.barrier()
                yield batch
                step += 1
                turn.done(len(batch["index"]) * distributed.world())

    def validation(self):
        """Never reached."""
        return self.batches


def kit(name: str, turns: Turns) -> None:
    """The kit's trainer as an assignment's run.py sets it up, on the CPU."""
    from paddle_models.trainer import runtime

    _train(name, turns, runtime.start("cpu"), "off")


def kit_in_bfloat16(name: str, turns: Turns) -> None:
    """The same with chains in bfloat16, on a CPU that multiplies such numbers."""
    from paddle_models.trainer import runtime

    _train(name, turns, runtime.start("cpu"), "O1", "bfloat16")


def kit_on_gpu(name: str, level: str, turns: Turns) -> None:
    """The same on a GPU; level: of mixed precision, "off", "O1" or "O2"."""
    _train(name, turns, start_gpu(), level)


def start_gpu() -> str:
    """The device of the first GPU; Absent where there is none."""
    from paddle_models.trainer import runtime

    try:
        return runtime.start("gpu")
    except KitError:
        raise Absent("no GPU here") from None


def _train(name: str, turns: Turns, device: str, level: str, dtype: str = "float16") -> None:
    from paddle_models.fast.bfloat16 import obstacle
    from paddle_models.fast.fast_layers import accelerate
    from paddle_models.trainer import distributed, runtime
    from paddle_models.trainer.loop import Trainer, seed_everything
    from paddle_models.trainer.run_folder import RunFolder
    from paddle_models.trainer.settings import TrainerSettings, from_dict

    workload = WORKLOADS[name]
    side, batch = workload.sizes(turns.quick)
    rank, world = distributed.rank(), distributed.world()
    batch //= world
    settings = from_dict(TrainerSettings, {
        "batch_size": batch, "optimizer": {"name": "adam", "lr": RATE}, "amp": {"level": level, "dtype": dtype},
        "checkpoint_minutes": 1e6}, "bench")  # paddle.Model.fit writes no checkpoint either, unless it is told to
    seed_everything(0, rank)
    network = NETWORKS[workload.network].paddle(side)
    turns.note = f"{runtime.describe(device)}; {accelerate(network).reason}"
    reason = obstacle(network) if dtype == "bfloat16" else ""
    if reason:
        raise Absent(reason)
    data = TurnData({key: values[rank::world] for key, values in workload.samples(turns.quick).items()}, batch, turns)
    with RunFolder(turns.scratch / f"run-{level}-{world}", writer=rank == 0) as run:
        Trainer(workload.task(network), data, settings, run, device).fit()


def paddle_default(name: str, turns: Turns) -> None:
    """What a user of plain Paddle runs: paddle.Model.fit, nothing set. Paddle is imported before anything of the
    kit."""
    import paddle

    workload = WORKLOADS[name]
    side, batch = workload.sizes(turns.quick)
    samples = workload.samples(turns.quick)
    images, targets = samples[workload.source], samples[workload.target]

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
    model = paddle.Model(NETWORKS[workload.network].paddle(side))
    model.prepare(paddle.optimizer.Adam(RATE, parameters=model.parameters()), getattr(paddle.nn, workload.loss)())
    steps = 1
    for turn in turns:
        model.fit(Samples(steps * batch), batch_size=batch, epochs=1, verbose=0, num_workers=0)
        turn.done(steps * batch)
        steps = steps_that_fill(turns, turn, steps)


def steps_that_fill(turns: Turns, turn: Turn, steps: int) -> int:
    """Steps that take about the wanted length of a turn, at the pace of the last one."""
    return max(1, round(steps * turns.seconds / max(turn.seconds, 1e-9)))


def import_torch(turns: Turns) -> Any:
    """The module, with its own default threads; Absent where it is not installed."""
    if importlib.util.find_spec("torch") is None:
        raise Absent("not installed (pip install -r requirements-bench.txt)")
    import torch

    if turns.quick:  # two threads that wait for each other on a busy machine would take minutes
        torch.set_num_threads(1)
    turns.note = f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads"
    return torch


def compile_torch(network: Any) -> Any:
    """The network as torch.compile makes it; Absent where there is no C++ compiler."""
    import torch

    if not any(shutil.which(compiler) for compiler in (os.environ.get("CXX", "g++"), "clang++")):
        raise Absent("no C++ compiler here for torch.compile")
    return torch.compile(network)


def pytorch(name: str, turns: Turns, channels_last: bool = False, bfloat16: bool = False,
            compiled: bool = False) -> None:
    """The same network in PyTorch with its own default threads.

    channels_last: weights and images lie so, which is faster on CPUs. bfloat16: under autocast. compiled: by
    torch.compile, which needs a C++ compiler.
    """
    torch = import_torch(turns)
    workload = WORKLOADS[name]
    side, batch = workload.sizes(turns.quick)
    samples = workload.samples(turns.quick)
    images, targets = (np.split(samples[key], DISTINCT) for key in (workload.source, workload.target))
    torch.manual_seed(0)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    network = NETWORKS[workload.network].torch(side).to(memory_format=layout)
    if compiled:
        network = compile_torch(network)

    def casting() -> AbstractContextManager:
        return torch.autocast("cpu", torch.bfloat16) if bfloat16 else nullcontext()

    loss_function = getattr(torch.nn, workload.loss)()
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    step = 0
    for turn in turns:
        while turn.lasts():
            image, target = torch.from_numpy(images[step % DISTINCT]), torch.from_numpy(targets[step % DISTINCT])
            image = image.to(memory_format=layout)
            optimizer.zero_grad()
            with casting():
                result = network(image)
            loss = loss_function(result.float(), target)
            loss.backward()
            optimizer.step()
            loss.item()
            step += 1
            turn.done(batch)
