"""A monkey drawn by code: what a species looks like (`Species`), how it holds itself (`Pose`) and the strokes
that make it. Lengths are in head radii, y points down; a monkey looks left until the picture is mirrored."""

from dataclasses import dataclass

import numpy as np

from data_tools.drawing.brush import Brush, Colour, Strip, ellipse, limb

WHITE, BLACK = (240, 236, 228), (30, 27, 28)


@dataclass(frozen=True)
class Species:
    """What tells one drawn species from another. Colours are RGB; sizes are in head radii."""

    label: str  # common name in monkey_labels.txt
    latin: str
    back: Colour  # torso, and whatever is not named below
    belly: Colour
    shoulders: Colour  # first third of the torso and the upper arms
    flanks: Colour  # the howler's mantle
    limbs: tuple[Colour, Colour]  # upper, lower
    tail: tuple[Colour, Colour]  # root, tip
    head: Colour  # fur around the face
    cap: Colour  # fur of the crown
    skin: Colour  # bare face
    muzzle: Colour
    ears: Colour
    face: tuple[float, float] = (0.62, 0.72)  # half-width and half-height of the bare face
    muzzle_size: tuple[float, float] = (0.36, 0.3)
    eyes: tuple[float, Colour] = (0.13, (110, 62, 28))  # radius and iris
    ear_size: float = 0.26
    ear_tufts: Colour | None = None
    mane: tuple[float, Colour] | None = None  # radius and colour of the ruff behind the head
    eye_mask: Colour | None = None  # fur around the eyes
    brows: Colour | None = None  # band above the eyes
    stripes: Colour | None = None  # three lines over the crown
    whiskers: Colour | None = None  # moustache and chin
    bald: bool = False  # the skin goes on over the crown
    fur: float = 0.28  # length of a hair
    grizzle: float = 0.1  # how much hairs differ in brightness
    build: float = 1.0  # width of torso and limbs
    legs: float = 1.0  # length of the limbs
    tail_length: float = 3.5
    tail_width: float = 0.2
    tail_curl: float = 0.0  # turns at the tip


@dataclass(frozen=True)
class Pose:
    """Control points of a body, and the box around it that a picture should show."""

    head: tuple[float, float]
    torso: tuple
    torso_widths: tuple
    far_limbs: tuple  # drawn behind the torso, darker
    near_limbs: tuple
    tail: tuple[float, float, float, float]  # root x, y, direction in radians, bend per length
    support: str  # "ground", "branch", "trunk" or "none"
    view: tuple[float, float, float, float]  # left, top, right, bottom
    frontal: bool = False  # belly in the middle of the torso rather than on its right side


# fmt: off
POSES = {
    "sitting": Pose(
        head=(0, -1.0), torso=((0, -0.5), (-0.1, 1.2), (0, 3.2)), torso_widths=(0.75, 1.1, 1.45),
        far_limbs=(), tail=(0.8, 2.8, 0.0, -0.35), support="ground",
        view=(-2.6, -2.3, 3.2, 3.8), frontal=True,
        near_limbs=(((0.6, 2.7), (2.3, 1.2), (1.25, 3.3)), ((-0.6, 2.7), (-2.3, 1.2), (-1.25, 3.3)),
                    ((0.75, 0.2), (1.7, 1.5), (0.45, 3.2)), ((-0.75, 0.2), (-1.7, 1.5), (-0.45, 3.2)))),
    "walking": Pose(
        head=(-2.5, -0.75), torso=((-2.0, -0.3), (0, -0.25), (2.0, 0.1)), torso_widths=(0.85, 0.85, 0.95),
        far_limbs=(((-1.4, 0.2), (-1.9, 1.4), (-2.3, 2.8)), ((1.6, 0.3), (2.1, 1.4), (1.2, 2.8))),
        near_limbs=(((-1.3, 0.1), (-1.0, 1.4), (-1.2, 3.0)), ((1.5, 0.2), (1.5, 1.6), (2.3, 3.0))),
        tail=(1.6, -0.1, -0.4, -0.25), support="ground", view=(-3.9, -2.4, 4.2, 3.4)),
    "perched": Pose(
        head=(-1.0, -1.1), torso=((-0.8, -0.6), (1.0, -0.3), (1.0, 2.1)), torso_widths=(0.75, 1.05, 1.2),
        far_limbs=(((-0.9, 0.1), (-1.9, 0.9), (-1.6, 2.3)),), tail=(1.1, 1.6, 1.35, 0.15), support="branch",
        near_limbs=(((1.1, 1.5), (-1.4, 0.3), (-0.1, 2.4)), ((-0.3, 0.1), (-0.7, 1.2), (-0.9, 2.4))),
        view=(-3.0, -2.5, 3.0, 4.4)),
    "resting": Pose(
        head=(-2.4, 0.1), torso=((-1.9, 0.4), (0, -0.5), (2.1, 0.5)), torso_widths=(0.8, 1.0, 1.05),
        far_limbs=(((-1.2, 0.6), (-1.5, 1.3), (-2.2, 2.0)),), tail=(2.1, 0.5, 1.0, 0.1), support="branch",
        near_limbs=(((-1.3, 0.7), (-0.6, 1.6), (-0.9, 2.9)), ((1.8, 0.7), (0.6, 1.4), (1.2, 2.8))),
        view=(-3.8, -1.6, 3.7, 3.9)),
    "climbing": Pose(
        head=(-0.5, -1.3), torso=((-0.1, -0.7), (1.1, 0.8), (0.3, 2.7)), torso_widths=(0.75, 1.0, 1.1),
        far_limbs=(((-0.1, 0.1), (-1.4, -0.3), (-2.0, -1.0)), ((0.2, 2.4), (-1.2, 2.0), (-1.9, 3.1))),
        near_limbs=(((0.4, 0.2), (-0.6, 1.0), (-1.9, 0.4)), ((0.5, 2.4), (-0.4, 0.9), (-1.6, 2.3))),
        tail=(0.5, 2.6, 1.2, -0.2), support="trunk", view=(-3.3, -2.8, 2.9, 4.2)),
    "portrait": Pose(
        head=(0, 0), torso=((0.1, 0.5), (0.3, 2.0), (0.5, 5.0)), torso_widths=(0.95, 1.7, 2.0),
        far_limbs=(),
        near_limbs=(((1.3, 1.7), (2.0, 3.0), (1.3, 5.0)), ((-1.0, 1.7), (-1.7, 3.0), (-1.0, 5.0))),
        tail=(1.5, 5, 1.0, 0.0), support="none", view=(-1.7, -1.6, 1.8, 1.9), frontal=True),
}
# fmt: on


