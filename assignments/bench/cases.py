"""What is compared: the registry of `python -m assignments bench`.

To add a comparison, add a Case; one of networks needs a Workload in training.py or inference.py, too.
"""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from assignments.bench import images, inference, limit, processes, startup, training
from assignments.bench.turns import Turns
from data_tools.errors import KitError

CONVOLUTIONS, COPIES = "convolutions alone", "copies in memory"  # names of the limits
LEVEL = 0.97  # from which one is level with a rival that computes the same: turns differ by some percent


@dataclass(frozen=True)
class Peer:
    """One side of a comparison. work(turns) prepares itself, then works in each of the turns."""

    name: str
    work: Callable[[Turns], None]


@dataclass(frozen=True)
class Rival:
    """What ours is measured against: one row of the table."""

    peer: Peer
    goal: float | None = None
    """least wanted ratio of speeds, ours / rival's; None: it competes for the case's `best_goal`"""
    note: str = ""
    """shown below the table: why a goal is missed and what was tried"""


@dataclass(frozen=True)
class Case:
    """Ours and its rivals, which take turns. unit: what is counted, in the plural."""

    name: str
    title: str
    unit: str
    ours: Peer
    rivals: tuple[Rival, ...]
    seconds_goal: float | None = None
    """most seconds that one unit of ours may take; then seconds are shown beside the ratio, not units per second"""
    best_goal: float | None = None
    """least wanted ratio to the fastest of the rivals without a goal of their own"""
    numbers: str = "float32"
    """what the networks compute in; each kind has a table of its own, "" is for what is no network"""
    limit: Peer | None = None
    """what the machine could do (limit.py): the table shows which share of it ours reaches"""
    gpu: bool = False
    """whether it needs a GPU; such rows stand in a table of their own"""

    @property
    def peers(self) -> tuple[Peer, ...]:
        """All sides, ours first, the limit last."""
        return (self.ours, *(rival.peer for rival in self.rivals), *([self.limit] if self.limit else []))


def _training(name: str, goal: float, note: str = "") -> Case:
    """The kit's trainer against paddle.Model.fit and PyTorch at its best; `name` is a workload of training.py."""
    return Case(name, f"train {training.WORKLOADS[name].title}", "images", Peer("kit", partial(training.kit, name)), (
        Rival(Peer("plain paddle.Model.fit", partial(training.paddle_default, name)), goal, note),
        Rival(Peer("PyTorch eager", partial(training.pytorch, name))),
        Rival(Peer("PyTorch channels_last", partial(training.pytorch, name, channels_last=True))),
        Rival(Peer("PyTorch channels_last, compiled", partial(training.pytorch, name, channels_last=True,
                                                              compiled=True)))),
                best_goal=1.1, limit=Peer(CONVOLUTIONS, partial(limit.of_training, name, False)))


def _bfloat16(name: str, goal: float = 1.1) -> Case:
    """The same in bfloat16, a case of its own: nothing of it is compared with float32."""
    pytorch = partial(training.pytorch, name, channels_last=True, bfloat16=True)
    return Case(f"{name}-bfloat16", f"train {training.WORKLOADS[name].title}", "images",
                Peer("kit, bfloat16", partial(training.kit_in_bfloat16, name)),
                (Rival(Peer("PyTorch channels_last, bfloat16", pytorch)),
                 Rival(Peer("PyTorch channels_last, bfloat16, compiled", partial(pytorch, compiled=True)))),
                best_goal=goal, numbers="bfloat16", limit=Peer(CONVOLUTIONS, partial(limit.of_training, name, True)))


def _inference(name: str, goal: float, note: str = "") -> Case:
    """The exported network against eager Paddle, PyTorch and other engines at their best; `name` is a workload of
    inference.py."""
    pytorch = partial(inference.pytorch, name)
    return Case(name, f"infer {inference.WORKLOADS[name].title}", "images", Peer("kit", partial(inference.kit, name)), (
        Rival(Peer("eager Paddle", partial(inference.paddle_default, name)), goal, note),
        Rival(Peer("PyTorch eager", pytorch)),
        Rival(Peer("PyTorch channels_last", partial(pytorch, channels_last=True))),
        Rival(Peer("PyTorch channels_last, compiled", partial(pytorch, channels_last=True, compiled=True))),
        Rival(Peer("OpenVINO", partial(inference.openvino, name))),
        Rival(Peer("ONNX Runtime", partial(inference.onnx_runtime, name)))),
                best_goal=LEVEL, limit=Peer(CONVOLUTIONS, partial(limit.of_inference, name, False)))


def _inference_in_bfloat16(name: str) -> Case:
    """The same in bfloat16, a case of its own."""
    pytorch = partial(inference.pytorch, name, channels_last=True, bfloat16=True)
    return Case(f"{name}-bfloat16", f"infer {inference.WORKLOADS[name].title}", "images",
                Peer("kit, bfloat16", partial(inference.kit_in_bfloat16, name)),
                (Rival(Peer("PyTorch channels_last, bfloat16", pytorch)),
                 Rival(Peer("PyTorch channels_last, bfloat16, compiled", partial(pytorch, compiled=True))),
                 Rival(Peer("OpenVINO, bfloat16", partial(inference.openvino, name, precision="bf16")))),
                best_goal=LEVEL, numbers="bfloat16", limit=Peer(CONVOLUTIONS, partial(limit.of_inference, name, True)))


