"""Chains: several layers as one differentiable operation whose inside stays in oneDNN's layouts.

The network's own `forward` says what a chain is made of: it is run on a `Symbol` in place of an image, and each layer
that can be a node notes itself. The nodes are then written into a program (program.py), once for each shape, and run by
one PyLayer. Whatever else `forward` does with a Symbol raises Untraceable, and everything stays as it was.
"""

import functools
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

import paddle
from paddle.autograd import PyLayer

from paddle_models.fast import onednn
from paddle_models.fast.convolution import Convolution
from paddle_models.fast.nodes import Activation, Add, Kind, Norm, combine
from paddle_models.fast.program import Array, Kept, Program

KEPT_PROGRAMS = 512  # one for each chain and shape of image; a program holds code and addresses, no data


class Untraceable(TypeError):
    """This forward pass does what no chain covers."""


class Node(NamedTuple):
    """images: numbers of the values that it takes, 0 is the chain's input. result: that of the value it gives."""

    kind: Kind
    images: tuple[int, ...]
    result: int


class Symbol:
    """Stands for an image inside a forward pass that is being noted."""

    def __init__(self, trace: "Trace", value: int):
        self._trace, self._value = trace, value

    def then(self, kind: Kind, tensors: Sequence = (), states: Sequence = ()) -> "Symbol":
        """The image after a node."""
        return self._trace.note(kind, (self._value,), tensors, states)

    def __add__(self, other) -> "Symbol":
        if not isinstance(other, Symbol) or other._trace is not self._trace:
            raise Untraceable("a sum with something else")
        return self._trace.note(Add(), (self._value, other._value), (), ())

    def __mul__(self, factor) -> "Symbol":
        """With one number for each channel, (C, 1, 1), right after BatchNorm."""
        return self._trace.scale(self._value, factor)

    def __getattr__(self, name: str):
        raise Untraceable(f"{name} of an inner image")


class Trace:
    """What a forward pass did: nodes, and the Paddle tensors of all of them one after the other."""

    def __init__(self):
        self.nodes: list[Node] = []
        self.tensors: list[paddle.Tensor] = []
        self.states: list[paddle.Tensor] = []

    @classmethod
    def of(cls, forward: Callable) -> "Trace":
        """Of a function of one image; Untraceable where it is no chain."""
        trace = cls()
        try:
            result = forward(Symbol(trace, 0))
        except Exception as error:  # whatever Paddle says of a Symbol; the ordinary way meets a true error, too
            raise Untraceable(f"{type(error).__name__}: {error}") from error
        used = {image for node in trace.nodes for image in node.images} | {len(trace.nodes)}
        if not isinstance(result, Symbol) or result._value != len(trace.nodes) or len(used) != len(trace.nodes) + 1:
            raise Untraceable("more than one result")
        return trace

    def note(self, kind: Kind, images: tuple[int, ...], tensors: Sequence, states: Sequence) -> Symbol:
        self.nodes.append(Node(kind, images, len(self.nodes) + 1))
        self.tensors += tensors
        self.states += states
        return Symbol(self, len(self.nodes))

    def scale(self, value: int, factor) -> Symbol:
        last = self.nodes[-1] if self.nodes and value == len(self.nodes) else None
        if last is None or type(last.kind) is not Norm or last.kind.scaled or not isinstance(factor, paddle.Tensor) or (
                factor.shape != [last.kind.channels, 1, 1]):
            raise Untraceable("a product")
        self.nodes[-1] = last._replace(kind=replace(last.kind, scaled=True))
        self.tensors.append(factor)
        return Symbol(self, value)


def fused(nodes: tuple[Node, ...]) -> list[Node]:
    """The nodes with activations inside those before them, where oneDNN does both at once and none looks between."""
    users = _users(nodes)
    made: dict[int, Node] = {}
    for node in nodes:
        before = made.get(node.images[0])
        kind = _with_activation(before.kind, node.kind) if before and users[before.result] == 1 else None
        if before and kind:
            del made[before.result]
            node = Node(kind, before.images, node.result)
        made[node.result] = node
    return list(made.values())


def _users(nodes) -> dict[int, int]:
    """How many nodes take each value."""
    images = [image for node in nodes for image in node.images]
    return {value: images.count(value) for value in (0, *(node.result for node in nodes))}


def _with_activation(kind: Kind, activation: Kind) -> Kind | None:
    if not isinstance(activation, Activation) or not activation.needs_result():
        return None
    if isinstance(kind, Norm) and activation.name == "relu" and not kind.relu:
        return replace(kind, relu=True)
    if isinstance(kind, (Convolution, Add)) and kind.activation is None:
        return replace(kind, activation=activation)
    return None


@functools.lru_cache(maxsize=KEPT_PROGRAMS)
def program_of(nodes: tuple[Node, ...], shape: tuple[int, ...], kind: int, wanted: tuple[bool, ...]) -> Program:
    """The nodes as a program for images of this shape, in numbers of this kind.

    wanted: whether image and tensors want a gradient; without any there is no backward half.
    """
    return _Writer(fused(nodes), shape, kind, wanted).program.finish()


