"""The exercises of back-propagation: random inputs, the reference of by_hand/, and what typical mistakes would give."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from assignments.backprop import exercises_autograd, student
from assignments.backprop.by_hand import backprop, descent, practice
from assignments.backprop.by_hand.backprop import Activation, Network, Output
from assignments.common.exercise_rows import declared, driver_text, solved_texts, special_text
from reports.grading.exercises import Exercise, Exercises

Generator = np.random.Generator
TEXTS = {
    "slope-forgotten": ("the derivative of the activation is forgotten", "忘了乘激活函数的导数"),
    "slope-too-much": ("the derivative of the activation is multiplied in, which has cancelled here",
                       "多乘了激活函数的导数，它在这里已经约掉"),
    "slope-of-z": ("the slope is asked for the value h; this takes h for the net input z",
                   "要由函数值 h 求斜率；这里把 h 当成了净输入 z"),
    "not-transposed": ("the weights have to be transposed to lead back", "反向传播时权重矩阵需要转置"),
    "axis": ("the sum runs over the examples, not over the outputs of each", "求和沿样本方向，而不是沿每个样本的输出"),
    "mean-outputs": ("the mean over the outputs, where the sum is asked for", "对输出取了平均，而要求的是求和"),
    "one-term": ("the term of (1 - t) is missing", "缺少 (1 - t) 的那一项"),
    "no-log": ("the logarithm is missing", "缺少对数"),
    "one-sided": ("one-sided differences, where central ones are asked for", "用了单侧差分，而要求的是中心差分"),
    "backward": ("differences to the left alone, where central ones are asked for",
                 "只用了左侧差分，而要求的是中心差分"),
    "no-minus": ("the minus before z is missing", "z 前面缺少负号"), "tanh": ("that is tanh", "这是 tanh"),
    "tanh-slope": ("that is the slope of tanh", "这是 tanh 的斜率"),
    "no-exp": ("the exponential is missing", "缺少指数函数"),
    "all-rows": ("all rows together sum to 1; each row is to", "所有行之和为 1；应每行之和为 1"),
    "absolute": ("absolute differences in place of squares", "用了绝对差，而不是平方"),
    "no-examples": ("the inputs are not used: dE/dw is a sum of products with them",
                    "没有用到输入：dE/dw 是与输入的乘积之和"),
    "mean-bias": ("dE/db is a mean; the sum over the examples is asked for", "dE/db 取了平均；应对样本求和"),
    "first-output": ("w32 leads to the second output, not to the first", "w32 通向第二个输出，而不是第一个"),
    "bias": ("the biases are forgotten", "忘了加偏置"),
    "last-activated": ("the last layer is activated too; its net inputs are asked for",
                       "最后一层也加了激活；要求的是它的净输入"),
    "not-activated": ("the hidden layers are not activated", "隐藏层没有激活"),
    "gradients-summed": ("the gradients are summed over the examples, where their mean is asked for",
                         "对样本的梯度求了和，而要求的是平均"),
    "reversed": ("the order of the arrays is reversed", "数组的顺序颠倒了"),
    "uphill": ("it goes up the gradient, not down", "沿梯度上升，而不是下降"),
    "no-rate": ("the learning rate is forgotten", "忘了乘学习率"),
    "paddle-momentum": ("Paddle's momentum, where the learning rate stands outside of V; the slides have it inside",
                        "这是 Paddle 的动量（学习率在 V 之外）；课件中学习率在 V 之内"),
    "no-memory": ("nothing is kept in state from step to step", "没有把状态保存到下一步"),
    "paddle-epsilon": ("Paddle's epsilon, which the slides do not have", "加了 Paddle 的 epsilon，课件中没有"),
    "no-complement": ("the factor 1 - gamma is forgotten", "忘了系数 1 - gamma"),
    "no-root": ("the root is forgotten", "忘了开根号"),
    "epsilon-outside": ("epsilon stands outside the root, as in Paddle; the slides have it inside",
                        "epsilon 在根号外（如 Paddle）；课件中在根号内"),
    "no-correction": ("the bias correction is missing", "缺少偏差修正"),
    "from-zero": ("the bias correction counts from 0; the first step is 1", "偏差修正从 0 开始计数；第一步应为 1"),
    "one-correction": ("only one of M and R is corrected", "M 与 R 只修正了一个"),
    "sizes": ("the pieces do not have the size asked for", "各段的大小不符合要求"),
    "last-dropped": ("the last, shorter piece is missing", "缺少最后较短的一段"),
    "replacement": ("some numbers come twice, others never", "有的数出现两次，有的没有出现"),
    "in-order": ("the order is not random", "顺序不是随机的"),
    "own-generator": ("the order is the same whatever generator is given", "无论给定哪个生成器，顺序都相同"),
    "without-h": ("dy2/dw32 is forgotten", "忘了 dy2/dw32"),
    "other-unit": ("w32 leads from another unit", "w32 不是从这个单元出发的"),
    "shapes": ("the parameters are not [w0, b0, w1, b1] of one hidden layer, float arrays",
               "参数不是一个隐藏层网络的浮点数组 [w0, b0, w1, b1]"),
    "learns-little": ("fewer than 90 % of other digits are right", "其他数字的正确率不足 90 %"),
    "nearly": ("90 % of other digits are right, not yet 95 %", "其他数字的正确率达到 90 %，但不足 95 %"),
}
RULES: dict[str, dict[str, tuple[float, float]]] = {
    "sgd": {}, "momentum": {"mu": (0.5, 0.9)}, "adagrad": {}, "rmsprop": {"gamma": (0.5, 0.9)},
    "adam": {"beta1": (0.5, 0.9), "beta2": (0.6, 0.95), "epsilon": (0.05, 0.2)}}


# ---- inputs


def _numbers(*shape: int, scale: float = 1.0) -> Callable[[Generator], list[Any]]:
    return lambda rng: [rng.normal(0, scale, shape)]


def _probabilities(rng: Generator, *shape: int) -> np.ndarray:
    values = rng.uniform(0.05, 1, shape)
    return values / values.sum(axis=-1, keepdims=True)


def _logits(rng: Generator, scale: float = 2.0) -> list[Any]:
    return [rng.normal(0, scale, (6, 4)), _probabilities(rng, 6, 4)]


def _logits_of_two(rng: Generator, scale: float = 2.0) -> list[Any]:
    return [rng.normal(0, scale, (6, 4)), rng.uniform(0, 1, (6, 4))]


def _outputs(rng: Generator) -> list[Any]:
    return [rng.uniform(0.05, 0.95, (6, 4)), rng.uniform(0, 1, (6, 4))]


def _layer(rng: Generator) -> list[Any]:
    return [rng.normal(0, 1, (6, 4)), rng.normal(0, 1, (4, 4)), rng.uniform(0.1, 1, (6, 4))]


def _cubic(rng: Generator) -> list[Any]:
    return [*rng.normal(0, 1, (3, 2, 3)), float(rng.uniform(0.01, 0.02))]


def _deep(rng: Generator) -> tuple[str, str, np.ndarray, np.ndarray, list[np.ndarray]]:
    output, hidden = rng.choice(["SOFTMAX", "LOGISTIC"]), rng.choice(["SIGMOID", "TANH"])
    parameters = backprop.initial_parameters((5, 4, 4, 3), rng)
    parameters = [array + rng.normal(0, 0.3, array.shape) for array in parameters]
    return str(output), str(hidden), rng.normal(0, 1, (7, 5)), _probabilities(rng, 7, 3), parameters


def _forward(rng: Generator) -> list[Any]:
    output, hidden, x, _, parameters = _deep(rng)
    return [output, hidden, x, *parameters]


def _gradients(rng: Generator) -> list[Any]:
    output, hidden, x, t, parameters = _deep(rng)
    return [output, hidden, x, t, *parameters]


def _steps(name: str, rng: Generator, still: bool = False) -> list[Any]:
    settings = {key: float(rng.uniform(*bounds)) for key, bounds in RULES[name].items()}
    slopes = rng.normal(0, 1, (4, 3, 2))
    slopes[:, :, 1] *= not still  # a weight that never has a gradient: 0/0
    return [name, settings, rng.uniform(0.05, 0.2, 4), rng.normal(0, 1, (3, 2)), *slopes]


def _digits(seed: int) -> tuple[np.ndarray, ...]:
    """x (1347, 64) less its mean, one-hot t, and 450 others alike: a split that only the grader's seed decides."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(x))
    x, t = x[order] / 16.0, np.eye(10)[y[order]]
    x = x - x[450:].mean(axis=0)
    return x[450:], t[450:], x[:450], t[:450]


