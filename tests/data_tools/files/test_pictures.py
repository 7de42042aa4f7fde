"""Pictures of less usual kinds: floats, 16 bits, long texts, profiles, formats with an optional reader."""

import io
import sys
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from data_tools.errors import KitError
from data_tools.files.image_set import decode, image_format
from data_tools.files.names import shown
from data_tools.files.pictures import encode_png, on_white, read_picture
from data_tools.quiet import quiet

RAMP = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (32, 1))
COLOURS = np.dstack([RAMP, RAMP[:, ::-1], RAMP * 0.5])


def encoded(image: Image.Image, kind: str, **more) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **more)
    return buffer.getvalue()


@pytest.mark.parametrize("values, words", [
    (RAMP, "0 black and 1 white"), (RAMP * 3, "0 black and 3 white"), (RAMP * 200, "0 black and 255 white"),
    (RAMP * 60000, "0 black and 65535 white"), (RAMP * 4000, "0 black and 4000 white"),
    (RAMP * 3 - 1, "-1 black and 2 white"), (RAMP * 1e6, r"0 black and 1e\+06 white"),
])
def test_floats_are_scaled_by_their_range(values, words):
    content = encoded(Image.fromarray(values.astype(np.float32)), "TIFF")
    picture = read_picture(content, "x.tif")
    assert picture.rgb.dtype == np.uint16 and picture.grey and picture.notes
    assert words.replace("\\", "") in picture.notes[0]
    seen = decode(content)[..., 0].astype(float)
    assert np.corrcoef(seen[0], RAMP[0])[0, 1] > 0.999 and seen.min() < 4 and np.ptp(seen) > 190
    assert (on_white(picture) == decode(content)).all()


def test_what_is_not_finite_does_no_harm():
    values = RAMP.copy()
    values[0, :3] = np.nan, np.inf, -np.inf
    seen = decode(encoded(Image.fromarray(values), "TIFF"))
    assert seen[0, :3, 0].tolist() == [0, 255, 0] and seen[1, -1, 0] == 255
    assert decode(encoded(Image.fromarray(np.full((4, 4), np.nan, np.float32)), "TIFF")).max() == 0


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_come_out_as_they_went_in(suffix, channels):
    values = np.rint(np.dstack([COLOURS, RAMP * 0.9])[..., :channels] * 65535).astype(np.uint16)
    _, content = cv2.imencode(suffix, values)
    picture = read_picture(content.tobytes(), "x")
    assert picture.rgb.dtype == np.uint16 and (picture.alpha is not None) == (channels == 4) and picture.notes == ()
    again = cv2.imdecode(np.frombuffer(encode_png(picture), np.uint8), cv2.IMREAD_UNCHANGED)
    assert (again == values.squeeze()).all()


