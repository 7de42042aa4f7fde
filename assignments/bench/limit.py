"""The limit: what this machine could do if a network were its convolutions alone, or a data set a copy in memory.

Each convolution (and linear layer, as one of 1x1) runs in oneDNN with all arrays in the layouts that it prefers;
normalisation, activations, attention's products, conversions and the optimizer cost nothing.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from assignments.bench import inference, training
from assignments.bench.networks import NETWORKS
from assignments.bench.turns import Absent, Turns

CONVERSION = "reorder_primitive_desc"


def of_training(name: str, bfloat16: bool, turns: Turns) -> None:
    """Convolutions of a training step: forward, gradient of the image (the first layer's left out) and of weights."""
    workload = training.WORKLOADS[name]
    side, batch = workload.sizes(turns.quick)
    _repeat(workload.network, side, (batch, 3, side, side), True, bfloat16, turns)


def of_inference(name: str, bfloat16: bool, turns: Turns) -> None:
    """Convolutions of a forward pass."""
    workload = inference.WORKLOADS[name]
    shape = workload.shape(turns.quick)
    _repeat(workload.network, shape[-1], shape, False, bfloat16, turns)


def of_memory(side: int, turns: Turns) -> None:
    """Copies of uint8 images (side, side, 3) from one place in memory to another, one core."""
    images = np.zeros((max(1, 2**28 // (3 * side**2)), side, side, 3), "uint8")  # 256 MB, beyond any cache
    images += 1  # pages exist
    copy = np.empty_like(images)
    turns.clock = time.process_time
    for turn in turns:
        while turn.lasts():
            np.copyto(copy, images)
            turn.done(len(images))


def _repeat(network: str, side: int, shape: tuple[int, ...], train: bool, bfloat16: bool, turns: Turns) -> None:
    from paddle_models.environment import threads
    from paddle_models.fast import onednn
    from paddle_models.trainer import runtime

    runtime.start("cpu")
    if bfloat16 and not onednn.multiplies_bfloat16():
        raise Absent("this processor does not multiply bfloat16 numbers")
    programs = _programs(NETWORKS[network].paddle(side), shape, train, bfloat16)
    turns.note = f"{len(programs)} convolutions; {threads()} threads"
    addresses = _Addresses()
    for turn in turns:
        while turn.lasts():
            for program in programs:
                kept = program.forward(addresses.of(program.outsides[0]))
                if train:
                    program.backward(kept, addresses.of(program.outsides[1]))
            turn.done(shape[0])


class _Addresses:
    """One block of memory that stands for every array from outside."""

    def __init__(self) -> None:
        from paddle_models.fast.program import Block

        self.block = Block(0)
        self.new: Callable[[int], Any] = Block

    def of(self, arrays: list) -> list[int]:
        from paddle_models.fast import onednn

        largest = max(onednn.size(array.layout) for array in arrays)
        if largest > self.block.size:
            self.block = self.new(largest)
        return [self.block.address] * len(arrays)


def _programs(network: Any, shape: tuple[int, ...], train: bool, bfloat16: bool) -> list[Any]:
    """A program for each convolution that an image meets, without the steps that convert layouts."""
    import paddle

    from paddle_models.fast import onednn
    from paddle_models.fast.chains import Node, program_of
    from paddle_models.fast.convolution import Convolution

    kind = onednn.BFLOAT16 if bfloat16 else onednn.FLOAT32
    found = []
    for geometry, image in _met(network, paddle.zeros(shape)):
        node = Node(Convolution(geometry), (0,), 1)
        tensors = len(node.kind.tensor_shapes())
        wanted = (train and bool(found), *[train] * tensors)  # the first layer's image is data
        program = program_of((node,), image, kind, wanted)
        program.leave_out(CONVERSION)
        found.append(program)
    return found


def _met(network: Any, image: Any) -> list[tuple[Any, tuple[int, ...]]]:
    """(geometry, shape of the image) of each convolution and linear layer, in the order in which they are met."""
    import paddle
    from paddle import nn

    from paddle_models.fast.convolution import Geometry

    met: list[tuple[Any, tuple[int, ...]]] = []

    def note(layer, inputs, _output) -> None:
        if isinstance(layer, nn.Conv2D):
            met.append((Geometry.of(layer), tuple(inputs[0].shape)))
        else:
            rows, (inner, outer) = int(np.prod(inputs[0].shape[:-1])), layer.weight.shape
            met.append((Geometry((outer, inner, 1, 1), True, (1, 1), 0, (1, 1), 1), (rows, inner, 1, 1)))

    hooks = [layer.register_forward_post_hook(note) for layer in network.sublayers()
             if isinstance(layer, (nn.Conv2D, nn.Linear))]
    network.eval()
    with paddle.no_grad():
        network(image)
    for hook in hooks:
        hook.remove()
    return met
