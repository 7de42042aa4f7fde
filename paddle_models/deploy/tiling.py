"""Images of any size through a generator, by overlapping tiles: the memory is the tile's."""

from collections.abc import Callable, Iterator

import numpy as np

from data_tools.errors import KitError
from paddle_models.tasks.image_metrics import to_bytes

TILE = 192  # pixels of the low resolution
MARGIN = 32  # around a tile, cut off again: Swift-SRGAN and SRGAN see 40 far; 24 gave the whole image to 2e-7


def tiles(height: int, width: int, side: int) -> Iterator[tuple[int, int, int, int]]:
    """(top, left, bottom, right) of parts of about equal size, none longer than `side`, that cover the image once."""
    rows, columns = (np.linspace(0, length, -(-length // side) + 1).round().astype(int).tolist()
                     for length in (height, width))
    for top, bottom in zip(rows, rows[1:]):
        for left, right in zip(columns, columns[1:]):
            yield top, left, bottom, right


def enlarge(generate: Callable[[np.ndarray], np.ndarray], scale: int, image: np.ndarray, tile: int = TILE,
            margin: int = MARGIN, finish: Callable[[np.ndarray], np.ndarray] = to_bytes,
            done: Callable[[], None] | None = None) -> np.ndarray:
    """(H, W, 3) float32 RGB in [0, 1], or uint8, to (scale H, scale W, 3): uint8, or what `finish` makes of the floats.

    generate: float32 (1, 3, h, w) in [0, 1] to (1, 3, scale h, scale w). tile: longest side that is computed at once
    beside its margin; 0: the whole image. done: called after each tile. The image's own border is the network's border,
    as without tiles. KitError for an image without pixels.
    """
    if tile < 0 or margin < 0:
        raise KitError(f"tiles of {tile} pixels with a margin of {margin} cannot be cut; give 0 (whole images) or more")
    height, width = image.shape[:2]
    result: np.ndarray | None = None
    for top, left, bottom, right in tiles(height, width, tile or max(height, width)):
        above, before = max(0, top - margin), max(0, left - margin)
        part = image[above:min(height, bottom + margin), before:min(width, right + margin)]
        part = part.astype(np.float32) / 255 if part.dtype == np.uint8 else part.astype(np.float32)
        found = generate(np.ascontiguousarray(part.transpose(2, 0, 1)[None]))[0]
        rows = slice(scale * (top - above), scale * (bottom - above))
        columns = slice(scale * (left - before), scale * (right - before))
        piece = finish(found[:, rows, columns].transpose(1, 2, 0))
        if result is None:
            result = np.empty((scale * height, scale * width, 3), piece.dtype)
        result[scale * top:scale * bottom, scale * left:scale * right] = piece
        if done:
            done()
    if result is None:
        raise KitError(f"an image of {width}x{height} pixels cannot be enlarged")
    return result