def draw_monkey(brush: Brush, species: Species, pose: Pose) -> None:
    """The whole animal, back to front. What varies between two of a kind comes from the brush's generator."""
    shake = brush.rng.normal(0, 0.1, 2)
    _draw_tail(brush, species, pose)
    for points in pose.far_limbs:
        _draw_limb(brush, species, points, shade=0.75)
    _draw_torso(brush, species, pose)
    for points in pose.near_limbs:
        _draw_limb(brush, species, points, shade=1.0)
    _draw_head(brush.within(np.add(pose.head, shake), angle=brush.rng.normal(0, 0.13)), species)


def _draw_torso(brush: Brush, species: Species, pose: Pose) -> None:
    points = np.add(pose.torso, brush.rng.normal(0, 0.08, (len(pose.torso), 2)))
    torso = limb(points, np.multiply(pose.torso_widths, species.build), cap=0.3)
    front, back, side, belly = species.shoulders, species.back, species.flanks, species.belly
    if pose.frontal:
        coat = [[front, front, front], [side, belly, side], [back, belly, back]]
    else:
        coat = [[front, front, front], [back, side, side], [back, back, belly]]
    brush.fur(torso, coat, species.fur * 1.3, grizzle=species.grizzle)


def _draw_limb(brush: Brush, species: Species, points, shade: float) -> None:
    points = np.array(points, dtype=np.float64) + brush.rng.normal(0, 0.1, (3, 2))
    points[1:] = points[0] + (points[1:] - points[0]) * (0.85 + 0.15 * species.legs)
    part = limb(points, np.array([0.5, 0.4, 0.24, 0.2]) * species.build)
    upper, lower = np.multiply(species.limbs, shade)
    hand = np.multiply(species.ears, 0.55 * shade)
    brush.skin(ellipse(points[2] + [-0.1, 0.05], (0.26, 0.16)), hand, steps=2)
    brush.fur(part, [upper, upper, lower, lower], species.fur, grizzle=species.grizzle)
    for finger in (-0.3, -0.18, -0.06):
        brush.line(points[2] + np.array([[finger + 0.1, 0.04], [finger - 0.02, 0.17]]), hand, 0.09)


def _draw_tail(brush: Brush, species: Species, pose: Pose) -> None:
    x, y, direction, bend = pose.tail
    along = np.linspace(0, 1, 40)
    curl = species.tail_curl * 2 * np.pi * np.clip(along - 0.6, 0, None) ** 2 / 0.16
    direction, bend = (direction, bend) + brush.rng.normal(0, (0.15, 0.2))
    heading = direction + bend * species.tail_length * along - curl
    step = species.tail_length / len(along) * np.stack([np.cos(heading), np.sin(heading)], axis=1)
    half = species.tail_width * np.interp(along, (0, 0.06, 0.85, 1), (0.9, 1.0, 0.85, 0.3))
    root, tip = species.tail
    tail = Strip(np.cumsum(step, axis=0) + (x, y), half)
    brush.fur(tail, [root, root, tip], species.fur * 0.9, grizzle=species.grizzle)


