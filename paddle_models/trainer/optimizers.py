"""Optimizers by name, AdamP, and optimizer state under names that survive a restart.

Weight decay leaves out biases and norm parameters, that is every parameter of fewer than two dimensions:
decaying them gains nothing and shrinks BatchNorm's scale. It is decoupled in adamw and adamp, and an L2 term
of the gradient in the others.
"""

import math
from typing import Any

import numpy as np
import paddle
from paddle.base.framework import default_main_program
from paddle.base.layer_helper import LayerHelper
from paddle.optimizer import SGD, Adagrad, Adam, AdamW, Momentum, Optimizer, RMSProp
from paddle.regularizer import L2Decay

from data_tools.errors import KitError
from paddle_models.trainer.settings import OptimizerSettings

NAMES = ("sgd", "momentum", "adagrad", "rmsprop", "adam", "adamw", "adamp")
RMSPROP_DECAY = 0.9  # of the mean square, as in Hinton's lecture
MASTER = "fp32_master"  # name of a float32 master weight among the optimizer's arrays


def build_optimizer(settings: OptimizerSettings, parameters: list[paddle.Tensor], lr: float) -> Optimizer:
    """An optimizer over `parameters` whose rate starts at `lr` and is changed with `set_lr`.

    settings: name, weight_decay, momentum (momentum, rmsprop), nesterov (momentum, adamp), beta1 and beta2
    (adam, adamw, adamp), epsilon (all adaptive ones). Gradients are not clipped here. Raises KitError for an
    unknown name.
    """
    if settings.name not in NAMES:
        raise KitError(f"unknown optimizer {settings.name!r}; there are {', '.join(NAMES)}")
    parameters = list(parameters)
    decoupled = settings.name in ("adamw", "adamp")
    coupled_decay = 0.0 if decoupled else settings.weight_decay
    for parameter in parameters:  # Paddle adds the regularizer's gradient before the update
        parameter.regularizer = L2Decay(coupled_decay) if coupled_decay and decays(parameter) else None

    common: dict[str, Any] = {"learning_rate": float(lr), "parameters": parameters}
    moments: dict[str, Any] = {"beta1": settings.beta1, "beta2": settings.beta2, "epsilon": settings.epsilon}
    if settings.name == "sgd":
        return SGD(**common)
    if settings.name == "momentum":
        return Momentum(momentum=settings.momentum, use_nesterov=settings.nesterov, **common)
    if settings.name == "adagrad":
        return Adagrad(epsilon=settings.epsilon, **common)
    if settings.name == "rmsprop":
        return RMSProp(rho=RMSPROP_DECAY, epsilon=settings.epsilon, momentum=settings.momentum, **common)
    if settings.name == "adam":
        return Adam(**moments, **common)
    if settings.name == "adamw":
        decayed = {parameter.name for parameter in parameters if decays(parameter)}
        return AdamW(weight_decay=settings.weight_decay, apply_decay_param_fun=decayed.__contains__,
                     **moments, **common)
    return AdamP(weight_decay=settings.weight_decay, nesterov=settings.nesterov, **moments, **common)


def decays(parameter: paddle.Tensor) -> bool:
    """True when weight decay applies: matrices and kernels, not biases and norm parameters."""
    return len(parameter.shape) > 1


class AdamP(Optimizer):
    """AdamP (Heo et al., "Slowing Down the Weight Norm Increase in Momentum-based Optimizers",
    arXiv 2006.08217).

    Adam, except that for a weight whose gradient is nearly orthogonal to it (as for all weights before a norm
    layer, where scale does not matter) the part of the update along the weight is projected away and weight
    decay is multiplied by wd_ratio. Near orthogonal means: the largest |cosine| over the output channels, or
    else that of the whole weight, is below delta / sqrt(size). Decay is decoupled and scaled by the learning
    rate, as in the authors' code. Linear weights are (in, out) in Paddle,
    so their channels are columns.
    """

    def __init__(self, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, parameters=None,
                 weight_decay=0.0, delta=0.1, wd_ratio=0.1, nesterov=False, grad_clip=None, name=None):
        super().__init__(learning_rate, parameters, None, grad_clip, name)  # None: no L2 term in the gradient
        self.type = "adamp"
        self._beta1, self._beta2, self._epsilon = beta1, beta2, epsilon
        self._decay, self._delta, self._wd_ratio, self._nesterov = weight_decay, delta, wd_ratio, nesterov
        self._multi_precision = False  # paddle.amp.decorate switches it on for O2
        self._master_weights = {}

    def _keeps_master(self, parameter) -> bool:
        return self._multi_precision and parameter.dtype in (paddle.float16, paddle.bfloat16)

    def _create_accumulators(self, block, parameters):
        for parameter in parameters:
            weight = self._create_master_weight(parameter) if self._keeps_master(parameter) else parameter
            self._add_accumulator("moment1", weight)
            self._add_accumulator("moment2", weight)
            self._add_accumulator("beta1_pow_acc", weight, fill_value=1.0, shape=[1])
            self._add_accumulator("beta2_pow_acc", weight, fill_value=1.0, shape=[1])

    def _append_optimize_op(self, block, param_and_grad):
        parameter, grad = param_and_grad
        weight = self._master_weights[parameter.name] if self._keeps_master(parameter) else parameter
        updated = self._updated(weight, grad.astype(weight.dtype), self._create_param_lr(param_and_grad))
        paddle.assign(updated, weight)
        if weight is not parameter:
            paddle.assign(updated.astype(parameter.dtype), parameter)

    def _updated(self, weight, grad, lr):
        """The weight after one step; the moments are advanced in place."""
        moment1 = self._advance("moment1", weight, self._beta1, grad)
        moment2 = self._advance("moment2", weight, self._beta2, grad * grad)
        correction1 = 1.0 - self._advance("beta1_pow_acc", weight, self._beta1)
        correction2 = 1.0 - self._advance("beta2_pow_acc", weight, self._beta2)
        direction = self._beta1 * moment1 + (1.0 - self._beta1) * grad if self._nesterov else moment1
        update = direction / ((moment2 / correction2).sqrt() + self._epsilon)
        decay = 0.0
        if decays(weight):
            update, ratio = _project(weight, grad, update, self._delta, self._wd_ratio, self._epsilon)
            decay = self._decay * ratio
        return weight * (1.0 - lr * decay) - lr / correction1 * update

    def _advance(self, name, weight, beta, new=None):
        """Accumulator times beta, plus (1 - beta) times `new` where that is given."""
        accumulator = self._accumulators[name][weight.name]
        value = accumulator * beta if new is None else accumulator * beta + new * (1.0 - beta)
        return paddle.assign(value, accumulator)


