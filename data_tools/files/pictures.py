"""Pictures that go through a network and come out as they were: grey stays grey, 16 bits stay 16, transparency, colour
profile and dots per inch are kept."""

import io
import re
import struct
import zlib
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageCms

from data_tools.files.float_tiff import float_colours
from data_tools.files.image_set import (
    DAMAGED,
    MAX_PIXELS,
    ORIENTATION,
    PNG_HEAD,
    TURNS,
    opened,
    scaled,
    sixteen_bits,
    to_eight_bits,
    upright,
    value_range,
)
from data_tools.quiet import quiet

BITS_PER_SAMPLE = 258  # of TIFF
INCH = 0.0254  # metres
JPEG_QUALITY = 92
CODESTREAM = b"\xff\x4f\xff\x51"  # how the pixels of a JPEG 2000 picture begin
FROM_FILMS = ("AVIF", "HEIF")  # of which Pillow's readers give 8 bits
LONGEST_PPM_HEADER = 4096  # bytes


@dataclass(frozen=True)
class Picture:
    """rgb: (H, W, 3) uint8 or uint16. alpha: (H, W) of the same type, its greatest value = opaque, or None. grey: the
    three channels are one.

    notes: what was lost. profile: the ICC profile of its colours; dpi: dots per inch, across and down.
    """

    rgb: np.ndarray
    alpha: np.ndarray | None = None
    grey: bool = False
    notes: tuple[str, ...] = ()
    profile: bytes | None = None
    dpi: tuple[float, float] | None = None


def read_picture(content: bytes, name: str) -> Picture:
    """Decode an image; EXIF orientation is applied, CMYK becomes RGB and of several frames the first is taken (both
    said in `notes`), 9 to 16 bits become 16, floats too (said), and so is where more than 8 cannot be had.

    KitError naming `name` for what is damaged, cut short, of an unknown format or above 80 megapixels.
    """
    floats = float_colours(content, MAX_PIXELS)
    if floats is not None:
        return Picture(scaled(floats), notes=(_floats_note(name, floats),))
    with opened(content, name) as image:
        notes, frames = [], getattr(image, "n_frames", 1)
        if frames > 1 and image.format != "MPO":  # a telephone's photograph with its own reductions
            notes.append(f"{name}: one of {frames} frames, the first; convert it to .mp4 to have all of them")
        colours = _sixteen_bit_colours(content, image)
        turned = upright(image)
        if turned.mode == "F":
            notes.append(_floats_note(name, np.asarray(turned)))
        if turned.mode == "CMYK":
            notes.append(f"{name}: CMYK becomes RGB")
            turned = _from_cmyk(turned)
        if colours is None and (deepest := _brightest(content, image)) > 255:
            notes.append(f"{name}: {deepest.bit_length()} bits a channel become 8, which is all that can be read of "
                         f"{image.format}")
        rgb, alpha, grey = colours or _channels(turned)
        return Picture(rgb, alpha, grey, tuple(notes), _profile(turned, grey), _dpi(image))


def _floats_note(name: str, values: np.ndarray) -> str:
    low, high = value_range(values)
    return f"{name}: float values become 16 bits, {low:g} black and {high:g} white"


def _sixteen_bit_colours(content: bytes, image: Image.Image) -> tuple[np.ndarray, np.ndarray | None, bool] | None:
    """RGB, alpha and False of an image with more than 8 bits in each of several channels, which Pillow cuts to 8; None
    for any other. Whatever the bits, the greatest value becomes 65535."""
    brightest = _brightest(content, image)
    if brightest <= 255 or image.format in FROM_FILMS:
        return None
    with quiet():
        values = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.dtype != np.uint16 or values.ndim != 3:
        return None  # of a kind that OpenCV does not read: 8 bits are better than none, and said
    values = np.ascontiguousarray(_turned(values, image))
    if brightest < 65535:
        values = np.rint(np.minimum(values, brightest) * (65535 / brightest)).astype(np.uint16)
    rgb, alpha = values[..., 2::-1], values[..., 3] if values.shape[2] == 4 else None
    grey = content.startswith(PNG_HEAD) and content[25] == 4
    return np.ascontiguousarray(rgb), None if alpha is None else np.ascontiguousarray(alpha), grey


def _brightest(content: bytes, image: Image.Image) -> int:
    """The greatest value that a channel may have, of images with several; 255 where that is not told."""
    bits = 8
    if content.startswith(PNG_HEAD):
        bits = content[24] if content[25] else 8  # 0: grey, which Pillow keeps
    elif image.format == "TIFF":
        bits = 16 if _tiff_bits(image)[:3] == (16, 16, 16) else 8
    elif image.format == "JPEG2000":
        size = content.find(CODESTREAM)  # its marker SIZ: number of components, then of each the bits less one
        several = size >= 0 and int.from_bytes(content[size + 40:size + 42], "big") >= 3
        bits = (content[size + 42] & 0x7F) + 1 if several and len(content) > size + 42 else 8
    elif image.format == "PPM" and content.startswith(b"P6"):
        return max(255, _ppm_maximum(content))
    elif image.format in FROM_FILMS:
        channels = content.find(b"pixi")  # a box: version and flags, number of channels, bits of each
        bits = content[channels + 9] if 0 <= channels < len(content) - 9 else 8
    return (1 << bits) - 1 if 8 < bits <= 16 else 255


def _ppm_maximum(content: bytes) -> int:
    """The third number of the header; comments go from # to the end of the line."""
    words = re.sub(rb"#[^\n]*", b"", content[:LONGEST_PPM_HEADER]).split()[1:4]
    return int(words[2]) if len(words) == 3 and words[2].isdigit() and len(words[2]) < 6 else 255


