"""Public examples of the exercises, worked out here: check.py of the student's folder calls a function for each."""

import math

import numpy as np

GRADIENTS = np.array([[0.5, -2.0, 0.0], [-0.25, 1.0, 0.0], [1.5, 0.125, 0.0]])  # of three steps, from START
START = np.array([1.0, -1.0, 0.5])


class Wrong(Exception):
    """What is wrong with an answer, in English and Chinese."""

    def __init__(self, english: str, chinese: str):
        super().__init__(english)
        self.said = {"en": english, "zh": chinese}


def same(found, expected, what: str, tolerance: float = 1e-9) -> None:
    """Raise Wrong unless `found` has the shape of `expected` and its values to `tolerance`, absolute and relative."""
    expected = np.asarray(expected, float)
    if found is None:
        raise Wrong(f"{what}: nothing is returned", "没有返回值")
    found = np.asarray(found, float)
    if found.shape != expected.shape:
        raise Wrong(f"{what}: shape {found.shape}, expected {expected.shape}",
                    f"形状为 {found.shape}，应为 {expected.shape}")
    if not np.isfinite(found).all():
        raise Wrong(f"{what}: not finite: {found.ravel()[:4]}", f"不是有限值：{found.ravel()[:4]}")
    close = np.isclose(found, expected, rtol=tolerance, atol=tolerance)
    if not close.all():
        place = tuple(int(i) for i in np.argwhere(~close)[0])
        raise Wrong(f"{what}: {found[place]:.9g} at {list(place)}, expected {expected[place]:.9g}",
                    f"{list(place)} 处为 {found[place]:.9g}，应为 {expected[place]:.9g}")


# ---- backprop.py


def check_sigmoid(module) -> None:
    same(module.sigmoid(np.array([0.3775, 1.105905967, 0.0])), [0.5932699921, 0.7513650695, 0.5],
         "sigmoid of the slides' values")
    same(module.sigmoid(np.array([[-1.0, 2.0]])), [[1 / (1 + math.e), 1 / (1 + math.exp(-2))]],
         "sigmoid of a (1, 2) array")
    with np.errstate(over="raise", invalid="raise"):
        same(module.sigmoid(np.array([-1e4, 1e4])), [0.0, 1.0], "sigmoid of -10000 and 10000")
        same(module.sigmoid(np.array([-40.0])) * 1e17, [math.exp(-40) * 1e17], "sigmoid of -40")


def check_sigmoid_slope(module) -> None:
    same(module.sigmoid_slope(np.array([0.75136507, 0.5, 0.0])), [0.1868156016, 0.25, 0.0],
         "slope where the value is given")


def check_softmax(module) -> None:
    same(module.softmax(np.array([[0.0, math.log(3.0)], [2.0, 2.0]])), [[0.25, 0.75], [0.5, 0.5]],
         "softmax of two rows")
    same(module.softmax(np.log(np.array([1.0, 2.0, 5.0]))), [0.125, 0.25, 0.625], "softmax of one row")
    with np.errstate(over="raise", invalid="raise"):
        same(module.softmax(np.array([[1e4, 1e4 - math.log(4.0), -1e4]])), [[0.8, 0.2, 0.0]], "softmax of large logits")


def check_squared_error(module) -> None:
    o, t = np.array([[0.75136507, 0.772928465], [1.0, 3.0]]), np.array([[0.01, 0.99], [0.0, 1.0]])
    same(module.squared_error(o, t), [0.2983711089, 2.5], "squared error of two examples")


def check_logistic_loss(module) -> None:
    z, t = np.array([[0.0, math.log(3.0)], [-1.0, 2.0]]), np.array([[1.0, 0.0], [0.25, 1.0]])
    second = math.log1p(math.e) - 0.75 + math.log1p(math.exp(-2.0))
    same(module.logistic_loss(z, t), [math.log(2.0) + math.log(4.0), second], "logistic loss of two examples")
    large = np.array([[1000.0], [-1000.0], [1000.0], [-1000.0]])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        same(module.logistic_loss(large, np.array([[0.0], [1.0], [1.0], [0.0]])), [1000.0, 1000.0, 0.0, 0.0],
             "logistic loss of logits of 1000")


