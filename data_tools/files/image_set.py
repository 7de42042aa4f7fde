"""Encoded images of one split with their labels, decoded one at a time when asked for."""

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PIL import Image, PngImagePlugin

from data_tools.errors import KitError
from data_tools.files.float_tiff import float_colours
from data_tools.files.other_kinds import HEAD, RAW, other_kind
from data_tools.files.sources import Source

MAX_PIXELS = 80_000_000
MAX_HEADER = 2**18  # bytes that surely hold the size, embedded thumbnails included
DECODE_VERSION = 1  # goes into every packed store: raise it when decode() gives other pixels than before
FORMATS = {  # how a file begins -> Pillow's name of the format
    b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"GIF87a": "GIF", b"GIF89a": "GIF", b"BM": "BMP",
    b"II*\x00": "TIFF", b"MM\x00*": "TIFF", b"II+\x00": "TIFF", b"MM\x00+": "TIFF",
    b"\x00\x00\x00\x0cjP  \r\n\x87\n": "JPEG2000", b"\xff\x4f\xff\x51\x00": "JPEG2000",
    **{b"P%d%c" % (kind, space): "PPM" for kind in (4, 5, 6) for space in b"\n\r\t "},
}
SUFFIXES = {
    "jpg": "JPEG", "jpeg": "JPEG", "jpe": "JPEG", "jfif": "JPEG", "png": "PNG", "gif": "GIF", "bmp": "BMP",
    "tif": "TIFF", "tiff": "TIFF", "webp": "WEBP", "jp2": "JPEG2000", "j2k": "JPEG2000", "jpf": "JPEG2000",
    "avif": "AVIF", "heic": "HEIF", "heif": "HEIF", "pgm": "PPM", "ppm": "PPM", "pbm": "PPM",
}
BRANDS = {  # of the container that films have too -> format
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "HEIF"),
}
# What Pillow raises on damaged files; the last two on numbers in their EXIF.
DAMAGED = (OSError, ValueError, SyntaxError, TypeError, LookupError, EOFError, ArithmeticError, struct.error)
ORIENTATION = 0x0112  # of EXIF
SUBFILE_KIND, DNG_VERSION = 254, 50706  # of TIFF
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

PNG_HEAD = b"\x89PNG\r\n\x1a\n"

PngImagePlugin.MAX_TEXT_CHUNK = 16 * 2**20  # of one text or colour profile, unpacked; those of monitors have megabytes
# Pillow warns (on standard error) from 89 megapixels; decode() refuses such images by name instead.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)
# of odd EXIF, which does no harm
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.TiffImagePlugin")