def _draw_head(brush: Brush, species: Species) -> None:
    turn = brush.rng.uniform(-0.75, 0.45)  # more often to the left, where the body looks
    for side in (-1, 1):
        sideways = side * (0.86 - 0.2 * max(0.0, side * turn)) - 0.1 * turn
        _draw_ear(brush.within((sideways, -0.12), (side, 1)), species)
    if species.mane:
        radius, colour = species.mane
        mane = ellipse((0, -0.02), (radius, radius))
        brush.fur(mane, colour, species.fur * 1.25, out=True, grizzle=species.grizzle)
    coat = [species.cap, species.head, species.head]
    brush.fur(ellipse((0, 0), (0.92, 1.0)), coat, species.fur * 0.65, out=True, grizzle=species.grizzle)
    _draw_face(brush.within((0.34 * turn, 0.04), (1 - 0.18 * abs(turn), 1)), species)


def _draw_ear(brush: Brush, species: Species) -> None:
    size = species.ear_size
    ear = ellipse((0.35 * size, 0), (0.85 * size, 1.1 * size), angle=-0.35)
    if species.ear_tufts:
        brush.fur(ellipse((0.4 * size, -0.05), (1.25 * size, 1.3 * size)), species.ear_tufts, 0.25, out=True)
    else:
        brush.skin(ear, species.ears, steps=3)
        brush.fill(
            ellipse((0.4 * size, 0.05 * size), (0.42 * size, 0.6 * size), -0.35).outline(),
            np.multiply(species.ears, 0.66),
        )


def _draw_face(brush: Brush, species: Species) -> None:
    wide, high = species.face
    if species.brows:
        arch = limb([(-0.72, -0.1), (-0.45, -0.62), (0.45, -0.62), (0.72, -0.1)], (0.12, 0.18, 0.12))
        brush.fur(arch, species.brows, 0.16, grizzle=0.05)
    if species.bald:
        brush.skin(ellipse((0, -0.08), (wide, high)), species.skin)
    else:
        brush.skin(ellipse((0, 0.22), (wide, high * 0.85)), species.skin)
    if species.eye_mask:
        for x in (-0.34, 0.34):
            brush.fur(ellipse((x, -0.05), (0.33, 0.4)), species.eye_mask, 0.1, out=True, grizzle=0.05)
    if species.stripes:
        for x, y, top in ((0, 0.1, -0.85), (-0.66, 0.15, -0.75), (0.66, 0.15, -0.75)):
            stripe = limb([(x, y), (x, y - 0.5), (0.76 * x, top)], (0.06, 0.12, 0.15))
            brush.fur(stripe, species.stripes, 0.12)
    for x in (-0.33, 0.33):
        _draw_eye(brush.within((x, -0.03)), species)
    _draw_muzzle(brush, species)


def _draw_eye(brush: Brush, species: Species) -> None:
    radius, iris = species.eyes
    socket = np.multiply(species.eye_mask or species.skin, 0.62)
    brush.fill(ellipse((0, -0.01), (radius * 1.5, radius * 1.35)).outline(), socket)
    brush.fill(ellipse((0, 0), (radius * 1.12, radius * 1.05)).outline(), BLACK)
    brush.fill(ellipse((0, 0), (radius * 0.95, radius * 0.9)).outline(), iris)
    brush.fill(ellipse((0, 0), (radius * 0.55, radius * 0.58)).outline(), (14, 12, 12))
    glint = ellipse((-0.3 * radius, -0.35 * radius), (radius * 0.24, radius * 0.24))
    brush.fill(glint.outline(), (250, 250, 250))


def _draw_muzzle(brush: Brush, species: Species) -> None:
    wide, high = species.muzzle_size
    if species.whiskers:
        for side in (-1, 1):
            moustache = limb([(0, 0.5), (side * 0.35, 0.5), (side * 0.75, 0.8)], (0.16, 0.2, 0.1))
            brush.fur(moustache, species.whiskers, 0.24)
        brush.fur(ellipse((0, 0.82), (0.3, 0.22)), species.whiskers, 0.2)
    brush.skin(ellipse((0, 0.5), (wide, high)), species.muzzle)
    dark = np.multiply(species.muzzle, 0.42)
    for side in (-1, 1):
        brush.fill(ellipse((side * 0.09, 0.4), (0.05, 0.07), angle=0.5 * side).outline(), dark)
    smile = brush.rng.uniform(-0.03, 0.07)
    mouth = limb([(-0.6 * wide, 0.62), (0, 0.62 + 2 * smile), (0.6 * wide, 0.62)], [0])
    brush.line(mouth.axis, dark, 0.045)