def _some_digits(rng: Generator) -> list[Any]:
    seed = int(rng.integers(1 << 31))
    return [*_digits(seed)[:2], seed]


def _hidden_outputs(rng: Generator) -> list[Any]:
    return [rng.normal(0, 1, (5, 3)), _probabilities(rng, 5, 2), _probabilities(rng, 5, 2)]


# ---- the reference, and what mistakes give


def _network(output: str, hidden: str, parameters: Sequence[np.ndarray]) -> Network:
    return Network(parameters, getattr(backprop, output), getattr(backprop, hidden))


def _forward_of(output: str, hidden: str, x: np.ndarray, *parameters: np.ndarray) -> list[np.ndarray]:
    return _network(output, hidden, parameters).forward(x)


def _gradients_of(output: str, hidden: str, x: np.ndarray, t: np.ndarray, *parameters: np.ndarray) -> list[Any]:
    loss, found = _network(output, hidden, parameters).gradients(x, t)
    return [np.float64(loss), *found]


def _without_bias(output: str, hidden: str, x: np.ndarray, *parameters: np.ndarray) -> list[np.ndarray]:
    return _forward_of(output, hidden, x, *(array * (array.ndim > 1) for array in parameters))


def _last_activated(output: str, hidden: str, x: np.ndarray, *parameters: np.ndarray) -> list[np.ndarray]:
    *values, z = _forward_of(output, hidden, x, *parameters)
    return [*values, getattr(backprop, output).function(z)]


