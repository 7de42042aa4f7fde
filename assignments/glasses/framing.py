"""Which part of a picture the network sees: packed larger than its input, of which the middle is taken."""

from dataclasses import dataclass

CELEBA_ASPECT, CELEBA_ZOOM = 218 / 178, 1.5


@dataclass(frozen=True)
class MiddleSigned:
    """(B, H, W, 3) uint8 to the network's input: float32 (B, 3, side, side) in [-1, 1], the middle of each image."""

    side: int

    def __call__(self, images):
        from data_tools.batches.loader import to_signed_unit

        return to_signed_unit(middle(images, self.side))


def middle(images, side: int):
    """(B, H, W, 3) to (B, side, side, 3), a view."""
    top, left = ((length - side) // 2 for length in images.shape[1:3])
    return images[:, top:top + side, left:left + side]


def fitting_zoom(zoom: float, images) -> float:
    """The setting, or what fits the images where it is 0."""
    return zoom or (CELEBA_ZOOM if framed_as_celeba(images) else 1.0)


def framed_as_celeba(images) -> bool:
    """Whether the first images are 178 wide for 218 high, as CelebA's aligned photographs are in any size."""
    sizes = images.subset(range(min(len(images), 8))).sizes()
    return bool((abs(sizes[:, 1] / sizes[:, 0].clip(1) - CELEBA_ASPECT) < 0.02).all())
