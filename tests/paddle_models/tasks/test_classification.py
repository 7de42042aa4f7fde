"""The classification task: what its evaluation answers."""

import numpy as np
import paddle
from paddle import nn

from paddle_models.tasks.classification import ClassificationTask


class LeftAgainstRight(nn.Layer):
    """Logits (N, 2): mean of the left half of the image and of the right."""

    def forward(self, x):
        half = x.shape[3] // 2
        return paddle.stack([x[..., :half].mean(axis=[1, 2, 3]), x[..., half:].mean(axis=[1, 2, 3])], axis=1)


def test_with_its_mirror_image_left_and_right_are_the_same():
    image = np.zeros((2, 3, 4, 4), np.float32)
    image[0, ..., :2] = 3.0
    batch = {"image": paddle.to_tensor(image), "label": paddle.to_tensor([0, 1]), "index": paddle.to_tensor([0, 1])}
    alone = ClassificationTask(LeftAgainstRight(), ("left", "right")).evaluate(batch)
    assert alone["probabilities"][0, 0] > 0.9
    both = ClassificationTask(LeftAgainstRight(), ("left", "right"), flip_at_test=True)
    rows = both.evaluate(batch)
    np.testing.assert_allclose(rows["probabilities"], 0.5, atol=1e-6)
    np.testing.assert_allclose(rows["loss"], alone["loss"])
    assert both.summarize(alone)["accuracy"] == 0.5
