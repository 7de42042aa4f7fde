"""How Paddle's layers become nodes of chains, and whole blocks become chains. The classes are never constructed:
`accelerate` (fast_layers.py) changes the class of a layer; parameters, names, buffers, hooks, state_dict stay its own.

A new layer: a kind of node (nodes.py), a class here that says which node it is, one line in LINKS.
"""

import functools
from collections.abc import Callable
from dataclasses import replace

import paddle
from paddle import nn

from paddle_models.fast import chains, onednn
from paddle_models.fast.chains import Symbol, Trace, Untraceable
from paddle_models.fast.convolution import Convolution, Geometry
from paddle_models.fast.nodes import Activation, Enlarge, Norm, Pool, Shuffle, Slopes


class Link:
    """A layer that notes itself where it meets a Symbol. Gradients of first order only (no gradient of a gradient)."""

    def node(self) -> tuple:
        """(kind of node, tensors, states); Untraceable says in words why the layer is not covered."""
        raise NotImplementedError

    def forward(self, x):
        return x.then(*self.node()) if isinstance(x, Symbol) else self.ordinary(x)

    def ordinary(self, x):
        """Paddle's own forward pass; not by `super()`, which Paddle's tracing takes for that of type(self)."""
        return ORDINARY[type(self)].forward(self, x)


class LoneLink(Link):
    """One that is worth the way to oneDNN even without a chain around it."""

    def forward(self, x):
        if isinstance(x, Symbol):
            return x.then(*self.node())
        if not paddle.in_dynamic_mode() or not self._covers(x):
            return self.ordinary(x)
        return _run(lambda symbol: symbol.then(*self.lone_node()), self.ordinary, x)

    def lone_node(self) -> tuple:
        """The same for a chain of this layer alone."""
        return self.node()

    def _covers(self, x: paddle.Tensor) -> bool:
        return x.dtype == paddle.float32 and x.ndim > 0 and 0 not in x.shape


class FastConv2D(LoneLink, nn.Conv2D):
    """Convolution."""

    def node(self) -> tuple:
        if self._data_format != "NCHW" or self._padding_mode != "zeros" or self.weight.dtype != paddle.float32:
            raise Untraceable(f"{self._data_format}, {self._padding_mode} padding, {self.weight.dtype} is not covered")
        return Convolution(Geometry.of(self)), [self.weight] if self.bias is None else [self.weight, self.bias], []

    def lone_node(self) -> tuple:
        kind, *others = self.node()
        return replace(kind, alone=True), *others

    def _covers(self, x: paddle.Tensor) -> bool:
        return super()._covers(x) and x.ndim == 4 and x.shape[1] == self._in_channels and self.weight.dtype == x.dtype


class FastGELU(LoneLink, nn.GELU):
    """GELU."""

    def node(self) -> tuple:
        return Activation("gelu_tanh" if self._approximate else "gelu"), [], []


class FastPReLU(LoneLink, nn.PReLU):
    """PReLU."""

    def node(self) -> tuple:
        if self._data_format != "NCHW" or self._weight.dtype != paddle.float32:
            raise Untraceable(f"PReLU in {self._data_format}, {self._weight.dtype} is not covered")
        return Slopes(self._weight.size), [self._weight], []

    def _covers(self, x: paddle.Tensor) -> bool:
        return super()._covers(x) and x.ndim == 4 and self._weight.size in (1, x.shape[1])


class LinkedBatchNorm2D(Link, nn.BatchNorm2D):
    """BatchNorm."""

    def node(self) -> tuple:
        if self.weight is None or self.bias is None or self._use_global_stats is not None or (
                self._data_format != "NCHW" or self.weight.dtype != paddle.float32):
            raise Untraceable(f"BatchNorm without scale or shift, in {self._data_format}, is not covered")
        kind = Norm(self.weight.shape[0], self._epsilon, self._momentum, self.training)
        return kind, [self.weight, self.bias], [self._mean, self._variance]


class LinkedReLU(Link, nn.ReLU):
    """ReLU."""

    def node(self) -> tuple:
        return Activation("relu"), [], []


class LinkedReLU6(Link, nn.ReLU6):
    """ReLU6."""

    def node(self) -> tuple:
        return Activation("relu6"), [], []


class LinkedLeakyReLU(Link, nn.LeakyReLU):
    """LeakyReLU."""

    def node(self) -> tuple:
        if self._negative_slope < 0:
            raise Untraceable("LeakyReLU of negative slope is not covered")
        return Activation("leaky", self._negative_slope), [], []


class LinkedMaxPool2D(Link, nn.MaxPool2D):
    """Maxima of windows."""

    def node(self) -> tuple:
        return _pool(self, "max", self.return_mask), [], []


class LinkedAvgPool2D(Link, nn.AvgPool2D):
    """Means of windows."""

    def node(self) -> tuple:
        counts_margins = not self.exclusive and self.padding not in (0, (0, 0), [0, 0])
        return _pool(self, "mean", self.divisor or counts_margins), [], []


