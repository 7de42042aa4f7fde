"""Decoding of every kind of image that turns up, and errors that name the file."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from data_tools.errors import KitError
from data_tools.files.image_set import ImageSet, decode, image_format, suffix_format
from data_tools.files.pictures import read_picture
from data_tools.files.sources import FolderSource
from tests.data_tools.processes import python
from tests.data_tools.small_set import encoded, write_folder


def saved(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("mode, value, expected", [
    ("L", 128, (128, 128, 128)), ("RGB", (10, 20, 30), (10, 20, 30)), ("1", 1, (255, 255, 255)),
    ("RGBA", (10, 20, 30, 255), (10, 20, 30)), ("RGBA", (10, 20, 30, 0), (255, 255, 255)),
    ("LA", (40, 255), (40, 40, 40)), ("I;16", 128 * 257, (128, 128, 128)),
])
def test_modes(mode, value, expected):
    pixels = decode(saved(Image.new(mode, (5, 4), value)))
    assert pixels.shape == (4, 5, 3) and pixels.dtype == np.uint8
    assert tuple(pixels[2, 2]) == expected


def test_palette_with_transparency():
    image = Image.new("P", (4, 4), 0)
    image.putpalette([200, 0, 0, 0, 200, 0])
    image.putpixel((0, 0), 1)
    pixels = decode(saved(image, transparency=0))
    assert tuple(pixels[0, 0]) == (0, 200, 0) and tuple(pixels[3, 3]) == (255, 255, 255)


def test_cmyk_jpeg():
    pixels = decode(saved(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=95))
    assert pixels[4, 4, 0] > 200 and pixels[4, 4, 1] < 60


def test_exif_orientation_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    assert decode(saved(Image.new("RGB", (8, 4)), "JPEG", exif=exif)).shape == (8, 4, 3)


def telephone(*tags: tuple[int, int, int, bytes]) -> bytes:
    """A JPEG 8 wide and 4 high that is to be turned by 90 degrees, with more EXIF tags (number, type, count, value)."""
    tags = ((0x0112, 3, 1, struct.pack("<HH", 6, 0)), *tags)
    entries = b"".join(struct.pack("<HHI4s", *tag) for tag in tags)
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)
    return saved(Image.new("RGB", (8, 4)), "JPEG", exif=exif)


@pytest.mark.parametrize("tag", [
    (0x0100, 1, 1, bytes(4)), (0x011A, 1, 1, bytes(4)), (0x011A, 11, 1, b"\xff" * 4), (0x010E, 5, 1, b"\x08\0\0\0"),
    (0x8769, 6, 1, b"\xff" * 4)], ids=["width", "resolution", "no number", "description", "folder"])
def test_odd_exif_is_no_damage_and_the_orientation_is_used(tag):
    assert decode(telephone(tag)).shape == (8, 4, 3) and read_picture(telephone(tag), "a").rgb.shape == (8, 4, 3)


@pytest.mark.parametrize("exif", [b"II*\0", b"XX*\0\x08\0\0\0"])
def test_without_readable_exif_the_image_stays_as_stored(exif):
    photo = saved(Image.new("RGB", (8, 4)), "PNG", exif=exif)
    assert decode(photo).shape == (4, 8, 3) and read_picture(photo, "a").rgb.shape == (4, 8, 3)


def test_odd_exif_prints_nothing(tmp_path):
    (tmp_path / "a.jpg").write_bytes(telephone((0x010E, 2, 1000, bytes(4))))  # a text longer than the file
    code = ("import sys; from data_tools.files.image_set import decode; "
            "print(decode(open(sys.argv[1], 'rb').read()).shape)")
    done = python(["-c", code, str(tmp_path / "a.jpg")])
    assert (done.stdout, done.stderr) == ("(8, 4, 3)\n", "")


def test_result_may_be_written_to():
    assert decode(encoded(1)).flags.writeable


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>no image</html>",
        encoded(1)[:300],
        encoded(1, kind="PNG")[:200],
        b"\xff\xd8\xff\xe0" + bytes(50),
    ],
)
def test_damage_is_named(content):
    with pytest.raises(KitError, match="n9151jpg"):
        decode(content, "n9151jpg")


@pytest.mark.parametrize("side", [9_500, 60_000])
def test_decompression_bomb_is_refused_before_unpacking(side, recwarn):
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    with pytest.raises(KitError, match=r"big\.png.*80,000,000"):
        decode(bomb, "big.png")


def test_formats_by_content_and_by_suffix():
    assert image_format(encoded(1)[:16]) == "JPEG"
    assert image_format(encoded(1, kind="PNG")[:16]) == "PNG"
    assert image_format(encoded(1, kind="WEBP")[:16]) == "WEBP"
    assert image_format(b"Label, Latin") is None
    assert suffix_format("n0/a.JPG") == "JPEG" and suffix_format("n9151jpg") is None


def test_image_set_reads_and_picks(tmp_path):
    source = FolderSource(write_folder(tmp_path, {f"{i}.jpg": encoded(i) for i in range(3)}))
    images = ImageSet("training", source, ("0.jpg", "1.jpg", "2.jpg"), np.array([5, 6, 7]))
    chosen = images.subset([2, 0])
    assert chosen.names == ("2.jpg", "0.jpg") and chosen.labels.tolist() == [7, 5] and len(chosen) == 2
    assert np.array_equal(chosen.decode(1), decode(encoded(0)))
