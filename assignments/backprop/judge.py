"""Judge a submitted run of backprop: its network on the held-out digits, its training and its worked example done
again."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from assignments.backprop import worked
from assignments.backprop.artifacts import fingerprint
from assignments.backprop.by_hand import descent
from assignments.backprop.experiments import RATES, accuracy, centred_digits, new_network
from assignments.common import judging
from assignments.common.work import Work
from data_tools.errors import BadFile, KitError
from reports.grading.graded_work import Judged
from reports.run_reader import Run, read_arrays

TOLERANCE = 1e-6  # of the worked example's numbers, relative


def ground(data: str, metrics: Sequence[str]) -> judging.Ground:
    """What is judged on: the held-out digits; `data` has to be empty."""
    if data:
        raise KitError("backprop is graded on the digits that come with scikit-learn; leave out --data "
                       f"backprop={data}")
    return judging.Ground("real", fingerprint(), metrics)


def judge(work: Work, run: Path) -> Judged:
    """digits_accuracy of the submitted network; digits_Adam, the mean over the seeds, by training anew."""
    settings = judging.submitted_settings(run, work)
    _check_worked(run, settings.learning_rate)
    _, _, x, t = centred_digits()
    _check_split(run, t.argmax(axis=1))
    with threadpool_limits(1):  # as run.py
        predictions = {"labels": t.argmax(axis=1), "probabilities": _submitted(run).predict(x).astype(np.float32)}
        again = [accuracy(_trained(settings, number), *centred_digits(number)[2:])
                 for number in range(settings.seeds)]
    return Judged({**work.score(predictions), "digits_Adam": float(np.mean(again))}, len(t), "real", predictions,
                  baseline=work.baseline(predictions))


def _check_split(run: Path, labels: np.ndarray) -> None:
    """BadFile where the predictions are of other digits than those that everybody is judged on."""
    claimed = None
    with suppress(KitError):  # a file that cannot be read is told where it is compared
        claimed = read_arrays(run / "predictions.npz").get("labels")
    if claimed is not None and claimed.shape == labels.shape and (claimed != labels).any():
        raise BadFile("other-split", "its predictions are of other held-out digits than those that everybody is judged "
                                     "on; run it again with this kit")


def _trained(settings, number: int):
    """The digits network of a repetition after training with Adam by hand."""
    seed = settings.seed + number
    x, t, _, _ = centred_digits(number)
    network = new_network(seed)
    adam = descent.Descent(descent.adam, lr=RATES[settings.rates]["Adam"])
    for _ in descent.descend(network, x, t, adam, settings.batch_size, settings.digits_epochs,
                             np.random.default_rng(seed)):
        continue
    return network


def _submitted(run: Path):
    """The digits network with the submitted weights; BadFile where they do not fit."""
    network, arrays = new_network(0), judging.best_arrays(run)
    names = [f"layers.{i // 2}.{('weight', 'bias')[i % 2]}" for i in range(len(network.parameters))]
    wrong = sorted(set(names) ^ set(arrays))
    wrong = wrong or [name for name, own in zip(names, network.parameters) if arrays[name].shape != own.shape]
    if wrong:
        raise BadFile("wrong-shapes",
                      f"{judging.BEST}: these weights do not belong to this network: {', '.join(wrong[:3]):.200}")
    network.parameters = [arrays[name].astype(np.float64) for name in names]
    return network


def _check_worked(run: Path, rate: float) -> None:
    """BadFile where a number of the worked example in result.json is not what the slides' example gives."""
    found = Run(run, "backprop").result.get("worked")
    found = found if isinstance(found, dict) else {}
    for name, value in worked.values(rate).items():
        if type(found.get(name)) is not float or abs(found[name] - value) > TOLERANCE * max(1e-3, abs(value)):
            raise BadFile("inconsistent",
                          f"result.json: {name} of the worked example is {found.get(name)!s:.30}, with its "
                                          f"learning rate it is {value:.9g}")