def _project(weight, grad, update, delta, wd_ratio, epsilon):
    """(update, factor of the weight decay); the projection of section 3 of the paper where it is due."""
    for rows in (_channel_rows, _layer_row):
        w, g, u = rows(weight), rows(grad), rows(update)  # (channels, size) or (1, size)
        norms = w.norm(axis=1, keepdim=True)
        cosine = (w * g).sum(1, keepdim=True).abs() / (norms * g.norm(axis=1, keepdim=True)).clip(min=epsilon)
        if float(cosine.max()) < delta / math.sqrt(w.shape[1]):
            unit = w / (norms + epsilon)
            return _like(weight, u - unit * (unit * u).sum(1, keepdim=True), rows), wd_ratio
    return update, 1.0


def _channel_rows(x):
    return x.t() if x.ndim == 2 else x.flatten(1)  # one row per output channel


def _layer_row(x):
    return x.reshape([1, -1])


def _like(weight, rows, made_by):
    return rows.t() if made_by is _channel_rows and weight.ndim == 2 else rows.reshape(weight.shape)


def optimizer_arrays(optimizer: Optimizer, named_parameters) -> dict[str, np.ndarray]:
    """The optimizer's state as {"structured.name/moment1": array}.

    named_parameters: pairs as `Layer.named_parameters()` gives. Paddle's own keys ("linear_0.w_0_moment1_0")
    hold counters that run through the process, so they name other tensors when layers are created in another
    order. Parameters that were never stepped have no entry.
    """
    return {key: tensor.numpy() for key, tensor in _state_tensors(optimizer, dict(named_parameters)).items()}


def load_optimizer_arrays(optimizer: Optimizer, named_parameters, arrays: dict[str, np.ndarray]) -> None:
    """The counterpart of optimizer_arrays, for a fresh optimizer of the same kind over the same network.

    Raises KitError when the arrays belong to another optimizer or another network.
    """
    parameters = dict(named_parameters)
    stepped = sorted({key.rpartition("/")[0] for key in arrays})
    unknown = [name for name in stepped if name not in parameters]
    if unknown:
        raise KitError(f"optimizer state for {unknown[0]!r}, unknown to this network; resume with its own")
    if optimizer.helper is None:  # Paddle makes it in the first step, which has not come yet
        optimizer.helper = LayerHelper(type(optimizer).__name__)
    block = default_main_program().global_block()
    optimizer._create_accumulators(block, [parameters[name] for name in stepped])
    own = _state_tensors(optimizer, parameters)
    wrong = sorted(own.keys() ^ arrays.keys()) or [k for k in own if tuple(own[k].shape) != arrays[k].shape]
    if wrong:
        raise KitError(f"optimizer state differs at {wrong[0]!r}; resume with the same optimizer and network")
    for key, tensor in own.items():
        tensor.set_value(arrays[key])


def _state_tensors(optimizer: Optimizer, parameters: dict[str, paddle.Tensor]) -> dict[str, paddle.Tensor]:
    """Live state tensors under structured names; beside a master weight, accumulators bear the master's name."""
    names = {parameter.name: name for name, parameter in parameters.items()}
    masters = getattr(optimizer, "_master_weights", {})
    names.update({master.name: names[parameter] for parameter, master in masters.items()})
    kinds = {**optimizer._accumulators, MASTER: masters}
    return {f"{names[parameter]}/{kind}": tensor
            for kind, tensors in kinds.items() for parameter, tensor in tensors.items()}