def _gradients_with(change: Callable[[Output, Activation], tuple[Output, Activation]]) -> Callable[..., list[Any]]:
    """The gradients of a network whose output or activation is another."""
    def gradients(output: str, hidden: str, x: np.ndarray, t: np.ndarray, *parameters: np.ndarray) -> list[Any]:
        loss, found = Network(parameters, *change(getattr(backprop, output), getattr(backprop, hidden))).gradients(x, t)
        return [np.float64(loss), *found]

    return gradients


def _no_slope(output: Output, hidden: Activation) -> tuple[Output, Activation]:
    return output, Activation("", hidden.function, np.ones_like)


def _slope_too_much(output: Output, hidden: Activation) -> tuple[Output, Activation]:
    return Output("", output.function, output.loss, backprop.squared_error_delta), hidden


def _summed(output: str, hidden: str, x: np.ndarray, *others: np.ndarray) -> list[Any]:
    loss, *found = _gradients_of(output, hidden, x, *others)
    return [loss, *(len(x) * array for array in found)]


def _reversed(*case: Any) -> list[Any]:
    loss, *found = _gradients_of(*case)
    return [loss, *found[::-1]]


def _descended(rule: Callable[..., Any], name: str, settings: dict[str, float], rates: np.ndarray, w: np.ndarray,
               *slopes: np.ndarray) -> list[np.ndarray]:
    state: dict[str, Any] = {}
    found = []
    with np.errstate(all="ignore"):
        for rate, gradient in zip(rates, slopes):
            w = rule(w, gradient, state, lr=float(rate), **settings)
            found.append(w)
    return found


