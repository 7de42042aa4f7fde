"""Copies of test images in training sets of super-resolution are found, at any size and as parts; nothing else is."""

import io

import numpy as np
import pytest
from PIL import Image

from assignments.commands.data import audit_set
from data_tools.drawing.texture_sample import draw_picture
from data_tools.errors import KitError
from data_tools.sets.crop_copies import audit_copies, holds_sets
from tests.data_tools.small_set import write_folder


def drawn(number: int) -> Image.Image:
    return Image.open(io.BytesIO(draw_picture(0, 0, number)))


def saved(picture: Image.Image, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


@pytest.fixture
def folder(tmp_path):
    """Set5 with a part of a training image at 1/1.39 of its size, and a whole one of which training has a part."""
    small = drawn(1).crop((30, 10, 190, 200))
    small = small.resize((round(small.width / 1.39), round(small.height / 1.39)), Image.Resampling.BICUBIC)
    large = drawn(2)
    part = large.crop((20, 30, large.width - 40, large.height - 20))
    part = part.resize((3 * part.width // 4, 3 * part.height // 4), Image.Resampling.LANCZOS)
    return write_folder(tmp_path, {"T91/t1.jpg": saved(drawn(1), "JPEG"), "T91/t2.png": saved(part),
                                   "T91/t3.png": saved(drawn(3)),
                                   "Set5/a.png": saved(small), "Set5/b.png": saved(large),
                                   "Set5/c.png": saved(drawn(4))})


def test_scaled_and_cropped_copies_are_found_and_others_are_not(folder, capsys):
    class Arguments:
        path, json = folder, folder / "audit.json"

    assert audit_set(Arguments) == 0
    found = audit_copies(folder)["copies"]
    assert {(pair["test"], pair["training"]) for pair in found} == {("Set5: a.png", "T91: t1.jpg"),
                                                                    ("Set5: b.png", "T91: t2.png")}
    assert all(0.92 <= pair["correlation"] <= 1 for pair in found)
    text = capsys.readouterr().out
    assert "test images also in training: 2" in text and "T91 3" in text
    assert "t1.jpg" in Arguments.json.read_text(encoding="utf-8")


def test_one_side_alone_is_told(tmp_path):
    write_folder(tmp_path, {"Set5/a.png": saved(Image.fromarray(np.zeros((40, 40, 3), np.uint8)))})
    assert holds_sets(tmp_path) and not holds_sets(tmp_path / "Set5" / "none")
    with pytest.raises(KitError, match="holds Set5; to look for test images .* one of T91, BSDS500_train"):
        audit_copies(tmp_path)


@pytest.mark.realdata
def test_the_woman_of_set5_is_the_one_image_that_is_in_training(realdata):
    found = audit_copies(realdata / "super-resolution")["copies"]
    assert [(pair["test"], pair["training"]) for pair in found] == [("Set5: img_005.png", "BSDS500_train: 302003.jpg")]
