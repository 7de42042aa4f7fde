"""Encoded images of one split with their labels, decoded one at a time when asked for."""

import io
import struct
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image

from data_tools.errors import KitError
from data_tools.files.sources import Source

MAX_PIXELS = 80_000_000
MAX_HEADER = 2**18  # bytes that surely hold the size, embedded thumbnails included
DECODE_VERSION = 1  # goes into every packed store: raise it when decode() gives other pixels than before
FORMATS = {  # how a file begins -> Pillow's name of the format
    b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"GIF87a": "GIF", b"GIF89a": "GIF", b"BM": "BMP",
    b"II*\x00": "TIFF", b"MM\x00*": "TIFF",
}
SUFFIXES = {
    "jpg": "JPEG", "jpeg": "JPEG", "png": "PNG", "gif": "GIF", "bmp": "BMP", "tif": "TIFF", "tiff": "TIFF",
    "webp": "WEBP",
}
# What Pillow raises on damaged files; the last two on numbers in their EXIF.
DAMAGED = (OSError, ValueError, SyntaxError, TypeError, LookupError, EOFError, ArithmeticError, struct.error)
ORIENTATION = 0x0112  # of EXIF
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Pillow warns (on standard error) from 89 megapixels; decode() refuses such images by name instead.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)
# of odd EXIF, which does no harm
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.TiffImagePlugin")


def image_format(head: bytes) -> str | None:
    """Format by content ("JPEG", "PNG", ...), from the first 16 bytes; None where it is no image we read."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    return next((name for magic, name in FORMATS.items() if head.startswith(magic)), None)


def suffix_format(name: str) -> str | None:
    """Format that the file name promises; None for a missing or unknown suffix."""
    stem, dot, suffix = name.rpartition(".")
    return SUFFIXES.get(suffix.lower()) if dot else None


def decode(content: bytes, name: str = "image") -> np.ndarray:
    """Decode to (H, W, 3) uint8 RGB, 0..255.

    EXIF orientation is applied; grey, CMYK, palette and 16-bit images are converted; transparency lies on
    white.
    KitError naming `name` for what is damaged, cut short, of an unknown format or above 80 megapixels.
    """
    try:
        with Image.open(io.BytesIO(content), formats=sorted(set(SUFFIXES.values()))) as image:
            if image.width * image.height > MAX_PIXELS:
                raise KitError(_too_large(name))
            return np.array(_to_rgb(upright(image)))
    except Image.DecompressionBombError as error:
        raise KitError(_too_large(name)) from error
    except DAMAGED as error:
        reason = "unknown image format" if isinstance(error, Image.UnidentifiedImageError) else str(error)
        raise KitError(f"{name} cannot be decoded ({reason}); replace or remove it") from error


def upright(image: Image.Image) -> Image.Image:
    """Turned as its EXIF orientation says; as stored where that is absent or cannot be read.

    ImageOps.exif_transpose() also rewrites the rest of the EXIF and fails on that of some telephones.
    """
    image.load()
    try:
        turn = TURNS.get(image.getexif().get(ORIENTATION, 1))
    except DAMAGED:
        return image  # its pixels are whole
    return image if turn is None else image.transpose(turn)


def _too_large(name: str) -> str:
    return f"{name} has more than the {MAX_PIXELS:,} pixels that are read; reduce or remove it"


def image_size(content: bytes) -> tuple[int, int]:
    """(width, height) from the beginning of an encoded image; (0, 0) where it cannot be told."""
    try:
        with Image.open(io.BytesIO(content), formats=sorted(set(SUFFIXES.values()))) as image:
            return image.size
    except (*DAMAGED, Image.DecompressionBombError):
        return 0, 0  # damaged; the audit and the packed store name it


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits per pixel: Pillow's own conversion would clip at 255
        values = np.clip(np.asarray(image, dtype=np.int64), 0, 65535)
        return Image.fromarray(((values + 128) // 257).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


@dataclass(frozen=True)
class ImageSet:
    """Images of one split, in a stable order.

    `labels` is int64 (N,) for classes or uint8 (N, K), 0 or 1, for attributes.
    """

    name: str
    source: Source
    names: tuple[str, ...]
    labels: np.ndarray

    def __post_init__(self):
        if len(self.names) != len(self.labels):
            raise ValueError(f"{self.name}: {len(self.names)} names, {len(self.labels)} labels")

    def __len__(self) -> int:
        return len(self.names)

    def read(self, index: int) -> bytes:
        """The encoded file."""
        return self.source.read(self.names[index])

    def decode(self, index: int) -> np.ndarray:
        """(H, W, 3) uint8 RGB; KitError naming the file where it cannot be decoded."""
        return decode(self.read(index), self.names[index])

    def sizes(self) -> np.ndarray:
        """(N, 2) int64 width and height as stored, read from the headers; (0, 0) for what is no image."""
        sizes = [image_size(self.source.head(name, MAX_HEADER)) for name in self.names]
        return np.array(sizes, np.int64).reshape(-1, 2)

    def subset(self, indices, name: str | None = None) -> "ImageSet":
        """The images at `indices`, in that order."""
        indices = np.asarray(indices, dtype=np.int64)
        names = tuple(self.names[i] for i in indices)
        return ImageSet(name or self.name, self.source, names, self.labels[indices])