def _amp(name: str, level: str) -> Case:
    """Mixed precision against float32, both by the kit's trainer on a GPU."""
    return Case(f"{name}-{level}", f"train {training.WORKLOADS[name].title}, on a GPU", "images",
                Peer(f"kit, AMP {level}", partial(training.kit_on_gpu, name, level)),
                (Rival(Peer("kit, float32", partial(training.kit_on_gpu, name, "off")), 1.0),), gpu=True)


def _exported(name: str, engine: str, title: str) -> Case:
    """The export against eager Paddle, both on a GPU; `name` is a workload of inference.py."""
    return Case(f"{name}-gpu-{engine}", f"infer {inference.WORKLOADS[name].title}, on a GPU", "images",
                Peer(f"kit, {title}", partial(inference.kit_on_gpu, name, engine)),
                (Rival(Peer("eager Paddle", partial(inference.paddle_default, name, device="gpu:0")), 1.0),), gpu=True)


def _int8(name: str, note: str) -> Case:
    """8 bits against the fastest float32 engine, both of the kit."""
    return Case(f"{name}-int8", f"infer {inference.WORKLOADS[name].title}", "images",
                Peer("kit, 8 bits", partial(inference.kit_in_8_bits, name)),
                (Rival(Peer("kit, fastest float32 engine", partial(inference.kit, name)), note=note),),
                numbers="8 bits")


def _startup(name: str, title: str, command: Sequence[str]) -> Case:
    return Case(name, f"start of `{title}`", "starts", Peer("kit", partial(startup.run, command)),
                (Rival(Peer("import paddle", partial(startup.run, ("-c", "import paddle")))),), seconds_goal=1.0,
                numbers="")


CASES: tuple[Case, ...] = (
    _training("resnet50", goal=4.0),
    Case("two-processes", f"train {training.WORKLOADS['resnet50'].title} in all", "images",
         Peer("kit, two processes of one thread", partial(processes.kit_in_two, "resnet50")),
         (Rival(Peer("kit, one process", partial(training.kit, "resnet50"))),)),
    _training("mobilenet_v2", goal=3.0),
    _training("efficientformer_v2", goal=3.0),
    _training("swift_srgan", goal=2.5),
    _training("glasses", goal=1.0),
    *(_bfloat16(name) for name in training.WORKLOADS if name != "glasses"),
    _bfloat16("glasses", goal=1.0),
    _inference("infer-resnet50", goal=5.0),
    _inference("infer-efficientformer_v2", goal=5.0),
    _inference("infer-swift_srgan", goal=3.0,
               note="Without OpenVINO the kit enlarges the frame in two overlapping halves, which is 13 % more "
                    "work: as a whole its tensors take 8 GB in Paddle Inference."),
    *(_inference_in_bfloat16(name) for name in inference.WORKLOADS),
    _int8("infer-resnet50",
          note="Accuracy is not shown by random weights; `export --int8` measures it on the run's own images "
                                 "and keeps no 8-bit network where more than 0.3 points are lost. On the monkeys' "
                                 "MobileNetV2 "
                                 "(preset best, photographs, no mirror image): 131 of 137 right in 8 bits, 130 in "
                                 "float32."),
    _int8("infer-efficientformer_v2",
          note="`export --int8` on S0 with the kit's face weights: 89.55 % of 1,000 CelebA images in 8 "
                                           "bits, 89.58 % in float32; but slower: its many small operators go to and "
                                           "from 8 "
                                           "bits all the time."),
    Case("augmentation", "monkey augmentation, 224x224, per core", "images",
         Peer("kit", images.augment_as_kit),
         (Rival(Peer("document: pipeline rebuilt and reseeded per image", images.augment_as_document), 6.0),),
         numbers=""),
    Case("packed-store", "shuffled epoch of 224x224 uint8 batches, per core", "images",
         Peer("packed store", images.read_store),
         (Rival(Peer("JPEGs decoded and resized each epoch (OpenCV)", images.decode_each_epoch), 20.0),),
         numbers="", limit=Peer(COPIES, partial(limit.of_memory, images.SIDE))),
    Case("records", "shuffled epoch of 32x32 uint8 batches, per core", "images",
         Peer("TFRecord shards", images.read_records),
         (Rival(Peer("128x128 PNGs decoded and resized each epoch (OpenCV)", images.decode_faces_each_epoch), 20.0),),
         numbers="", limit=Peer(COPIES, partial(limit.of_memory, images.FACE_SIDE))),
    _startup("help", "run.py --help", ("assignments/monkey_species/run.py", "--help")),
    _startup("list", "python -m assignments list", ("-m", "assignments", "list")),
    *(_amp(name, level) for name in training.WORKLOADS for level in ("O1", "O2")),
    *(_exported(name, engine, title) for name in inference.WORKLOADS
      for engine, title in (("paddle", "Paddle Inference"), ("tensorrt", "TensorRT"))),
)


DOCUMENTS = ("growth", "scale")  # asked for by name, too, but no rows of the table


def find_case(name: str) -> Case:
    """The case of that name; KitError with the nearest one."""
    cases = {case.name: case for case in CASES}
    if name not in cases:
        known = (*cases, *DOCUMENTS)
        near = difflib.get_close_matches(name, known, 1)
        raise KitError(f"bench {name}: no such case{f' - did you mean {near[0]}?' if near else ''}; there are "
                       f"{', '.join(known)}")
    return cases[name]