def image_format(head: bytes) -> str | None:
    """Format by content ("JPEG", "PNG", ...), from the first 16 bytes; None where it is no image we read."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        return "AVIF" if b"avif" in head[8:32] else BRANDS.get(head[8:12])
    if head[8:11] == b"CR\x02":  # a camera's raw picture, which is a TIFF but for this
        return None
    return next((name for magic, name in FORMATS.items() if head.startswith(magic)), None)


def suffix_format(name: str) -> str | None:
    """Format that the file name promises; None for a missing or unknown suffix."""
    stem, dot, suffix = name.rpartition(".")
    return SUFFIXES.get(suffix.lower()) if dot else None


def decode(content: bytes, name: str = "image") -> np.ndarray:
    """Decode to (H, W, 3) uint8 RGB, 0..255.

    EXIF orientation is applied; grey, CMYK, palette and 16-bit images are converted, floats scaled by their range;
    transparency lies on white.
    KitError naming `name` for what is damaged, cut short, of an unknown format or above 80 megapixels.
    """
    floats = float_colours(content, MAX_PIXELS)
    if floats is not None:
        return to_eight_bits(scaled(floats))
    with opened(content, name) as image:
        return np.array(_to_rgb(upright(image)))


@contextmanager
def opened(content: bytes, name: str) -> Iterator[Image.Image]:
    """The image, opened by its content; KitError naming `name` where it, or what is done with it, cannot be decoded."""
    try:
        with Image.open(io.BytesIO(without_texts(content)), formats=_readable(content, name)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise KitError(_too_large(name))
            if image.format == "TIFF" and _is_preview(image):
                raise KitError(f"{name} is {RAW}, of which only a small preview is read here; export it as .jpg or "
                               ".tif")
            yield image
    except Image.DecompressionBombError as error:
        raise KitError(_too_large(name)) from error
    except DAMAGED as error:
        reason = str(error)
        if isinstance(error, Image.UnidentifiedImageError):
            kind = other_kind(content[:HEAD])
            reason = f"it is {kind}" if kind else "unknown image format"
        raise KitError(f"{name} cannot be decoded ({reason}); replace or remove it") from error


def _is_preview(image: Image.Image) -> bool:
    """Whether the first picture of a TIFF is a reduced one, as in the raw files of cameras (.dng, .nef, .arw)."""
    tags = getattr(image, "tag_v2", {})
    return DNG_VERSION in tags or bool(tags.get(SUBFILE_KIND, 0) & 1)


def _readable(content: bytes, name: str = "") -> list[str]:
    """The formats that are tried; KitError for one that this installation does not read."""
    found, missing = image_format(content[:32]), ""
    if found == "HEIF" and not _reads_heif():
        missing = "HEIC (a telephone's); install its reader (pip install pillow-heif)"
    Image.init()
    if found == "AVIF" and found not in Image.OPEN:
        missing = "AVIF, which this Pillow does not read; install a newer one (pip install 'pillow>=11.3')"
    if missing:
        raise KitError(f"{name} is {missing}, or convert it to .png or .jpg")
    return sorted({*SUFFIXES.values()} & Image.OPEN.keys())


def _reads_heif() -> bool:
    """Whether the optional reader is there; Pillow knows it from then on."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True


def without_texts(content: bytes) -> bytes:
    """A PNG without the texts that programs leave in it, whose length Pillow bounds; those that may tell which way is
    up are kept."""
    if not content.startswith(PNG_HEAD):
        return content
    kept, place = [content[:8]], 8
    while place + 8 <= len(content):
        end = place + 12 + int.from_bytes(content[place:place + 4], "big")
        kind, key = content[place + 4:place + 8], content[place + 8:place + 40]
        if kind not in (b"tEXt", b"zTXt", b"iTXt") or key.startswith((b"Raw profile type exif", b"XML:com.adobe.xmp")):
            kept.append(content[place:end])
        place = end
    return b"".join(kept)


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
        with Image.open(io.BytesIO(content), formats=_readable(content)) as image:
            return image.size
    except (*DAMAGED, Image.DecompressionBombError, KitError):
        return 0, 0  # damaged; the audit and the packed store name it


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(to_eight_bits(sixteen_bits(image))).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def sixteen_bits(image: Image.Image) -> np.ndarray:
    """(H, W) uint16 of a grey image with more than 8 bits: as they are, floats and what goes beyond by their range."""
    values = np.asarray(image)
    if image.mode != "F" and (not values.size or 0 <= values.min() <= values.max() <= 65535):
        return values.astype(np.uint16)
    return scaled(values)


def scaled(values: np.ndarray) -> np.ndarray:
    """Numbers of any range to uint16, by value_range()."""
    low, high = value_range(values)
    shares = (np.nan_to_num(values.astype(np.float64), nan=low, posinf=high, neginf=low) - low) / ((high - low) or 1.0)
    return np.rint(65535 * np.clip(shares, 0, 1)).astype(np.uint16)


def to_eight_bits(values: np.ndarray) -> np.ndarray:
    """uint16 to uint8, 65535 to 255."""
    return ((values.astype(np.int64) + 128) // 257).astype(np.uint8)


def value_range(values: np.ndarray) -> tuple[float, float]:
    """What is black and what is white: 0 (or the least value, where there are negative ones) and the greatest value, or
    1, 255 or 65535 where that comes near it (1: from a sixteenth on); what is not finite does not count."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    if low < 0:
        return low, high
    whites = ((1 / 16, 1.0), (128.0, 255.0), (32768.0, 65535.0))
    return 0.0, next((white for least, white in whites if least <= high <= white), high)


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
