"""PSNR and SSIM against scikit-image, and the published figures of bicubic enlargement."""

import numpy as np
import pytest
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from data_tools.errors import KitError
from paddle_models.tasks.image_metrics import measure, psnr, rgb_to_y, ssim, to_bytes

SSIM_OPTIONS = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}


@pytest.fixture(scope="module", params=[(40, 53), (23, 19), (96, 96)])
def pair(request):
    rng = np.random.default_rng(request.param[0])
    smooth = np.cumsum(rng.normal(0, 5, (*request.param, 3)), axis=1) + 128
    reference = np.clip(smooth, 0, 255).astype(np.uint8)
    return np.clip(reference + rng.normal(0, 12, reference.shape), 0, 255).astype(np.uint8), reference


def test_y_is_scikit_images(pair):
    np.testing.assert_allclose(rgb_to_y(pair[0]), rgb2ycbcr(pair[0])[..., 0], atol=1e-9)
    assert rgb_to_y(np.zeros((1, 1, 3), np.uint8)) == 16 and rgb_to_y(np.full((1, 1, 3), 255)) == pytest.approx(235)


@pytest.mark.parametrize("border", [0, 2, 4])
def test_all_four_agree_with_scikit_image(pair, border):
    image, reference = pair
    found = measure(image, reference, border)
    crop = slice(border, -border or None)
    y, y_reference = (rgb2ycbcr(array)[crop, crop, 0] for array in pair)
    assert found["psnr_y"] == pytest.approx(peak_signal_noise_ratio(y_reference, y, data_range=255), abs=1e-6)
    assert found["ssim_y"] == pytest.approx(structural_similarity(y_reference, y, **SSIM_OPTIONS), abs=1e-6)
    assert found["psnr_rgb"] == pytest.approx(peak_signal_noise_ratio(reference, image, data_range=255), abs=1e-6)
    assert found["ssim_rgb"] == pytest.approx(
        structural_similarity(reference, image, channel_axis=2, **SSIM_OPTIONS), abs=1e-6)


def test_equal_and_opposite_images():
    image = np.random.default_rng(0).integers(0, 256, (16, 16), dtype=np.uint8)
    assert psnr(image, image) == float("inf") and ssim(image, image) == pytest.approx(1)
    assert psnr(np.zeros((4, 4)), np.full((4, 4), 255)) == 0
    assert ssim(image, 255 - image) < 0


def test_an_image_reproduced_to_the_bit_leaves_a_mean_finite():
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    found = measure(image, image, 2)
    assert (found["psnr_y"], found["psnr_rgb"]) == (100.0, 100.0)


def test_bytes_are_rounded_and_cut():
    assert to_bytes(np.array([-0.5, 0.0, 1 / 255 * 0.49, 1 / 255 * 0.51, 0.5, 1.0, 2.0])).tolist() == [0, 0, 0, 1, 128,
                                                                                                       255, 255]


def test_what_cannot_be_compared_is_named():
    image = np.zeros((16, 12, 3), np.uint8)
    with pytest.raises(KitError, match="12x16 pixels cannot be compared with one of 12x12; cut"):
        measure(image, image[:12], 4)
    with pytest.raises(KitError, match="at least 11x11 pixels.*4x8"):
        measure(image, image, 4)