def check_softmax_cross_entropy(module) -> None:
    z, t = np.log(np.array([[1.0, 3.0], [2.0, 2.0]])), np.array([[1.0, 0.0], [0.5, 0.5]])
    same(module.softmax_cross_entropy(z, t), [math.log(4.0), math.log(2.0)], "cross entropy of two examples")
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        same(module.softmax_cross_entropy(np.array([[1e4, 0.0], [1e4, 0.0]]), np.eye(2)), [0.0, 1e4],
             "cross entropy of logits of 10000")


def check_squared_error_delta(module) -> None:
    o, t = np.array([[0.75136507, 0.772928465]]), np.array([[0.01, 0.99]])
    same(module.squared_error_delta(o, t), [[0.1384985620, -0.0380982362]], "dE/dz of the worked example", 1e-7)
    same(module.squared_error_delta(np.array([[0.5], [1.0]]), np.array([[1.0], [0.0]])), [[-0.125], [0.0]],
         "dE/dz of two examples")


def check_cross_entropy_delta(module) -> None:
    o, t = np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]]), np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    same(module.cross_entropy_delta(o, t), [[0.2, 0.3, -0.5], [-0.4, 0.3, 0.1]], "dE/dz of two examples")


def check_hidden_delta(module) -> None:
    delta, w = np.array([[1.0, -2.0], [0.5, 4.0]]), np.array([[1.0, 2.0], [3.0, 5.0], [-1.0, 0.5]])
    slope = np.array([[1.0, 0.5, 2.0], [0.25, 1.0, 0.0]])
    same(module.hidden_delta(delta, w, slope), [[-3.0, -3.5, -4.0], [2.125, 21.5, 0.0]], "delta of three hidden units")


def check_layer_gradient(module) -> None:
    x, delta = np.array([[1.0, 2.0, 0.5], [-1.0, 3.0, 4.0]]), np.array([[0.5, -1.0], [2.0, 0.25]])
    answer = module.layer_gradient(x, delta)
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise Wrong("two arrays are to be returned, dE/dw and dE/db", "应返回两个数组：dE/dw 与 dE/db")
    same(answer[0], [[-1.5, -1.25], [7.0, -1.25], [8.25, 0.5]], "dE/dw")
    same(answer[1], [2.5, -0.75], "dE/db")


def check_numerical_gradient(module) -> None:
    w = np.array([[1.0, -2.0, 0.5], [3.0, 0.25, 2.0]])
    before, factors = w.copy(), np.arange(6.0).reshape(2, 3)
    found = module.numerical_gradient(lambda a: float((factors * a**2).sum()), w)
    if not np.array_equal(w, before):
        raise Wrong("w was changed; change a copy", "w 被改动了；请在副本上改动")
    same(found, 2 * factors * before, "gradient of sum c w^2", 1e-6)
    same(module.numerical_gradient(lambda a: float((a**3).sum()), np.array([1.0, -2.0]), 0.1), [3.01, 12.01],
         "central differences of w^3 with step 0.1")


# ---- descent.py


def steps(rule, **settings) -> np.ndarray:
    """The weights after each of the three steps (3, 3)."""
    w, state, path = START.copy(), {}, []
    for gradient in GRADIENTS:
        w = rule(w, gradient.copy(), state, **settings)
        if w is None:
            raise Wrong("nothing is returned; return the new weights", "没有返回值；应返回新的权重")
        path.append(np.array(w))
    return np.array(path)


def check_sgd(module) -> None:
    same(steps(module.sgd, lr=0.1), [[0.95, -0.8, 0.5], [0.975, -0.9, 0.5], [0.825, -0.9125, 0.5]], "three steps")


def check_momentum(module) -> None:
    same(steps(module.momentum, lr=0.1, mu=0.5), [[0.95, -0.8, 0.5], [0.95, -0.8, 0.5], [0.8, -0.8125, 0.5]],
         "three steps")


def check_adagrad(module) -> None:
    same(steps(module.adagrad, lr=0.1), [
        [0.9, -0.9, 0.5],
        [0.94472135955, -0.94472135955, 0.5],
        [0.851017102417, -0.950302815272, 0.5]], "three steps")


