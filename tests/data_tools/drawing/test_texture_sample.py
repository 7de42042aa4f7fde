"""The drawn photographs' stand-in: layout, repeatable bytes, and detail that bicubic enlargement loses."""

import numpy as np
import pytest

from data_tools.batches.bicubic import cut_to_multiple, enlarge_bicubic, reduce_bicubic
from data_tools.drawing.texture_sample import draw_picture, draw_textures
from data_tools.errors import KitError
from data_tools.files.image_set import decode
from data_tools.sets.samples import draw_sample
from data_tools.sets.super_resolution import read_images


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return draw_textures(tmp_path_factory.mktemp("drawn") / "set", count=5, seed=3)


def test_layout(drawn):
    assert sorted(path.name for path in drawn.iterdir()) == ["DRAWN.txt", "test", "train"]
    notice = (drawn / "DRAWN.txt").read_text(encoding="utf-8")
    assert notice.startswith("Drawn stand-in") and "不是照片" in notice
    training, test = read_images(drawn / "train"), read_images(drawn / "test")
    assert len(training) == 5 and len(test) == 2
    assert (training.sizes() >= 208).all() and (training.sizes() <= 384).all()


def test_same_seed_same_bytes(drawn):
    assert draw_picture(3, 0, 1) == (drawn / "train" / "train0001.png").read_bytes()
    assert len({draw_picture(3, 0, 1), draw_picture(3, 1, 1), draw_picture(4, 0, 1), draw_picture(3, 0, 2)}) == 4


def test_pictures_have_detail_to_restore(drawn):
    """As photographs, for which bicubic enlargement by 4 reaches 20 to 32 dB."""
    values = []
    for path in sorted(drawn.glob("t*/*.png")):
        image = cut_to_multiple(decode(path.read_bytes()), 4)
        error = np.square(enlarge_bicubic(reduce_bicubic(image, 4), 4) - image.astype(float)).mean()
        values.append(10 * np.log10(255**2 / error))
    assert 16 < np.mean(values) < 32


def test_by_name_and_refused_counts(tmp_path, drawn):
    assert draw_sample("textures", drawn, seed=3, count=5, progress=False) == drawn
    with pytest.raises(KitError, match="cannot draw 0 pictures with seed 0"):
        draw_textures(tmp_path / "set", count=0)
