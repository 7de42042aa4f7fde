"""The exercises of super-resolution: what the kit, Paddle and Pillow compute, the reference does."""

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest
from PIL import Image

from assignments.swift_srgan.by_hand import enlarging, fidelity
from paddle_models.networks.swift_srgan import SeparableConv
from paddle_models.tasks import adversarial, image_metrics


def test_layers_are_the_kits():
    layer, x = SeparableConv(3, 5, 3, bias=False), paddle.randn([2, 3, 6, 4])
    found = enlarging.separable_convolution(x.numpy(), layer.depthwise.weight.numpy()[:, 0],
                                            layer.pointwise.weight.numpy()[:, :, 0, 0])
    np.testing.assert_allclose(found, layer(x).numpy(), atol=1e-5)
    assert enlarging.separable_cost(3, 5, 3, 6, 4)[:2] == (sum(p.size for p in layer.parameters()), 42 * 24)
    x = np.random.default_rng(0).normal(0, 1, (2, 18, 3, 4))
    np.testing.assert_allclose(enlarging.pixel_shuffle(x, 3), F.pixel_shuffle(paddle.to_tensor(x), 3).numpy())


@pytest.mark.parametrize("scale", [2, 4])
def test_reduction_is_pillows(scale):
    row = np.random.default_rng(0).uniform(0, 1, (1, 24)).astype(np.float32)
    pillows = Image.fromarray(row, "F").resize((24 // scale, 1), Image.Resampling.BICUBIC)
    np.testing.assert_allclose(enlarging.bicubic_matrix(24, scale) @ row[0], np.asarray(pillows)[0], atol=1e-6)


def test_tiles_have_no_seams():
    def network(piece):
        return np.kron(np.cumsum(np.pad(piece, 1), axis=0)[2:, 1:-1] - np.pad(piece, 1)[:-2, 1:-1], np.eye(2))

    image = np.random.default_rng(0).normal(0, 1, (1, 23))
    np.testing.assert_allclose(enlarging.enlarge_in_tiles(network, image, 2, 5, 3), network(image))


def test_judging_is_the_kits():
    rng = np.random.default_rng(1)
    pictures = rng.integers(0, 256, (2, 24, 22, 3)).astype(np.uint8)
    kits = image_metrics.measure(*pictures, border=4)
    assert fidelity.psnr_y(*pictures, 4) == pytest.approx(kits["psnr_y"], rel=1e-12)
    y = [image_metrics.rgb_to_y(picture)[4:-4, 4:-4] for picture in pictures]
    assert fidelity.ssim(*y) == pytest.approx(kits["ssim_y"], rel=1e-9)
    fake, real = rng.normal(0, 5, (2, 6))
    tensors = [paddle.to_tensor(logits.reshape(6, 1)) for logits in (fake, real)]
    kinds = ("non_saturating", "one_minus", "relativistic")
    kits = [float(adversarial.generator_loss(kind, *tensors)) for kind in kinds]
    np.testing.assert_allclose(fidelity.generator_losses(fake, real), kits, rtol=1e-5)
    kits = [float(adversarial.discriminator_loss(kind, *tensors)) for kind in kinds[::2]]
    np.testing.assert_allclose(fidelity.discriminator_losses(fake, real), kits, rtol=1e-5)
    image = rng.normal(0, 1, (2, 3, 5, 4))
    assert fidelity.total_variation(image) == pytest.approx(float(adversarial.total_variation(paddle.to_tensor(image))))