def check_rmsprop(module) -> None:
    same(steps(module.rmsprop, lr=0.1, gamma=0.75), [
        [0.8, -0.8, 0.5],
        [0.9, -0.9, 0.5],
        [0.707846215434, -0.914396315015, 0.5]], "three steps")


def check_adam(module) -> None:
    same(steps(module.adam, lr=0.1, beta1=0.5, beta2=0.75, epsilon=0.01), [
        [0.901941932431, -0.900124766112, 0.5],
        [0.901941932431, -0.900124766112, 0.5],
        [0.81884760729, -0.906355875123, 0.5]], "three steps")


def check_mini_batches(module) -> None:
    pieces = module.mini_batches(10, 4, np.random.default_rng(0))
    if pieces is None:
        raise Wrong("nothing is returned", "没有返回值")
    if [len(piece) for piece in pieces] != [4, 4, 2]:
        raise Wrong(f"10 numbers in pieces of 4: sizes {[len(piece) for piece in pieces]}, expected [4, 4, 2]",
                    f"10 个数切成每段 4 个：大小为 {[len(piece) for piece in pieces]}，应为 [4, 4, 2]")
    order = np.concatenate([np.asarray(piece) for piece in pieces])
    same(np.sort(order), np.arange(10), "all numbers together, sorted")
    again = np.concatenate([np.asarray(piece) for piece in module.mini_batches(10, 4, np.random.default_rng(1))])
    if np.array_equal(order, np.arange(10)) or np.array_equal(order, again):
        raise Wrong("the order is not random: it is to come from rng", "顺序不是随机的：应由 rng 产生")


# ---- the whole network


def example(module):
    """The slides' network of two inputs, two hidden units and two outputs."""
    return module.Network([np.array([[0.15, 0.25], [0.20, 0.30]]), np.array([0.35, 0.35]),
                           np.array([[0.40, 0.50], [0.45, 0.55]]), np.array([0.60, 0.60])], module.SIGMOID_SQUARED)


def check_network_forward(module) -> None:
    values = example(module).forward(np.array([[0.05, 0.10]]))
    if not isinstance(values, list) or len(values) != 3:
        raise Wrong("a list of three arrays is to be returned: x, h, z", "应返回三个数组的列表：x、h、z")
    same(values[1], [[0.5932699921, 0.5968843783]], "h of the worked example")
    same(values[2], [[1.105905967, 1.2249214041]], "z of the worked example", 1e-8)


def check_network_gradients(module) -> None:
    loss, found = example(module).gradients(np.array([[0.05, 0.10]]), np.array([[0.01, 0.99]]))
    same(loss, 0.2983711088, "E of the worked example", 1e-8)
    same(found[2], [[0.0821670406, -0.0226025404], [0.0826676278, -0.0227402422]], "dE/dw of the last layer", 1e-8)
    again, both = example(module).gradients(np.array([[0.05, 0.10]] * 2), np.array([[0.01, 0.99]] * 2))
    same(both[0], found[0], "dE/dw of the first layer for the same example twice")


def check_dl_dw32(module) -> None:
    same(module.dl_dw32(np.array([[0.3, 0.6, 0.9]]), np.array([[0.25, 0.75]]), np.array([[0.0, 1.0]])), [-0.225],
         "dL/dw32 of one example")


def check_train_digits(module) -> None:
    rng = np.random.default_rng(0)
    centres, labels = rng.normal(0, 0.3, (10, 64)), np.arange(600) % 10
    x = centres[labels] + rng.normal(0, 0.15, (600, 64))
    network = module.train_digits(x[:400], np.eye(10)[labels[:400]], np.random.default_rng(1))
    right = (network.predict(x[400:]).argmax(axis=1) == labels[400:]).mean()
    if right < 0.95:
        raise Wrong(f"{100 * right:.1f} % of 200 new pictures of ten drawn patterns are right, expected 95 %",
                    f"十种程序生成的图案的 200 张新图片中识别正确 {100 * right:.1f} %，应为 95 %")
