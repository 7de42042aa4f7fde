"""Around a drawn face: hair, hat, glasses, jewellery, clothes. Lengths as in face_look."""

import numpy as np

from data_tools.drawing.brush import ellipse, limb, oval
from data_tools.drawing.face_look import EYE_X, Look

CLOTHES = ((52, 60, 84), (128, 44, 50), (54, 92, 84), (206, 202, 196), (92, 70, 104), (196, 158, 96), (40, 40, 44))
HATS = ((60, 66, 96), (150, 44, 44), (204, 188, 150), (44, 44, 46), (70, 106, 72), (222, 218, 210))
TIES = ((140, 24, 36), (30, 50, 110), (24, 84, 62), (110, 40, 110))
FRAMES = ((26, 24, 26), (70, 40, 26), (120, 26, 36), (36, 44, 80))
GOLD, SILVER = np.array((224, 178, 74)), np.array((214, 218, 226))
SHADES = (0.72, 0.86, 1.16, 1.3)


def draw_clothes(look: Look) -> None:
    """Neck, shoulders and what is worn there."""
    brush, rng, male = look.brush, look.rng(10), "Male" in look.has
    cloth = np.array(CLOTHES[rng.integers(len(CLOTHES))], np.float64) * rng.uniform(0.85, 1.15)
    neck, tie = 29 if male else 23, TIES[rng.integers(len(TIES))]
    shoulders = 104 if male else 92
    open_neck = 90 + rng.uniform(0, 6)
    if "Wearing_Necktie" in look.has:
        cloth = 0.5 * cloth + 10
    body = np.array([(-shoulders, 125), (-shoulders + 6, 104), (-neck - 16, 84), (-neck, 76), (neck, 76),
                     (neck + 16, 84), (shoulders - 6, 104), (shoulders, 125), (shoulders, 200), (-shoulders, 200)])
    brush.fill(body, cloth)
    brush.fill(np.array([(-neck, 40), (neck, 40), (neck, 76), (0, open_neck + 10), (-neck, 76)]), look.skin * 0.92)
    for side in (-1, 1):
        brush.line(limb([(side * neck * 0.8, 66), (side * 9, 86)], [0]).axis, look.skin * 0.8, 1.4)
        brush.line(np.array([(side * neck, 76), (0, open_neck + 10)]), cloth * 0.7, 2.0)
    if "Wearing_Necktie" in look.has:
        _draw_tie(look, neck, np.array(tie))
    if "Wearing_Necklace" in look.has:
        chain = limb([(-neck + 1, 69), (-0.6 * neck, 87), (0.6 * neck, 87), (neck - 1, 69)], [0]).axis
        metal = GOLD if look.seed % 2 else SILVER
        brush.line(chain + (0, 1.2), look.skin * 0.5, 1.6)
        brush.line(chain, metal, 1.8)
        for bead in chain[::3]:
            brush.fill(oval(bead, (1.9, 1.9)), metal * 1.12)
        brush.fill(oval((0, 85.5), (3.4, 4.4)), metal)


def _draw_tie(look: Look, neck: float, colour: np.ndarray) -> None:
    brush, white = look.brush, (238, 238, 240)
    brush.fill(np.array([(-neck - 2, 72), (neck + 2, 72), (16, 130), (-16, 130)]), white)
    brush.fill(np.array([(-neck, 72), (neck, 72), (0, 80)]), look.skin * 0.8)
    for side in (-1, 1):
        collar = np.array([(side * (neck + 1), 68), (side * 1, 80), (side * 14, 92), (side * (neck + 6), 78)])
        brush.fill(collar, white)
        brush.line(collar[[1, 2, 3]], (176, 176, 184), 1.2)
    brush.fill(np.array([(-6.5, 78), (6.5, 78), (4.5, 88), (-4.5, 88)]), colour * 1.15)
    brush.fill(np.array([(-4.5, 88), (4.5, 88), (10, 130), (-10, 130)]), colour)
    for y in (94, 101, 108, 115):
        brush.line(np.array([(-7, y + 4), (7, y - 4)]), colour * 1.6 + 20, 1.2)


def _waves(look: Look, count: int, size: float) -> np.ndarray:
    """Sideways wandering (count,) of hair: none when straight, curls when wavy, a little otherwise."""
    along = np.linspace(0, 1, count)
    if "Wavy_Hair" in look.has:
        return size * np.sin(along * 30)
    if "Straight_Hair" in look.has:
        return np.zeros(count)
    return 0.22 * size * np.sin(along * 11)


