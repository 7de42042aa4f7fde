"""Chains in bfloat16, on processors that multiply such numbers (AVX512_BF16, AMX).

Images inside chains and what is multiplied are bfloat16. Weights, statistics, gradients of weights and whatever lies
outside of chains are float32.
"""

from contextlib import AbstractContextManager

from paddle import nn

from paddle_models.fast import chains, fast_layers, onednn
from paddle_models.fast.chains import Trace, Untraceable, fused
from paddle_models.fast.layers import Chained, Link
from paddle_models.fast.nodes import Kind


def computing_in_bfloat16() -> AbstractContextManager:
    """Chains whose forward pass begins inside the `with` block compute in bfloat16."""
    return chains.computing_in(onednn.BFLOAT16)


def obstacle(network: nn.Layer) -> str:
    """Why an accelerated network is not to compute in bfloat16, or an empty text.

    Its kinds of nodes are compared with eager float32 Paddle, as `accelerate` does in float32.
    """
    layers = network.sublayers(include_self=True)
    if not any(isinstance(layer, (Link, Chained)) for layer in layers):
        return "it is for fast layers, and this network has none"
    if not onednn.multiplies_bfloat16():
        return "this processor has neither AVX512_BF16 nor AMX, or ONEDNN_MAX_CPU_ISA forbids them"
    kinds = {layer.node()[0] for layer in layers if isinstance(layer, Link)}
    kinds.update(kind for layer in layers if isinstance(layer, Chained) for kind in _kinds(layer))
    verdicts = [fast_layers.verdict(kind, onednn.BFLOAT16) for kind in kinds]
    return next((verdict for verdict in verdicts if isinstance(verdict, str)), "")


def _kinds(block: Chained) -> list[Kind]:
    """Of the nodes of the block as a chain; none where it is one in parts only."""
    for method in fast_layers.METHODS:
        try:
            return [node.kind for node in fused(tuple(Trace.of(getattr(block, method)).nodes))]
        except (Untraceable, AttributeError):
            continue
    return []