def _forgetful(rule: Callable[..., Any]) -> Callable[..., Any]:
    return lambda w, gradient, state, **settings: rule(w, gradient, {}, **settings)


def _paddle_momentum(w, gradient, state, lr, mu):
    state["v"] = mu * state.get("v", 0.0) + gradient
    return w - lr * state["v"]


def _mean_square(w, gradient, state, lr, gamma=1.0, new=1.0, inside=0.0, outside=0.0, power=0.5):
    """AdaGrad and RMSProp with what students change in them."""
    state["s"] = gamma * state.get("s", 0.0) + new * gradient**2
    return w - lr * gradient / ((state["s"] + inside) ** power + outside)


def _other_adam(w, gradient, state, lr, beta1, beta2, epsilon, outside=False, of_m=True, of_r=True, first=1):
    state["t"] = state.get("t", first - 1) + 1
    state["m"] = beta1 * state.get("m", 0.0) + (1 - beta1) * gradient
    state["r"] = beta2 * state.get("r", 0.0) + (1 - beta2) * gradient**2
    m = state["m"] / np.float64(1 - beta1 ** state["t"] if of_m else 1)
    r = state["r"] / np.float64(1 - beta2 ** state["t"] if of_r else 1)
    return w - lr * m / (np.sqrt(r) + epsilon if outside else np.sqrt(r + epsilon))


def _of_rule(points: float, name: str, special: bool = False, **wrong: Callable[..., Any]) -> Exercise:
    rule = getattr(descent, name)
    made = {key.replace("_", "-"): partial(_descended, other) for key, other in wrong.items()}
    return Exercise(name, "descent", points, partial(_steps, name), partial(_descended, rule), "rule",
                    partial(_steps, name, still=True) if special else None,
                    {**made, "uphill": partial(_uphill, rule), "no-rate": partial(_without_rate, rule)})


def _uphill(rule: Callable[..., Any], name: str, settings: Any, rates: np.ndarray, w: np.ndarray, *slopes: np.ndarray):
    return _descended(rule, name, settings, -rates, w, *slopes)


def _without_rate(rule: Callable[..., Any], name: str, settings: Any, rates: np.ndarray, w: np.ndarray, *slopes: Any):
    return _descended(rule, name, settings, np.ones_like(rates), w, *slopes)


# ---- judged by what they do