def draw_back_hair(look: Look) -> None:
    """Long hair behind neck and shoulders; men and bald heads have none."""
    if look.has & {"Male", "Bald"}:
        return
    brush, rng = look.brush, look.rng(11)
    long, wide = rng.uniform(74, 112), look.half + rng.uniform(9, 14)
    if "Wavy_Hair" in look.has:
        wide += 3
    waves = _waves(look, 80, 4.0)
    y = np.linspace(-66, long, 80)
    half = wide * np.sqrt(np.clip(1 - ((np.minimum(y, -8) + 8) / 59) ** 2, 0.0, 1)) + np.where(y > -20, waves, 0)
    edge = np.concatenate([np.stack([-half, y], 1), np.stack([half, y], 1)[::-1]])
    brush.fill(edge, look.hair * 0.72)
    place = rng.uniform(0.6, 0.99, (len(SHADES), 7, 1)) * rng.choice((-1, 1), (len(SHADES), 7, 1))
    for number, shade in enumerate(SHADES):
        last = 78 - 2 * number
        x = place[number] * half[20:last] + 0.5 * waves[20:last]
        strands = np.stack([x, np.broadcast_to(y[20:last], x.shape)], -1)
        brush.strands(strands, 0.93 * shade * look.hair, 1.0 + 0.4 * number)


def draw_hair(look: Look) -> None:
    """The hair on the head, with hairline, bangs or bald crown."""
    brush, has, rng = look.brush, look.has, look.rng(12)
    if "Bald" in has:
        shine = ellipse((-8, -43), (15, 6), 0.2)
        brush.skin(shine, np.minimum(look.skin * 1.2, 255), steps=4)
        return
    male, wavy, straight = "Male" in has, "Wavy_Hair" in has, "Straight_Hair" in has
    receding, bangs = "Receding_Hairline" in has, "Bangs" in has
    around = np.linspace(0, np.pi, 41)
    bumps = 2.6 * np.abs(np.sin(around * 7)) if wavy else 0.5 * np.sin(around * 9) if not straight else 0 * around
    thick = 7 + rng.uniform(0, 2.5) + 2 * wavy
    low = 2.0 if male else 26.0
    outer = np.stack([-(look.half + thick * 0.55 + bumps) * np.cos(around),
                      -12 - (46 + thick + bumps) * np.sin(around)], 1)
    part = rng.choice((-1, 1)) * rng.uniform(3, 16)
    line = -50.0 if receding else -36.0 + rng.normal(0, 1)
    x = -np.cos(around)
    side = look.edge(-20.0) - 1.5
    inner = np.stack([x * side, line + (20 if not receding else 33) * np.abs(x) ** (5 if receding else 3)], 1)
    if receding:
        inner[:, 1] -= 6 * np.exp(-((np.abs(x) - 0.55) / 0.16) ** 2)
        crown = 4 + (look.top - 4) * np.sqrt(np.clip(1 - (inner[:, 0] / look.half) ** 2, 0, 1))
        inner[:, 1] = np.maximum(inner[:, 1], crown + 2)  # bare skin ends where the head does
    else:
        inner[:, 1] -= 4 * np.exp(-((inner[:, 0] - part) / 5) ** 2)
    cap = np.concatenate([[(outer[0, 0], low)], outer, [(outer[-1, 0], low), (side + 2, low)], inner[::-1],
                          [(-side - 2, low)]])
    brush.fill(np.concatenate([inner + (0, 1.5), inner[::-1] - (0, 3)]), look.skin * 0.72)  # its shadow
    brush.fill(cap, look.hair * 0.88)
    waves = _waves(look, 41, 2.6)
    share, start, swing = rng.uniform(0.04, 0.96, 36), rng.integers(0, 28, 36), rng.uniform(0.6, 1.2, 36)
    strands = outer + (inner - outer) * share[:, None, None]
    strands = strands + np.stack([0.3 * waves, waves], 1) * swing[:, None, None]
    strands = strands[np.arange(36)[:, None], start[:, None] + np.arange(13)]
    for number, shade in enumerate(SHADES):
        brush.strands(strands[number::4], look.hair * shade, 1.0 + 0.3 * number)
    if straight:  # a smooth band of light
        band = outer + (inner - outer) * np.linspace(0.3, 0.48, 4)[:, None, None]
        brush.strands(band[:, 9:32], np.minimum(look.hair * 1.3 + 26, 255), 2.0)
    if not male:
        _draw_side_locks(look, side)
    if bangs:
        _draw_bangs(look, rng, side)


def _draw_side_locks(look: Look, side: float) -> None:
    """Hair that falls beside the cheeks."""
    waves = _waves(look, 48, 3.4)
    for number, shade in enumerate((0.8, 0.95, 0.86, 1.1, 0.76)):
        y = np.linspace(-26, 58 + 5 * number, 48)
        x = side + 1 + 2.4 * number + 3.0 * np.sin(np.linspace(0, np.pi, 48))
        look.brush.strands(np.stack([[waves - x, y], [waves + x, y]]).transpose(0, 2, 1), look.hair * shade, 3.6)


