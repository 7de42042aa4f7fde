"""Files that are no picture we read are named for what they are; floats in colours and cameras' raw pictures."""

import gzip
import io

import cv2
import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from assignments.common.media import Pictures, Video, open_source
from data_tools.errors import KitError
from data_tools.files.image_set import decode
from data_tools.files.other_kinds import other_kind
from data_tools.files.pictures import read_picture
from tests.films import film

RAMP = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (32, 1))
COLOURS = np.dstack([RAMP, RAMP[:, ::-1], RAMP * 0.5])
NAMED = {"x.jxl": b"\xff\x0a", "x.bpg": b"BPG\xfb", "x.dcm": bytes(128) + b"DICM", "x.cr2": b"II*\0\x10\0\0\0CR\x02\0",
         "x.cr3": b"\0\0\0\x18ftypcrx \0\0\0\1", "x.rw2": b"IIU\0", "x.psd": b"8BPS\0\1", "x.eps": b"%!PS-Adobe",
         "page.jpg": b"<!DOCTYPE HTML><html>", "pointer.png": b"version https://git-lfs.github.com/spec/v1\n",
         "packed.png": gzip.compress(b"x"), "text.jpg": b"data:image/jpeg;base64,/9j/"}


def test_each_is_left_out_with_what_it_is(tmp_path):
    Image.fromarray((COLOURS * 255).astype(np.uint8)).save(tmp_path / "good.png")
    for name, head in NAMED.items():
        (tmp_path / name).write_bytes(head + bytes(60))
    film(tmp_path / "film.mp4", 2).rename(tmp_path / "film.jpg")
    pictures = Pictures(tmp_path)
    assert [frame.source for frame in pictures] == ["good.png"]
    said = "\n".join(pictures.problems)
    for name, head in NAMED.items():
        assert f"{name}: is {other_kind(head)}, which is not read here" in said
    assert "film.jpg: is a film; give it by itself" in said and "page.jpg: is a web page" in said
    assert len(pictures.problems) == len(NAMED) + 1
    for name, head in NAMED.items():
        with pytest.raises(KitError, match="is not read here|cannot be decoded"):
            for _ in open_source(str(tmp_path / name)):
                raise AssertionError(name)
        with pytest.raises(KitError, match=f"{name} cannot be decoded \\(it is "):  # in a data set
            decode(head + bytes(60), name)


def test_a_film_is_one_whatever_its_name(tmp_path):
    source = open_source(str(film(tmp_path / "a.mp4", 3).rename(tmp_path / "photo.jpg")))
    assert isinstance(source, Video) and sum(1 for _ in source) == 3
    source.close()


def tiff(values: np.ndarray, *options: int) -> bytes:
    return cv2.imencode(".tif", values, list(options))[1].tobytes()


@pytest.mark.parametrize("content, colours", [
    (tiff(COLOURS, cv2.IMWRITE_TIFF_COMPRESSION, 1), True), (tiff(COLOURS), True),
    (tiff(COLOURS * 200, cv2.IMWRITE_TIFF_COMPRESSION, 1), True), (tiff(RAMP.astype(np.float64)), False)],
    ids=["plain", "logarithms", "to-200", "64-bits"])
def test_floats_of_several_channels_and_of_64_bits_are_scaled(content, colours):
    picture = read_picture(content, "x.tif")
    (note,) = picture.notes
    assert picture.rgb.dtype == np.uint16 and note.startswith("x.tif: float values become 16 bits")
    seen = decode(content).astype(float)
    expected = COLOURS[..., ::-1] if colours else np.repeat(RAMP[..., None], 3, axis=2)  # OpenCV's order of channels
    for channel in range(3):
        assert np.corrcoef(seen[..., channel].ravel(), expected[..., channel].ravel())[0, 1] > 0.99
    assert seen.max() > 190


def test_a_float_picture_that_is_damaged_or_huge_is_named():
    content = tiff(COLOURS, cv2.IMWRITE_TIFF_COMPRESSION, 1)
    for damaged in (content[:len(content) // 3], content[:-180] + b"\xff" * 100 + content[-80:]):
        with pytest.raises(KitError, match="x.tif"):
            decode(damaged, "x.tif")
    image = Image.fromarray(RAMP)
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    file = io.BytesIO()
    image.save(file, "TIFF", tiffinfo=tags)
    wide = file.getvalue().replace(b"\x00\x01\x04\x00\x01\x00\x00\x00\x40\x00\x00\x00",
                                   b"\x00\x01\x04\x00\x01\x00\x00\x00\x00\x00\x00\x40")
    with pytest.raises(KitError, match="x.tif"):
        decode(wide, "x.tif")


@pytest.mark.parametrize("tag, kind, value", [(254, None, 1), (50706, 1, b"\1\4\0\0")], ids=["nef", "dng"])
def test_the_preview_in_a_cameras_raw_picture_is_not_taken_for_it(tag, kind, value):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[tag] = value
    if kind:
        tags.tagtype[tag] = kind
    file = io.BytesIO()
    Image.new("RGB", (16, 12), "red").save(file, "TIFF", tiffinfo=tags)
    for read in (decode, read_picture):
        with pytest.raises(KitError, match="x.tif is a camera's raw picture, of which only a small preview"):
            read(file.getvalue(), "x.tif")