class LinkedGlobalPool(Link, nn.AdaptiveAvgPool2D):
    """Means of whole images."""

    def node(self) -> tuple:
        if self._output_size not in (1, (1, 1), [1, 1]) or self._data_format != "NCHW":
            raise Untraceable(f"means of {self._output_size} parts are not covered")
        return Pool("mean", None), [], []


class LinkedPixelShuffle(Link, nn.PixelShuffle):
    """Pixel shuffle."""

    def node(self) -> tuple:
        if self._data_format != "NCHW":
            raise Untraceable(f"pixel shuffle in {self._data_format} is not covered")
        return Shuffle(self._upscale_factor), [], []


class FastUpsample(LoneLink, nn.Upsample):
    """Bilinear enlarging by whole factors."""

    def node(self) -> tuple:
        factors = self.scale_factor if isinstance(self.scale_factor, (list, tuple)) else [self.scale_factor] * 2
        plain = self.size is None and not self.align_corners and not self.align_mode
        if not plain or self.mode.lower() != "bilinear" or self.data_format not in (None, "NCHW") or (
                len(factors) != 2 or not all(isinstance(each, int) for each in factors)):
            raise Untraceable("only bilinear enlarging by whole numbers is covered")
        return Enlarge(tuple(factors)), [], []

    def _covers(self, x: paddle.Tensor) -> bool:
        return super()._covers(x) and x.ndim == 4


def _pool(layer: nn.Layer, kind: str, special) -> Pool:
    stride = layer.ksize if layer.stride is None else layer.stride
    numbers = [(each, each) if isinstance(each, int) else tuple(each) for each in (layer.ksize, stride, layer.padding)]
    if special or layer.ceil_mode or layer.data_format != "NCHW" or any(
            len(each) != 2 or not all(isinstance(number, int) for number in each) for each in numbers):
        raise Untraceable("this pooling is not covered")
    return Pool(kind, *numbers)


LINKS = {
    nn.Conv2D: FastConv2D, nn.BatchNorm2D: LinkedBatchNorm2D,
    nn.GELU: FastGELU, nn.PReLU: FastPReLU, nn.ReLU: LinkedReLU, nn.ReLU6: LinkedReLU6, nn.LeakyReLU: LinkedLeakyReLU,
    nn.MaxPool2D: LinkedMaxPool2D, nn.AvgPool2D: LinkedAvgPool2D, nn.AdaptiveAvgPool2D: LinkedGlobalPool,
    nn.PixelShuffle: LinkedPixelShuffle, nn.Upsample: FastUpsample,
}
ORDINARY = {link: ordinary for ordinary, link in LINKS.items()}


class Chained:
    """A block whose `forward` (or `features`) is one chain.

    ordinary: the class that it was. hooks_inside: the hooks of all layers in it.
    """

    ordinary: type
    hooks_inside: list


@functools.cache
def chained(ordinary: type, method: str) -> type:
    """The subclass that runs this method of one image as a chain."""
    plain = getattr(ordinary, method)

    def run_as_chain(self, *inputs, **options):
        if len(inputs) != 1 or options or any(self.hooks_inside):  # a hook wants to see the images inside
            return plain(self, *inputs, **options)
        forward = functools.partial(plain, self)
        return forward(*inputs) if isinstance(inputs[0], Symbol) else _run(forward, forward, *inputs)

    return type(f"Chained{ordinary.__name__}", (Chained, ordinary),
                {"__doc__": ordinary.__doc__, "ordinary": ordinary, method: run_as_chain})


class ChainedParts(Chained, nn.Sequential):
    """A Sequential of which some neighbours are chains: they become one."""

    ordinary = nn.Sequential

    def forward(self, x):
        group: list[nn.Layer] = []
        for layer in (*self.children(), None):
            if isinstance(layer, (Link, Chained)) and not isinstance(layer, ChainedParts) and not _hooked(layer):
                group.append(layer)
                continue
            x = _run(_one_after_the_other(group), _one_after_the_other(group), x) if len(group) > 1 else (
                _one_after_the_other(group)(x))
            x = layer(x) if layer is not None else x
            group = []
        return x


def _hooked(layer: nn.Layer) -> bool:
    own = (layer._forward_pre_hooks, layer._forward_post_hooks)
    return any(own) or any(getattr(layer, "hooks_inside", ()))


def _one_after_the_other(layers: list[nn.Layer]) -> Callable:
    return lambda x: functools.reduce(lambda image, layer: layer(image), layers, x)


def hooks_of(layer: nn.Layer) -> list:
    """The dictionaries that hold the hooks of all layers inside."""
    return [hooks for each in layer.sublayers() for hooks in (each._forward_pre_hooks, each._forward_post_hooks)]


def _run(forward: Callable, otherwise: Callable, x):
    """The chain of `forward`; `otherwise` where it is none, or not for this input."""
    if not isinstance(x, paddle.Tensor) or not paddle.in_dynamic_mode() or x.dtype != paddle.float32 or (
            0 in x.shape or not x.place.is_cpu_place()):
        return otherwise(x)
    try:
        return chains.run(Trace.of(forward), x)
    except (Untraceable, onednn.Failure):
        return otherwise(x)
