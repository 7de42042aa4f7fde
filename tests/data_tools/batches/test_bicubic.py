import numpy as np
import pytest
from PIL import Image

from data_tools.batches.bicubic import cut_to_multiple, enlarge_bicubic, reduce_bicubic
from data_tools.errors import KitError


def test_bicubic_is_pillows_and_antialiased():
    image = np.random.default_rng(0).integers(0, 256, (24, 36, 3), dtype=np.uint8)
    small = reduce_bicubic(image, 4)
    assert small.shape == (6, 9, 3)
    assert np.array_equal(small, np.asarray(Image.fromarray(image).resize((9, 6), Image.BICUBIC)))
    assert small.std() < 0.5 * image.std()  # noise is averaged away, where plain interpolation would keep it
    assert enlarge_bicubic(small, 4).shape == image.shape
    flat = np.full((8, 8, 3), 77, np.uint8)
    assert (reduce_bicubic(flat, 2) == 77).all() and (enlarge_bicubic(flat, 3) == 77).all()


def test_sides_are_cut_to_multiples():
    image = np.arange(7 * 10).reshape(7, 10)
    assert np.array_equal(cut_to_multiple(image, 4), image[:4, :8])
    with pytest.raises(KitError, match="10x7 pixels is too small to be reduced 8 times"):
        cut_to_multiple(image, 8)
    with pytest.raises(ValueError, match="multiple"):
        reduce_bicubic(np.zeros((7, 8, 3), np.uint8), 4)
