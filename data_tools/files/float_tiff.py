"""TIFF pictures with floats in several channels, or of 64 bits, which Pillow does not read."""

import io
import struct

import cv2
import numpy as np
from PIL import TiffImagePlugin

from data_tools.quiet import quiet

PIECES = ((273, 279), (324, 325))  # tags: where strips and tiles begin, bytes of each
PHOTOMETRIC, LOGARITHMS = 262, (32844, 32845)  # a tag, and its values for the logarithms of floats
WIDTH, HEIGHT, BITS, CHANNELS, KIND, FLOATS = 256, 257, 258, 277, 339, 3  # tags, and a value of KIND
DAMAGED = (OSError, ValueError, SyntaxError, TypeError, LookupError, EOFError, ArithmeticError)  # of Pillow


def float_colours(content: bytes, most_pixels: int) -> np.ndarray | None:
    """(H, W, 3) RGB as stored, grey repeated, alpha left out; None for any other picture, or one of more pixels."""
    tags = _tags(content)
    kinds, bits = tags.get(KIND, (1,)), tags.get(BITS, (1,))
    several = tags.get(CHANNELS, 1) in (3, 4)
    floats = set(kinds) == {FLOATS} or tags.get(PHOTOMETRIC) in LOGARITHMS
    if not floats or not (several or bits == (64,)) or tags[WIDTH] * tags[HEIGHT] > most_pixels:
        return None
    with quiet():
        values = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.dtype.kind != "f":
        return None
    return np.repeat(values[..., None], 3, axis=2) if values.ndim == 2 else np.ascontiguousarray(values[..., 2::-1])


def _tags(content: bytes) -> dict:
    """Of the first picture; {} where it is no TIFF, or a damaged one."""
    if content[:4] not in (b"II*\x00", b"MM\x00*"):
        return {}
    try:
        found = TiffImagePlugin.ImageFileDirectory_v2(content[:8])
        file = io.BytesIO(content)
        file.seek(found.next)
        found.load(file)
        ends = [begin + count for at, of in PIECES for begin, count in zip(found.get(at, ()), found.get(of, ()))]
        if max(ends, default=0) > len(content):
            return {}  # cut short, which Pillow says
        return {**dict(found), WIDTH: int(found[WIDTH]), HEIGHT: int(found[HEIGHT])}
    except (*DAMAGED, struct.error):
        return {}
