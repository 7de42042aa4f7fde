"""A work whose network answers with numbers instead of classes."""

from typing import Any

from assignments.common.work import Work


class RegressionWork(Work):
    """As Work; labels are float (N,) or (N, K), and network(settings, classes) answers with (B, K) numbers."""

    metrics, labelled = ("r2", "mae"), False

    def task(self, settings: Any, network: Any, classes: Any, training: Any = None) -> Any:
        from paddle_models.tasks.regression import RegressionTask

        return RegressionTask(network)

    def answers(self, rows: Any, store: Any) -> dict[str, Any]:
        import numpy as np

        return {"names": np.array(store.names), "expected": rows["label"], "predicted": rows["predicted"]}

    def baseline(self, predictions: Any) -> dict[str, float]:
        """Of the mean of all answers, for every image."""
        import numpy as np

        expected = predictions["expected"]
        mean = np.broadcast_to(expected.mean(axis=0), expected.shape)
        return self.score({**predictions, "predicted": mean.astype(predictions["predicted"].dtype)})

    def score(self, predictions: Any) -> dict[str, float]:
        import numpy as np

        from paddle_models.tasks.regression import r_squared

        expected, predicted = predictions["expected"], predictions["predicted"]
        return {"r2": r_squared(expected, predicted), "mae": float(np.abs(expected - predicted).mean())}