def jpeg_2000(values: np.ndarray, layout: str, shift: int, container: str = "jp2") -> bytes:
    """(H, W, 3) uint16 in 16 - shift bits, without loss; layout: as libav calls it."""
    context = av.CodecContext.create("jpeg2000", "w")
    context.width, context.height, context.pix_fmt, context.time_base = 64, 32, layout, Fraction(1)
    context.options = {"format": container, "pred": "dwt53"}
    frame = av.VideoFrame(64, 32, layout)
    planes = [values] if layout == "rgb48le" else [values[..., channel] for channel in (1, 2, 0)]
    for plane, part in zip(frame.planes, planes):
        row = part.reshape(32, -1) >> shift
        plane.update(np.pad(row, ((0, 0), (0, plane.line_size // 2 - row.shape[1]))).tobytes())
    return b"".join(bytes(packet) for packet in (*context.encode(frame), *context.encode(None)))


def pixmap(values: np.ndarray, maximum: int) -> bytes:
    """A binary PPM with that greatest value, and a comment with a number in its header."""
    return b"P6 # 7\n64 32\n%d\n" % maximum + np.rint(values / 65535 * maximum).astype(">u2").tobytes()


DEEP = np.rint(COLOURS * 65535).astype(np.uint16)


@pytest.mark.parametrize("content, error", [
    (jpeg_2000(DEEP, "rgb48le", 0), 0), (jpeg_2000(DEEP, "rgb48le", 0, "j2k"), 0),
    (jpeg_2000(DEEP, "gbrp12le", 4), 17), (jpeg_2000(DEEP, "gbrp10le", 6), 65),
    (pixmap(DEEP, 65535), 0), (pixmap(DEEP, 1023), 33)],
    ids=["jp2-16", "j2k-16", "jp2-12", "jp2-10", "ppm-16", "ppm-10"])
def test_nine_to_sixteen_bits_of_colour_become_sixteen(content, error, capfd):
    picture = read_picture(content, "x")
    assert picture.rgb.dtype == np.uint16 and picture.notes == () and not picture.grey
    assert np.abs(picture.rgb.astype(int) - DEEP).max() <= error
    assert capfd.readouterr() == ("", "")


def test_more_than_eight_bits_that_cannot_be_read_are_said(monkeypatch):
    monkeypatch.setattr("data_tools.files.pictures.cv2.imdecode", lambda *_: None)
    picture = read_picture(jpeg_2000(DEEP, "rgb48le", 0), "x.jp2")
    assert picture.rgb.dtype == np.uint8
    assert picture.notes == ("x.jp2: 16 bits a channel become 8, which is all that can be read of JPEG2000",)


def avif(layout: str) -> bytes:
    """A black picture; SVT-AV1 talks to the terminal."""
    file = io.BytesIO()
    with quiet(1, 2), av.open(file, "w", format="avif") as container:
        stream = container.add_stream("libsvtav1", rate=1)
        stream.width, stream.height, stream.pix_fmt = 64, 64, layout
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return file.getvalue()


def test_ten_bits_of_avif_are_said():
    Image.init()
    if "AVIF" not in Image.OPEN or "libsvtav1" not in av.codecs_available:
        pytest.skip("AVIF is not written or not read here")
    assert read_picture(avif("yuv420p"), "x.avif").notes == ()
    (note,) = read_picture(avif("yuv420p10le"), "x.avif").notes
    assert note == "x.avif: 10 bits a channel become 8, which is all that can be read of AVIF"


@pytest.mark.parametrize("header", [b"P6\n8 8\n99999999999\n", b"P6\n8 8\n-1\n", b"P6\n8\n", b"P6 #"])
def test_a_damaged_pixmap_is_named(header):
    with pytest.raises(KitError, match="x.ppm"):
        read_picture(header + b"\0" * 20, "x.ppm")


def test_a_turned_sixteen_bit_picture_stands_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    flat = encoded(Image.fromarray((COLOURS * 255).astype(np.uint8)), "PNG", exif=exif)
    _, deep = cv2.imencode(".png", np.rint(COLOURS[..., ::-1] * 65535).astype(np.uint16))
    chunk = flat[flat.index(b"eXIf") - 4:]
    chunk = chunk[:12 + int.from_bytes(chunk[:4], "big")]
    turned = deep.tobytes()[:33] + chunk + deep.tobytes()[33:]
    picture = read_picture(turned, "x")
    assert picture.rgb.dtype == np.uint16 and picture.rgb.shape == (64, 32, 3)
    assert np.abs(on_white(picture).astype(int) - decode(flat)).max() <= 1


def test_long_texts_of_a_png_do_not_matter():
    texts = PngImagePlugin.PngInfo()
    for key in ("prompt", "workflow"):
        texts.add_text(key, "a" * 70_000_000, zip=True)
    image = Image.fromarray((COLOURS * 255).astype(np.uint8))
    assert (decode(encoded(image, "PNG", pnginfo=texts)) == np.asarray(image)).all()


def test_profiles_stay_where_they_belong():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = Image.fromarray((COLOURS * 255).astype(np.uint8))
    for kind in ("PNG", "JPEG", "TIFF", "WEBP"):
        picture = read_picture(encoded(image, kind, icc_profile=profile), "x")
        assert picture.profile == profile, kind
        assert Image.open(io.BytesIO(encode_png(picture))).info["icc_profile"] == profile
    assert read_picture(encoded(image.convert("L"), "PNG", icc_profile=profile), "x").profile is None
    deep = cv2.imencode(".png", np.rint(COLOURS * 65535).astype(np.uint16))[1].tobytes()
    flat = encoded(image, "PNG", icc_profile=profile, dpi=(300, 150))
    between = deep[:33] + flat[33:flat.index(b"IDAT") - 4] + deep[33:]
    again = read_picture(encode_png(read_picture(between, "x")), "y")
    assert again.rgb.dtype == np.uint16 and again.profile == profile
    assert again.dpi == pytest.approx((300, 150), abs=0.1)


def test_formats_are_told_by_content():
    image = Image.fromarray((COLOURS * 255).astype(np.uint8))
    for kind in ("JPEG2000", "AVIF", "PPM"):
        try:
            content = encoded(image, kind)
        except (KeyError, OSError):
            continue  # not in this Pillow
        assert image_format(content[:32]) == kind
        assert np.abs(decode(content).astype(int) - np.asarray(image)).mean() < 12


def test_heic_is_named_with_what_to_install(monkeypatch):
    head = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
    assert image_format(head) == "HEIF"
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(KitError, match=r"photo\.heic is HEIC .*pip install pillow-heif"):
        decode(head + bytes(90), "photo.heic")


def test_heic_is_read_where_its_reader_is():
    pillow_heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    image = Image.fromarray((COLOURS * 255).astype(np.uint8))
    pillow_heif.from_pillow(image).save(buffer)
    assert np.abs(decode(buffer.getvalue()).astype(int) - np.asarray(image)).mean() < 12


def test_names_are_shown_whatever_their_bytes():
    assert shown("猴子 (1).png") == "猴子 (1).png"
    assert shown("\udcb2\udce2.png") == "\\xb2\\xe2.png"
    assert shown("a\x1b[31m\n\u202eb") == "a\\x1b[31m\\x0a\\u202eb"
