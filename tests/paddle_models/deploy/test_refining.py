"""Eight views and back-projection around generators whose answers are known."""

import numpy as np

from data_tools.batches.bicubic import resized
from paddle_models.deploy.refining import back_projected, of_eight_views, refined

SCALE = 4


def pictures(count: int = 2, height: int = 7, width: int = 10) -> np.ndarray:
    return np.random.default_rng(0).random((count, 3, height, width), dtype=np.float32)


def nearest(images: np.ndarray) -> np.ndarray:
    return images.repeat(SCALE, 2).repeat(SCALE, 3)


def leaning(images: np.ndarray) -> np.ndarray:
    """Brighter from the left to the right."""
    return nearest(images) + np.linspace(0, 1, SCALE * images.shape[3], dtype=np.float32)


def reduced(images: np.ndarray) -> np.ndarray:
    height, width = (side // SCALE for side in images.shape[2:])
    return np.stack([[resized(channel, height, width) for channel in image] for image in images])


def test_a_generator_without_a_side_of_its_own_stays_as_it_is():
    np.testing.assert_allclose(of_eight_views(nearest)(pictures()), nearest(pictures()), atol=1e-6)


def test_what_a_generator_does_to_one_side_is_done_to_all_four():
    blank = np.zeros((1, 1, 6, 6), np.float32)
    found = of_eight_views(leaning)(blank)[0, 0]
    for turned in (found[::-1], found[:, ::-1], found.T):
        np.testing.assert_allclose(turned, found, atol=1e-6)
    np.testing.assert_allclose(found, 0.5, atol=1e-6)


def test_the_reduction_of_what_is_refined_is_the_picture():
    given = pictures()

    def lost(enlarged):
        assert enlarged.shape == (2, 3, 28, 40) and enlarged.dtype == np.float32
        return np.abs(reduced(enlarged) - given).mean()

    errors = [lost(back_projected(nearest, SCALE, rounds)(given)) for rounds in range(4)]
    assert all(after < before for before, after in zip(errors, errors[1:]))
    assert lost(refined(leaning, SCALE)(given)) < 0.1 * lost(leaning(given))
