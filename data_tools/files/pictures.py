"""Pictures that go through a network and come out as they were: grey stays grey, transparency is kept."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from data_tools.errors import KitError
from data_tools.files.image_set import DAMAGED, MAX_PIXELS, SUFFIXES, upright


@dataclass(frozen=True)
class Picture:
    """rgb: (H, W, 3) uint8. alpha: (H, W) uint8, 255 = opaque, or None. grey: the three channels are one.

    notes: what was lost.
    """

    rgb: np.ndarray
    alpha: np.ndarray | None = None
    grey: bool = False
    notes: tuple[str, ...] = ()


def read_picture(content: bytes, name: str) -> Picture:
    """Decode an image; EXIF orientation is applied, CMYK becomes RGB, 16 bits become 8 (both said in `notes`).

    KitError naming `name` for what is damaged, cut short, of an unknown format or above 80 megapixels.
    """
    try:
        with Image.open(io.BytesIO(content), formats=sorted(set(SUFFIXES.values()))) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise KitError(f"{name} has more than the {MAX_PIXELS:,} pixels that are read; reduce it")
            deep = opened.mode.startswith("I") or opened.mode == "F" or _has_16_bits(content)
            frames = getattr(opened, "n_frames", 1)
            notes = [f"{name}: one of {frames} frames, the first"] if frames > 1 else []
            image = upright(opened)
            if deep:
                notes.append(f"{name}: 16 bits become 8")
            if image.mode == "CMYK":
                notes.append(f"{name}: CMYK becomes RGB")
            return _picture(image, tuple(notes))
    except Image.DecompressionBombError as error:
        raise KitError(f"{name} has more than the {MAX_PIXELS:,} pixels that are read; reduce it") from error
    except DAMAGED as error:
        reason = "unknown image format" if isinstance(error, Image.UnidentifiedImageError) else str(error)
        raise KitError(f"{name} cannot be decoded ({reason}); replace or remove it") from error


def _has_16_bits(content: bytes) -> bool:
    """Whether a PNG has 16 bits per channel, which Pillow cuts to 8 by itself in colour images."""
    return content.startswith(b"\x89PNG\r\n\x1a\n") and content[24:25] == b"\x10"


def _picture(image: Image.Image, notes: tuple[str, ...]) -> Picture:
    if image.mode.startswith("I"):  # Pillow's own conversion would clip at 255
        values = (np.clip(np.asarray(image, np.int64), 0, 65535) + 128) // 257
        return Picture(np.repeat(values.astype(np.uint8)[..., None], 3, axis=2), None, True, notes)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        grey = image.mode in ("LA", "La", "L")
        values = np.asarray(image.convert("RGBA"))
        return Picture(np.ascontiguousarray(values[..., :3]), np.ascontiguousarray(values[..., 3]), grey, notes)
    return Picture(np.array(image.convert("RGB")), None, image.mode in ("L", "1"), notes)


def encode_png(picture: Picture) -> bytes:
    """A PNG file with the channels that the picture has; a grey one's are averaged."""
    values = np.rint(picture.rgb.mean(axis=2, keepdims=True)).astype(np.uint8) if picture.grey else picture.rgb
    if picture.alpha is not None:
        values = np.concatenate([values, picture.alpha[..., None]], axis=2)
    buffer = io.BytesIO()
    Image.fromarray(values[..., 0] if values.shape[2] == 1 else values).save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def enlarge_alpha(alpha: np.ndarray, scale: int) -> np.ndarray:
    """(H, W) uint8 to (scale H, scale W), bicubic."""
    size = (alpha.shape[1] * scale, alpha.shape[0] * scale)
    return np.asarray(Image.fromarray(alpha).resize(size, Image.Resampling.BICUBIC))