def _judge_batches(case: Sequence[Any], value: Any) -> tuple[float, str]:
    n, size, _ = case
    if value is None:
        return 0.0, "nothing"
    if not isinstance(value, (list, tuple)) or not all(isinstance(piece, np.ndarray) and piece.ndim == 1
                                                       and piece.dtype.kind in "iu" for piece in value):
        return 0.0, "parts"
    sizes, order = [len(piece) for piece in value], np.concatenate([np.zeros(0, int), *value])
    wanted = [size] * (n // size) + [n % size] * (n % size > 0)
    if sizes != wanted:
        return 0.1 * (len(sizes) > 0), "last-dropped" if sizes == wanted[:-1] else "sizes"
    if not np.array_equal(np.sort(order), np.arange(n)):
        return 0.15, "replacement"
    return (0.4, "in-order") if np.array_equal(order, np.arange(n)) else (1.0, "")


def _judge_digits(case: Sequence[Any], value: Any) -> tuple[float, str]:
    *_, seed = case
    _, _, x, t = _digits(seed)
    if not isinstance(value, (list, tuple)) or len(value) != 4 or not all(
            isinstance(array, np.ndarray) and array.dtype.kind == "f" for array in value):
        return 0.0, "shapes"
    hidden = value[1].size
    if [array.shape for array in value] != [(64, hidden), (hidden,), (hidden, 10), (10,)]:
        return 0.0, "shapes"
    with np.errstate(all="ignore"):
        z = Network([array.astype(np.float64) for array in value], backprop.SOFTMAX, backprop.RELU).forward(x)[-1]
    right = float((z.argmax(axis=1) == t.argmax(axis=1)).mean()) if np.isfinite(z).all() else 0.0
    return (1.0, "") if right >= 0.95 else (0.5, "nearly") if right >= 0.9 else (0.0, "learns-little")


# ---- all of them


def _one_sided(sign: int) -> Callable[..., np.ndarray]:
    def gradient(a: np.ndarray, b: np.ndarray, w: np.ndarray, step: float) -> np.ndarray:
        loss, found = _loss(a, b), np.empty_like(w)
        for index in np.ndindex(w.shape):
            other = w.copy()
            other[index] += sign * step
            found[index] = sign * (loss(other) - loss(w)) / step
        return found

    return gradient


def _loss(a: np.ndarray, b: np.ndarray) -> Callable[[np.ndarray], float]:
    return lambda v: float((a * v**3).sum() + (b * v).sum() ** 2)


def _central(a: np.ndarray, b: np.ndarray, w: np.ndarray, step: float) -> np.ndarray:
    return backprop.numerical_gradient(_loss(a, b), w, step)


B = backprop
FUNCTIONS = (
    Exercise("sigmoid", "backprop", 3, _numbers(4, 3, scale=2), B.sigmoid, special=_numbers(9, scale=2000),
             mistakes={"no-minus": lambda z: B.sigmoid(-z), "tanh": np.tanh},
             public=[np.array([0.5932699921, 0.7513650695, 0.5])]),
    Exercise("sigmoid_slope", "backprop", 2, lambda rng: [rng.uniform(0, 1, (4, 3))], B.sigmoid_slope,
             mistakes={"slope-of-z": lambda h: B.sigmoid_slope(B.sigmoid(h)), "tanh-slope": lambda h: 1 - h**2},
             public=[np.array([0.1868156016, 0.25, 0.0])]),
    Exercise("softmax", "backprop", 6, _numbers(5, 4), B.softmax, special=_numbers(5, 4, scale=2000),
             mistakes={"axis": lambda z: B.softmax(z.T).T, "no-exp": lambda z: z / z.sum(axis=-1, keepdims=True),
                       "all-rows": lambda z: B.softmax(z.reshape(1, -1)).reshape(z.shape)},
             public=[np.array([[0.25, 0.75], [0.5, 0.5]])]),
    Exercise("squared_error", "backprop", 2, _outputs, B.squared_error, public=[np.array([0.2983711089, 2.5])],
             mistakes={"mean-outputs": lambda o, t: ((o - t) ** 2).mean(axis=-1),
                       "axis": lambda o, t: 0.5 * ((o - t) ** 2).sum(axis=0),
                       "absolute": lambda o, t: np.abs(o - t).sum(axis=-1)}),
    Exercise("logistic_loss", "backprop", 5, _logits_of_two, B.logistic_loss,
             special=partial(_logits_of_two, scale=2000),
             mistakes={"one-term": lambda z, t: -(t * np.log(B.sigmoid(z))).sum(axis=-1),
                       "mean-outputs": lambda z, t: B.logistic_loss(z, t) / z.shape[-1]}),
    Exercise("softmax_cross_entropy", "backprop", 5, _logits, B.softmax_cross_entropy,
             special=partial(_logits, scale=2000), public=[np.array([1.3862943611, 0.6931471806])],
             mistakes={"no-log": lambda z, t: -(t * B.softmax(z)).sum(axis=-1),
                       "mean-outputs": lambda z, t: B.softmax_cross_entropy(z, t) / z.shape[-1],
                       "axis": lambda z, t: -(t * np.log(B.softmax(z.T).T)).sum(axis=-1)}),
    Exercise("squared_error_delta", "backprop", 4, _outputs, B.squared_error_delta,
             mistakes={"slope-forgotten": lambda o, t: o - t}, public=[np.array([[0.1384985620, -0.0380982362]])]),
    Exercise("cross_entropy_delta", "backprop", 2, _outputs, B.cross_entropy_delta,
             mistakes={"slope-too-much": B.squared_error_delta},
             public=[np.array([[0.2, 0.3, -0.5], [-0.4, 0.3, 0.1]])]),
    Exercise("hidden_delta", "backprop", 5, _layer, B.hidden_delta,
             mistakes={"slope-forgotten": lambda delta, w, slope: delta @ w.T,
                       "not-transposed": lambda delta, w, slope: (delta @ w) * slope}),
    Exercise("layer_gradient", "backprop", 4, lambda rng: [rng.normal(0, 1, (6, 4)), rng.normal(0, 1, (6, 3))],
             B.layer_gradient,
             mistakes={"no-examples": lambda x, delta: B.layer_gradient(np.ones_like(x), delta),
                       "mean-bias": lambda x, delta: (x.T @ delta, delta.mean(axis=0))}),
    Exercise("numerical_gradient", "backprop", 4, _cubic, _central, "numerical_gradient", tolerance=1e-6,
             mistakes={"one-sided": _one_sided(1), "backward": _one_sided(-1)}),
    Exercise("Network.forward", "backprop", 5, _forward, _forward_of, "forward",
             mistakes={"bias": _without_bias, "last-activated": _last_activated,
                       "not-activated": lambda output, hidden, *more: _forward_of(output, "LINEAR", *more)}),
    Exercise("Network.gradients", "backprop", 8, _gradients, _gradients_of, "gradients",
             mistakes={"gradients-summed": _summed, "reversed": _reversed,
                       "slope-forgotten": _gradients_with(_no_slope),
                       "slope-too-much": _gradients_with(_slope_too_much)}),
    _of_rule(2, "sgd"),
    _of_rule(3, "momentum", paddle_momentum=_paddle_momentum, no_memory=_forgetful(descent.momentum)),
    _of_rule(3, "adagrad", True, no_memory=_forgetful(descent.adagrad),
             paddle_epsilon=partial(_mean_square, outside=1e-6), no_root=partial(_mean_square, power=1.0)),
    _of_rule(3, "rmsprop", True, no_memory=_forgetful(descent.rmsprop), no_complement=_mean_square,
             paddle_epsilon=lambda *case, gamma, lr: _mean_square(*case, lr, gamma, 1 - gamma, inside=1e-6)),
    _of_rule(6, "adam", epsilon_outside=partial(_other_adam, outside=True),
             no_correction=partial(_other_adam, of_m=False, of_r=False), from_zero=partial(_other_adam, first=0),
             one_correction=partial(_other_adam, of_r=False), no_memory=_forgetful(descent.adam)),
    Exercise("mini_batches", "descent", 2, lambda rng: [53, 8, int(rng.integers(1 << 31))], driver="mini_batches",
             judge=_judge_batches),
    Exercise("dl_dw32", "practice", 3, _hidden_outputs, practice.dl_dw32,
             mistakes={"without-h": lambda h, o, t: o[:, 1] - t[:, 1],
                       "other-unit": lambda h, o, t: h[:, 1] * (o[:, 1] - t[:, 1]),
                       "first-output": lambda h, o, t: h[:, 2] * (o[:, 0] - t[:, 0])}),
    Exercise("train_digits", "practice", 3, _some_digits, driver="train_digits", judge=_judge_digits, cases=1),
)
ENGINE, ENGINE_TEXTS = declared("backprop", exercises_autograd.FUNCTIONS)
EXERCISES = Exercises("backprop", (*FUNCTIONS, *ENGINE), student.MODULES, driver_text("backprop"),
                      {**TEXTS, **ENGINE_TEXTS, **{key: text for row in student.read_exercises()
                                                         for key, text in special_text(row).items()}},
                      {row["name"]: {"en": row["en"], "zh": row["zh"]} for row in student.read_exercises()},
                      solved_texts("backprop", student.MODULES))
