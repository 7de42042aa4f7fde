"""What a finished run leaves behind: arrays for the figures, predictions on the held-out digits, the result."""

import hashlib
import inspect
from typing import Any

import numpy as np

from assignments.backprop import worked
from assignments.backprop.by_hand import descent
from assignments.backprop.by_hand.backprop import Network
from assignments.backprop.experiments import centred_digits
from paddle_models.tasks.metrics import share_right
from paddle_models.trainer.progress import peak_memory_mb
from paddle_models.trainer.run_folder import RunFolder
from paddle_models.weights.files import save_weights, sha256_of_weights


def iris_flowers() -> tuple[np.ndarray, np.ndarray]:
    """Standardised flowers (150, 4) and one-hot kinds (150, 3)."""
    from sklearn.datasets import load_iris

    x, y = load_iris(return_X_y=True)
    return (x - x.mean(axis=0)) / x.std(axis=0), np.eye(3)[y]


def fingerprint() -> str:
    """sha256 of Iris and the digits as scikit-learn gives them."""
    from sklearn.datasets import load_digits, load_iris

    parts = (*load_iris(return_X_y=True), *load_digits(return_X_y=True))
    return hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()


def worked_arrays(settings, run: RunFolder, weights_only: dict[str, np.ndarray],
                  with_biases: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The worked example's training for its figures and its animation; its curve goes to metrics.jsonl too."""
    steps = worked.frames(len(weights_only["loss"]) - 1)
    for step in steps:
        run.append_metrics({"kind": "step", "step": int(step), "epoch": int(step), "lr": settings.learning_rate,
                            "loss/worked": float(weights_only["loss"][step])})
    others = worked.frames(len(with_biases["loss"]) - 1)
    return {"worked_steps": steps, **{f"worked_{name}": values[steps] for name, values in weights_only.items()},
            "worked_bias_steps": others, "worked_bias_loss": with_biases["loss"][others]}


def write(run: RunFolder, settings, device: str, arrays: dict[str, np.ndarray], network: Network,
          seconds: float) -> dict[str, Any]:
    """predictions.npz, artifacts.npz and the weights of the digits network; returns the result."""
    _, _, x, t = centred_digits()
    probabilities, labels = network.predict(x), t.argmax(axis=1)
    run.write_arrays("predictions", {"names": np.array([f"digit {i}" for i in range(len(labels))]), "labels": labels,
                                     "probabilities": probabilities.astype(np.float32),
                                     "classes": np.array(list("0123456789"))})
    run.write_arrays("artifacts", arrays)
    # the names of paddle_models.networks.mlp.MLP
    weights = {f"layers.{i // 2}.{('weight', 'bias')[i % 2]}": value.astype(np.float32)
               for i, value in enumerate(network.parameters)}
    if run.writer:
        save_weights(run.best, weights)
    _log_digits(run, arrays)
    return {
        "origin": "real", "data": "scikit-learn's Iris and digits",
        "metrics": {"digits_accuracy": share_right(probabilities.argmax(axis=1) == labels), **_spreads(arrays)},
        "worked": {**worked.values(settings.learning_rate), **_training(arrays)}, "checks": _checks(arrays),
        "rules": _rules(),
        "epochs": settings.digits_epochs, "stopped": "epochs", "seconds": round(seconds, 1),
        "peak_memory_mb": round(peak_memory_mb(device)), "device": device,
        "parameters": sum(p.size for p in network.parameters),
        "weights_sha256": sha256_of_weights(weights)}


def _log_digits(run: RunFolder, arrays: dict[str, np.ndarray]) -> None:
    """The digits' curves of the first seed, trained with Adam, as metrics rows of epochs; epoch -1 is before the
    first."""
    adam = list(arrays["digits_names"]).index("Adam")
    for epoch, (loss, right) in enumerate(zip(arrays["digits_loss"][adam, 0], arrays["digits_accuracy"][adam, 0]), -1):
        run.append_metrics({"kind": "epoch", "epoch": epoch, "step": epoch, "train/loss": float(loss),
                            "val/accuracy": float(right)})


def _mean(values: np.ndarray) -> dict[str, Any]:
    """Mean over seeds with the smallest and largest value; n = seeds."""
    return {"value": float(values.mean()), "n": len(values), "smallest": float(values.min()),
            "largest": float(values.max()), "deviation": float(values.std())}


def _spreads(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """What was repeated over seeds: held-out accuracies."""
    digits_last = arrays["digits_accuracy"][:, :, -1]
    probes, networks, few = arrays["rotation_probe"], arrays["rotation_network"], 3  # ten labels of each digit
    return {**{f"digits_{name}": _mean(row) for name, row in zip(arrays["digits_names"].tolist(), digits_last)},
            "digits_paddle_adam": {"value": float(arrays["twins_accuracy"][0]), "n": 450},
            **_claimed(arrays),
            "rotation": _mean(arrays["rotation_accuracy"]),
            **{f"probe_{name}": _mean(row[few]) for name, row in zip(("pixels", "random", "first", "last"), probes)},
            "probe_gain": _mean(probes[2, few] - probes[1, few]),
            **{f"few_{name}": _mean(row[few]) for name, row in zip(("random", "pretrained"), networks)}}


def _claimed(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Of each rule the error on sparse texts and the distance where the task changes, and the best of those that the
    slides do not name there; Adam, which joins both, is not among these."""
    names, found = arrays["digits_names"].tolist(), {}
    alone, sized = arrays["changing_distance"].mean(axis=3)
    for kind, rows, named in (("sparse", arrays["sparse_loss"][:, :, -1], "AdaGrad"), ("changing", alone, "RMSProp"),
                              ("changing_sizes", sized, "RMSProp")):
        found.update({f"{kind}_{name}": _mean(row) for name, row in zip(names, rows)})
        others = [found[f"{kind}_{name}"] for name in names if name not in (named, "Adam")]
        found[f"{kind}_best_of_others"] = min(others, key=lambda metric: metric["value"])
    return found


def _training(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Where the worked example's training ended."""
    return {"steps": int(arrays["worked_steps"][-1]), "steps_with_biases": int(arrays["worked_bias_steps"][-1]),
            "E_total_end": float(arrays["worked_loss"][-1]),
            **{f"out_o{i}_end": float(value) for i, value in enumerate(arrays["worked_outputs"][-1], 1)},
            **{f"w{i}_end": float(value) for i, value in enumerate(arrays["worked_weights"][-1], 1)}}


def _checks(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Largest disagreements found, and the exercise's two gradients with what the slides' formulas give for them."""
    h, o, t = (arrays[f"exercise_{name}"] for name in "hot")
    hand, log2 = arrays["exercise_hand"], arrays["exercise_log2"]
    follow = zip(arrays["follow_names"].tolist(), arrays["follow_agreeing"])
    defaults = zip(arrays["follow_default_names"].tolist(), arrays["follow_defaults"])
    return {"gradient_numerical": float(arrays["gradient_error_numerical"].max()),
            "gradient_paddle": float(arrays["gradient_error_paddle"].max()),
            "dL_dw21": float(hand[1, 0]), "h2_o1_t1": float(h[1] * (o[0] - t[0])), "dL_dw32": float(hand[2, 1]),
            "h3_o2_t2": float(h[2] * (o[1] - t[1])), "dL_dw32_numerical": float(arrays["exercise_numerical"][2, 1]),
            "log2_over_ln": float(log2[1, 0] / hand[1, 0]),
            **{f"follow_{name}": float(row.max()) for name, row in follow},
            **{f"default_{name}": float(row.max()) for name, row in defaults},
            "momentum_fixed": float(np.abs(np.diff(arrays["momentum_fixed"], axis=0)).max()),
            "momentum_dropped": float(np.abs(np.diff(arrays["momentum_dropped"], axis=0)).max()),
            "digits_paddle_loss": float(np.abs(arrays["twins_hand"] - arrays["twins_paddle"]).max()),
            "autoencoder_over_pca": float((arrays["code_error_autoencoder"] / arrays["code_error_pca"]).max())}


def _rules() -> dict[str, float]:
    """The default settings of the hand-written rules, which are the slides' typical choices."""
    def default(rule, name: str) -> float:
        return float(inspect.signature(rule).parameters[name].default)

    return {"momentum_mu": default(descent.momentum, "mu"), "momentum_rate": default(descent.momentum, "lr"),
            "adam_rate": default(descent.adam, "lr"), "adam_beta1": default(descent.adam, "beta1"),
            "adam_beta2": default(descent.adam, "beta2"), "adam_epsilon": default(descent.adam, "epsilon")}