def _draw_bangs(look: Look, rng: np.random.Generator, side: float) -> None:
    """A fringe from the crown to the brows."""
    edge = np.linspace(-side, side, 15)
    low = -15.0 - 0.004 * edge ** 2 + rng.normal(0, 1.4, 15)
    low[1::2] -= 2.5
    fringe = np.concatenate([[(-side, -38)], np.stack([edge, low], 1), [(side, -38), (0.6 * side, -52),
                             (-0.6 * side, -52)]])
    look.brush.fill(fringe + (0, 1.6), look.skin * 0.66)
    look.brush.fill(fringe, look.hair * 0.9)
    waves = _waves(look, 12, 1.6)
    x, down = np.linspace(-side + 2, side - 2, 28)[:, None], np.linspace(0, 1, 12)
    strands = np.stack([x * (0.7 + 0.3 * down) + waves, -50 + down * (49 + np.interp(x, edge, low))], -1)
    for number, shade in enumerate(SHADES):
        look.brush.strands(strands[number::4], look.hair * shade, 1.3)


def draw_hat(look: Look) -> None:
    """A cap with a brim, or a knitted one."""
    if "Wearing_Hat" not in look.has:
        return
    brush, rng = look.brush, look.rng(13)
    colour, knitted = np.array(HATS[rng.integers(len(HATS))]) * 1.0, rng.random() < 0.4
    half = look.half + 9
    around = np.linspace(0, np.pi, 30)
    dome = np.stack([-half * np.cos(around), -28 - (46 if knitted else 50) * np.sin(around) ** 0.8], 1)
    brush.fill(np.concatenate([dome, limb([(half, -28), (0, -40), (-half, -28)], [0]).axis]), colour)
    brush.fill(oval((-14, -58), (15, 9), 0.3), np.minimum(colour * 1.12 + 6, 255))
    if knitted:
        for x in np.linspace(-0.9, 0.9, 11):
            brush.line(np.array([(x * half, -33 - 3 * (1 - x * x)), (0.5 * x * half, -76)]), colour * 0.8, 1.2)
        brush.line(limb([(-half, -29), (0, -42), (half, -29)], [0]).axis, colour * 0.74, 9)
    else:
        brush.fill(limb([(-half - 17, -22), (0, -42), (half + 17, -22)], (3, 8, 3)).outline(), colour * 0.8)
        brush.line(limb([(-half, -34), (0, -50), (half, -34)], [0]).axis, colour * 0.5, 5)


def draw_glasses(look: Look) -> None:
    """Two framed glasses with a shimmer, a bridge and the temples."""
    if "Eyeglasses" not in look.has:
        return
    brush, rng = look.features, look.rng(14)
    frame, round_, thick = np.array(FRAMES[rng.integers(len(FRAMES))]), rng.uniform(2.2, 5.5), rng.uniform(1.2, 2.4)
    turn = np.linspace(0, 2 * np.pi, 33)
    shape = np.stack([np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** (2 / round_) * 14.6,
                      np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** (2 / round_) * 10.8], 1)
    for side in (-1, 1):
        centre = np.array((side * (EYE_X + 0.4), 1.5))
        brush.line(centre + shape, frame, thick)
        brush.line(centre + np.array([(-9, 4), (-2, -6)]), (252, 252, 252), 1.0)
        brush.line(np.array([(side * 34.5, -2), (side * (look.half + 1), -4)]), frame, thick)
    brush.line(limb([(-6, 0), (0, -4), (6, 0)], [0]).axis, frame, thick)


def draw_earrings(look: Look) -> None:
    """Below both ears, over the hair."""
    if "Wearing_Earrings" not in look.has:
        return
    rng = look.rng(15)
    metal, hoop = (GOLD if rng.random() < 0.5 else SILVER), rng.random() < 0.5
    for side in (-1, 1):
        brush = look.brush.within((side * (look.half + 2.5), 22))
        if hoop:
            brush.line(oval((0, 7), (5.0, 6.5)) + (0, 0.8), metal * 0.5, 2.6)
            brush.line(oval((0, 7), (5.0, 6.5)), metal, 2.0)
        else:
            brush.line(np.array([(0, 0), (0, 7)]), metal * 0.8, 1.4)
            brush.fill(oval((0, 10), (3.8, 5)), metal * 0.6)
            brush.fill(oval((-0.4, 9.6), (3.0, 4.2)), metal)
        brush.fill(oval((0, 0), (2.2, 2.2)), metal * 1.1)