class _Writer:
    """Writes the nodes of a chain into a program."""

    def __init__(self, nodes: list[Node], shape: tuple[int, ...], kind: int, wanted: tuple[bool, ...]):
        self.program, self.wanted = Program(kind), wanted
        self.values = {0: self.program.outside(onednn.plain(shape), shape)}
        self.tensors = [[self._outside(each) for each in node.kind.tensor_shapes()] for node in nodes]
        self.states = [[self._outside(each) for each in node.kind.state_shapes()] for node in nodes]
        self.saved: dict[int, object] = {}
        last = nodes[-1]
        self._forward(nodes)
        result = self.values[last.result]
        self._hand_out(result, onednn.plain(result.shape), last.kind.needs_result())
        self.program.shape = result.shape
        if any(wanted):
            self.program.turn()
            self.program.outsides[1].extend([self.values[0], *(array for row in self.tensors for array in row)])
            upstream = self.program.outside(onednn.plain(result.shape), result.shape)
            upstream.shared = True  # it is the caller's
            self._backward(nodes, upstream)

    def _outside(self, shape: tuple[int, ...]) -> Array:
        return self.program.outside(onednn.plain(shape), shape)

    def _hand_out(self, array: Array, layout, keep: bool = False) -> Array:
        """The outside array that gets these numbers: this one itself if its layout fits and nobody needs it inside."""
        inner = keep or array.outside or array.base or any(part.base is array for part in self.program.parts)
        if not inner and onednn.same(array.layout, layout):
            return self.program.move_out(array)
        target = self.program.outside(layout, array.shape)
        self.program.copy(array, target)
        return target

    def _forward(self, nodes: list[Node]) -> None:
        users, free = _users(nodes), set()  # free: values that may be overwritten by their only user
        for node, tensors, states in zip(nodes, self.tensors, self.states):
            overwrite = [image in free for image in node.images]
            images = [self.values[image] for image in node.images]
            self.values[node.result], self.saved[node.result] = node.kind.forward(
                self.program, images, tensors, states, overwrite)
            if users[node.result] == 1 and not node.kind.needs_result():
                free.add(node.result)

    def _backward(self, nodes: list[Node], upstream: Array) -> None:
        first = [1]  # where the tensors of each node begin
        for row in self.tensors:
            first.append(first[-1] + len(row))
        needed = {0: self.wanted[0]}
        for node, begin, end in zip(nodes, first, first[1:]):
            needed[node.result] = any(self.wanted[begin:end]) or any(needed[image] for image in node.images)
        gradients, given = {nodes[-1].result: upstream}, {}
        for node, begin, tensors in zip(nodes[::-1], first[-2::-1], self.tensors[::-1]):
            if not needed[node.result]:
                continue
            wanted = [needed[image] for image in node.images] + list(self.wanted[begin:begin + len(tensors)])
            found = node.kind.backward(self.program, self.saved[node.result], gradients.pop(node.result), wanted)
            for image, gradient in zip(node.images, found):
                if gradient is not None and needed[image]:
                    gradients[image] = self._sum(gradients[image], gradient) if image in gradients else gradient
            for i, (tensor, gradient) in enumerate(zip(tensors, found[len(node.images):]), begin):
                if gradient is not None and self.wanted[i]:
                    given[i] = self._hand_out(gradient, tensor.layout)
        if self.wanted[0]:
            given[0] = self._hand_out(gradients[0], self.values[0].layout, gradients[0].shared)
        late = self.program.outsides[1]
        late[late.index(upstream) + 1:] = [given[i] for i in sorted(given)]

    def _sum(self, one: Array, other: Array) -> Array:
        """Of two gradients, in the place of one of them if it is free."""
        x, y = (one, other) if not one.shared else (other, one)
        y = self.program.in_layout(y, x.layout, x.owner)
        result = self.program.array(*x.like()) if x.shared else x
        combine(self.program, onednn.ADD, x, y, result)
        return result


# ---------------------------------------------------------------------- running


_kind = onednn.FLOAT32  # of the numbers inside chains


@contextmanager
def computing_in(kind: int):
    """Chains that begin inside the `with` block compute in onednn.BFLOAT16 or FLOAT32, and so do their gradients."""
    global _kind
    before, _kind = _kind, kind
    try:
        yield
    finally:
        _kind = before


def run(trace: Trace, image: paddle.Tensor) -> paddle.Tensor:
    """The result of a chain for an image (N, C, H, W), with a gradient where one is wanted."""
    tensors = [onednn.contiguous(tensor) for tensor in (image, *trace.tensors)]
    if not paddle.is_grad_enabled() or all(tensor.stop_gradient for tensor in tensors):
        return _forward(trace, _kind, tensors, (False,) * len(tensors))[0]
    order = sorted(range(len(tensors)), key=lambda index: tensors[index].stop_gradient)
    return _Chain.apply(trace, _kind, order, [tensors[index] for index in order])


def _forward(trace: Trace, kind: int, tensors: list, wanted: tuple[bool, ...]) -> tuple[paddle.Tensor, Program, Kept]:
    program = program_of(tuple(trace.nodes), tuple(tensors[0].shape), kind, wanted)
    result = paddle.empty(program.shape, "float32")
    return result, program, program.forward(onednn.addresses(*tensors, *trace.states, result))


class _Chain(PyLayer):
    """The tensors come as one list whose first wants a gradient: Paddle asks for None in place of the whole list where
    its first gets no gradient, and where tensors came one by one, `paddle.grad` of an inner feature map would fail.
    """

    @staticmethod
    def forward(ctx, trace, kind, order, listed):
        tensors = [listed[order.index(index)] for index in range(len(order))]
        ctx.order, ctx.wanted = order, tuple(not tensor.stop_gradient for tensor in tensors)
        ctx.save_for_backward(*tensors)
        result, ctx.program, ctx.kept = _forward(trace, kind, tensors, ctx.wanted)
        return result

    @staticmethod
    def backward(ctx, upstream):
        tensors, upstream = ctx.saved_tensor(), onednn.contiguous(upstream)
        gradients = [paddle.empty(tensor.shape, tensor.dtype) if wanted else None
                     for tensor, wanted in zip(tensors, ctx.wanted)]
        given = [gradient for gradient in gradients if gradient is not None]
        ctx.program.backward(ctx.kept, onednn.addresses(*tensors, upstream, *given))
        return [gradients[index] for index in ctx.order]