def _tiff_bits(image: Image.Image) -> tuple[int, ...]:
    bits = getattr(image, "tag_v2", {}).get(BITS_PER_SAMPLE, ())
    return tuple(bits) if isinstance(bits, tuple) else (bits,)


def _turned(values: np.ndarray, image: Image.Image) -> np.ndarray:
    """As upright() turns images."""
    try:
        turn = TURNS.get(image.getexif().get(ORIENTATION, 1))
    except DAMAGED:
        return values
    steps = {Image.Transpose.ROTATE_90: 1, Image.Transpose.ROTATE_180: 2, Image.Transpose.ROTATE_270: 3}
    if turn in steps:
        return np.rot90(values, steps[turn])
    if turn == Image.Transpose.FLIP_LEFT_RIGHT:
        return values[:, ::-1]
    if turn == Image.Transpose.FLIP_TOP_BOTTOM:
        return values[::-1]
    if turn == Image.Transpose.TRANSPOSE:
        return values.swapaxes(0, 1)
    return values[::-1, ::-1].swapaxes(0, 1) if turn == Image.Transpose.TRANSVERSE else values


def _from_cmyk(image: Image.Image) -> Image.Image:
    """RGB by the profile of the printer's colours where the image has one that can be read."""
    profile = image.info.get("icc_profile")
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile)) if profile else None
        found = source and ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, *DAMAGED):
        found = None
    rgb = found or image.convert("RGB")
    rgb.info.pop("icc_profile", None)
    return rgb


def _channels(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None, bool]:
    """RGB, alpha and whether it is grey."""
    if image.mode.startswith("I") or image.mode == "F":
        return np.repeat(sixteen_bits(image)[..., None], 3, axis=2), None, True
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        grey = image.mode in ("LA", "La", "L")
        values = np.asarray(image.convert("RGBA"))
        return np.ascontiguousarray(values[..., :3]), np.ascontiguousarray(values[..., 3]), grey
    return np.array(image.convert("RGB")), None, image.mode in ("L", "1")


def _profile(image: Image.Image, grey: bool) -> bytes | None:
    """The ICC profile, where it belongs to the channels that come out."""
    profile = image.info.get("icc_profile")
    return profile if profile and profile[16:20] == (b"GRAY" if grey else b"RGB ") else None


def _dpi(image: Image.Image) -> tuple[float, float] | None:
    try:
        across, down = (float(value) for value in image.info["dpi"])
    except (KeyError, *DAMAGED):
        return None
    return (across, down) if 0 < across < 1e6 and 0 < down < 1e6 else None


def on_white(picture: Picture) -> np.ndarray:
    """(H, W, 3) uint8: 8 bits, transparency lies on white."""
    rgb = _eight_bits(picture.rgb)
    if picture.alpha is None:
        return rgb
    both = Image.fromarray(np.dstack([rgb, _eight_bits(picture.alpha)]))
    return np.array(Image.alpha_composite(Image.new("RGBA", both.size, "white"), both).convert("RGB"))


def _eight_bits(values: np.ndarray) -> np.ndarray:
    return values if values.dtype == np.uint8 else to_eight_bits(values)


def encode_png(picture: Picture) -> bytes:
    """A PNG file with the channels and bits that the picture has; a grey one's are averaged."""
    values = picture.rgb
    if picture.grey:
        values = np.rint(picture.rgb.mean(axis=2, keepdims=True)).astype(picture.rgb.dtype)
    if picture.alpha is not None:
        values = np.concatenate([values, picture.alpha[..., None]], axis=2)
    if values.dtype == np.uint16:
        return _encode_deep_png(values, picture)
    buffer = io.BytesIO()
    Image.fromarray(values[..., 0] if values.shape[2] == 1 else values).save(
        buffer, "PNG", compress_level=3, icc_profile=picture.profile, **({"dpi": picture.dpi} if picture.dpi else {}))
    return buffer.getvalue()


def _encode_deep_png(values: np.ndarray, picture: Picture) -> bytes:
    """16 bits a channel, which Pillow writes for grey only; grey with alpha is written as RGB with alpha."""
    if values.shape[2] == 2:
        values = values[..., [0, 0, 0, 1]]
    if values.shape[2] > 2:
        values = values[..., [2, 1, 0, 3][:values.shape[2]]]
    _, encoded = cv2.imencode(".png", np.ascontiguousarray(values), [cv2.IMWRITE_PNG_COMPRESSION, 3])
    content = encoded.tobytes()
    more = b""
    if picture.profile:
        more += _chunk(b"iCCP", b"profile\0\0" + zlib.compress(picture.profile))
    if picture.dpi:
        more += _chunk(b"pHYs", struct.pack(">IIB", *(round(value / INCH) for value in picture.dpi), 1))
    head = len(PNG_HEAD) + 25  # with IHDR
    return content[:head] + more + content[head:]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def encode_jpeg(rgb: np.ndarray, like: Picture) -> bytes:
    """A JPEG file of (H, W, 3) uint8 with the profile and dots per inch of the picture it was made from."""
    profile = like.profile if not like.grey else None
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=JPEG_QUALITY, icc_profile=profile,
                              **({"dpi": tuple(map(round, like.dpi))} if like.dpi else {}))
    return buffer.getvalue()


def enlarge_alpha(alpha: np.ndarray, scale: int) -> np.ndarray:
    """(H, W) uint8 or uint16 to (scale H, scale W), bicubic."""
    size = (alpha.shape[1] * scale, alpha.shape[0] * scale)
    if alpha.dtype == np.uint8:
        return np.asarray(Image.fromarray(alpha).resize(size, Image.Resampling.BICUBIC))
    values = Image.fromarray(alpha.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
    return np.clip(np.rint(np.asarray(values)), 0, 65535).astype(np.uint16)
