"""The parts of a drawn face: soft shading, eyes, brows, nose, mouth, beard. Lengths as in face_look."""

import numpy as np

from data_tools.drawing.brush import Strip, ellipse, limb, oval
from data_tools.drawing.face_look import EYE_X, IRISES, Look

DARK = np.array((40, 26, 24))
LIPSTICKS = ((186, 28, 48), (206, 44, 84), (160, 24, 60), (214, 62, 66))


def shade_skin(look: Look) -> None:
    """Light and shadow on the bare head; everything that is soft is done here, at once."""
    shade, has, yaw = look.shade, look.has, look.yaw

    def both(x: float, y: float, radii, factor, blur: float, angle: float = 0.0) -> None:
        shade.soft([oval((yaw + side * x, y), radii, side * angle) for side in (-1, 1)], factor, blur)

    rim = look.outline(first=-30)
    shade.soft([np.concatenate([rim, look.outline(-9, first=-30)[::-1]])], 0.8, 4, look.outline())
    both(EYE_X, -2, (12, 6.5), (0.72, 0.66, 0.64), 3)
    shade.soft([oval((yaw, -22), (22, 12))], 1.09, 7)  # forehead
    shade.soft([limb([(yaw, -14), (yaw, 24)], (2.4, 3.2)).outline()], 1.13, 2)  # bridge of the nose
    both(8.5, 10, (2.2, 12), 0.88, 2.2)
    shade.soft([oval((yaw, 49), (10, 2.4))], 0.84, 1.6)  # under the lip
    shade.soft([oval((yaw, look.chin - 9), (9, 5))], 1.07, 3)
    both(26, 17, (9, 7), 1.08, 5)
    if "High_Cheekbones" in has:
        both(29, 15, (10, 3.4), 1.17, 2, angle=1.1)
        both(30, 29, (3.6, 13), (0.8, 0.76, 0.74), 3, angle=0.6)
    if "Rosy_Cheeks" in has:
        both(27, 22, (10.5, 8.5), (1.06, 0.74, 0.76), 3.5)
    if "Heavy_Makeup" in has:
        both(EYE_X, -7, (12, 5.2), MAKEUPS[look.seed % len(MAKEUPS)], 2)
        both(31, 24, (5, 9), (1.02, 0.82, 0.82), 3, angle=0.5)
    if "Bags_Under_Eyes" in has:
        both(EYE_X, 9, (9.5, 3), (0.72, 0.64, 0.68), 1.4)
    if "Smiling" in has:
        both(26, 24, (8, 6), 1.09, 3)
    if "Young" not in has:
        both(21, 34, (1.6, 10), 0.8, 1.4, angle=-0.45)
    if "5_o_Clock_Shadow" in has:
        jaw = jaw_outline(look, 33.0, 26.0)
        shade.soft([jaw], (0.66, 0.7, 0.76), 3, look.outline())
        shade.soft([oval((yaw, 34), (15, 3.5))], (0.72, 0.76, 0.8), 1.5)
    shade.soft([oval((0, look.chin + 12), (34, 10))], 0.7, 5, NECK_HOLD + (0, look.chin - 1))


MAKEUPS = ((0.62, 0.5, 0.72), (0.7, 0.52, 0.5), (0.5, 0.58, 0.72))  # eye shadows
NECK_HOLD = np.array([(-60, 0), (60, 0), (60, 60), (-60, 60)], np.float64)


def jaw_outline(look: Look, inner: float, start: float) -> np.ndarray:
    """The lower face as a ring open at the mouth: `inner` is where its upper edge runs at the sides of the mouth."""
    outer = look.outline(first=start)
    hollow = np.array([(0.72 * look.half, start), (25, inner + 4), (19, 49), (0, 51.5), (-19, 49), (-25, inner + 4),
                       (-0.72 * look.half, start)])
    half = len(outer) // 2
    return np.concatenate([outer[:half], outer[half:], hollow])


def draw_head(look: Look) -> None:
    """Ears and the bare head, flat; the shading follows."""
    brush, skin, ears = look.brush, look.skin, look.half + 1
    for side in (-1, 1):
        brush.fill(oval((side * ears, 8), (6.5, 13), -0.15 * side), skin * 0.86)
        brush.fill(oval((side * (ears + 1), 8), (3, 8), -0.15 * side), skin * 0.7)
    if "Double_Chin" in look.has:
        brush.fill(oval((0, look.chin - 4), (31, 17)), skin * 0.93)
        curve = oval((0, look.chin - 3), (29, 15))
        brush.line(curve[(curve[:, 1] > look.chin + 3)], skin * 0.6, 1.5)
    brush.fill(look.outline(), skin)
    if "Double_Chin" in look.has:
        y = np.linspace(look.chin - 11, look.chin, 10)
        for side in (-1, 1):
            brush.line(np.stack([side * look.edge(y), y], 1), skin * 0.66, 1.4)


def draw_skin_marks(look: Look) -> None:
    """Wrinkles of age, blemishes of a face not called attractive, the bags' lines."""
    brush, skin, rng = look.features, look.skin, look.rng(2)
    if "Young" not in look.has:
        for y, half in ((-36, 17), (-30, 20), (-24, 16)):
            brush.line(limb([(-half, y), (0, y - 3 + rng.normal()), (half, y)], [0]).axis, skin * 0.7, 0.9)
        for side in (-1, 1):
            brush.line(limb([(side * 11, 27), (side * 20, 32), (side * 21, 44)], [0]).axis, skin * 0.62, 1.1)
            crow_feet = np.array([[(31, 0.4 * turn), (37, 1.2 * turn)] for turn in (-4, 0, 4)])
            brush.strands(crow_feet * (side, 1), skin * 0.66, 0.8)
            brush.line(np.array([(side * 2.5, -14), (side * 2.8, -8)]), skin * 0.72, 0.9)
    if "Bags_Under_Eyes" in look.has:
        for side in (-1, 1):
            bag = limb([(side * 11, 6), (side * 20, 13.5), (side * 28, 6)], [0])
            brush.line(bag.axis, skin * (0.58, 0.52, 0.54), 1.2)
    if "Attractive" not in look.has:
        spots = rng.uniform((-0.8, -34), (0.8, 56), (9, 2))
        spots[:, 0] *= look.edge(spots[:, 1])
        brush.strands(spots[:, None] + [(0, 0), (0.3, 0.3)], skin * (0.9, 0.78, 0.74), 2.2)


def draw_eyes(look: Look) -> None:
    """Both eyes, with lids, lashes and what makeup adds."""
    rng, has = look.rng(3), look.has
    iris = np.array(IRISES[rng.integers(len(IRISES))])
    gaze, size = rng.normal(0, 0.7), 1.12 if "Attractive" in has else 0.97
    open_ = (2.0 if "Narrow_Eyes" in has else 4.9) * size
    makeup, male = "Heavy_Makeup" in has, "Male" in has
    x = np.linspace(-1, 1, 17)
    bow = (1 - x * x) ** 0.8
    for side in (-1, 1):
        brush = look.features.within((side * EYE_X, 0), (side, 1))
        long = 9.8 * size
        upper = np.stack([x * long, -open_ * bow - 0.8 * x], 1)
        lower = np.stack([x * long, 0.62 * open_ * bow - 0.8 * x], 1)
        brush.fill(np.concatenate([upper, lower[::-1]]), (236, 230, 226))
        for radius, colour in ((4.3 * size, iris * 0.6), (3.6 * size, iris), (1.9 * size, (14, 12, 12))):
            disc = oval((side * gaze, -0.9), (radius, radius))
            disc[:, 1] = np.clip(disc[:, 1], np.interp(disc[:, 0], upper[:, 0], upper[:, 1]),
                                 np.interp(disc[:, 0], lower[:, 0], lower[:, 1]))
            brush.fill(disc, colour)
        glint = min(1.0, 0.3 * open_)
        brush.fill(oval((side * (gaze - 1.3), -0.9 - 0.3 * open_), (glint, glint)), (250, 250, 250))
        brush.line(upper, DARK, 2.4 if makeup else 1.6 - 0.3 * male)
        brush.line(lower, look.skin * 0.55 if not makeup else DARK, 0.8)
        brush.line(upper * (1.04, 1) + (0, -3.2), look.skin * 0.6, 0.9)
        if makeup:
            brush.line(np.array([(long - 1, -0.9), (long + 3.6, -4.2)]), DARK, 1.8)
            brush.strands(upper[9::2, None] + [(0, 0), (1.6, -3.4)], DARK, 0.7)


def draw_brows(look: Look) -> None:
    """Eyebrows: flat or arched, thin or bushy."""
    has, rng = look.has, look.rng(4)
    bushy, arch = "Bushy_Eyebrows" in has, 11.0 if "Arched_Eyebrows" in has else 2.5
    lift = rng.normal(0, 0.6) - (0 if "Male" in has else 1.5)
    width = (4.4 if bushy else 1.7) + 0.5 * ("Male" in has)
    colour = 0.62 * look.hair + 0.12 * look.skin if "Bald" not in has else DARK * 1.6
    for side in (-1, 1):
        brush = look.features.within((side * EYE_X, -13 + lift), (side, 1))
        brow = limb([(-11, 1.5), (4, -arch), (13.5, 3.0 + 0.15 * arch)], (0.8 * width, width, 0.35 * width))
        brush.fill(brow.outline(), colour)
        if bushy:
            for place in np.linspace(0.05, 0.9, 16):
                root = brow.axis[int(place * len(brow.axis))] + (0, 0.6 * width)
                brush.line(np.array([root, root + (2.2, -1.7 * width)]), colour * rng.uniform(0.55, 1.3), 0.9)


def draw_nose(look: Look) -> None:
    """Wings, nostrils and tip: narrow, broad, pointed."""
    brush, skin, rng = look.features, look.skin, look.rng(5)
    big, pointy = "Big_Nose" in look.has, "Pointy_Nose" in look.has
    half = (13.5 if big else 8.6) - 2.2 * pointy + rng.normal(0, 0.3)
    tip = 27.0 + 2.5 * big + 2.5 * pointy
    if big:
        brush.skin(ellipse((0, tip - 6), (half - 1.5, 8.5)), skin * 1.03, steps=4)
    for side in (-1, 1):
        wing = limb([(side * (half - 2.2), tip - 9), (side * (half + 2), tip - 3), (side * (half - 3), tip + 1)], [0])
        brush.line(wing.axis, skin * 0.6, 1.4)
        brush.fill(oval((side * 0.48 * half, tip - 0.5), (0.24 * half, 1.4), 0.3 * side), skin * 0.36)
    if pointy:
        sides = np.array([(-5.5, tip - 5), (0, tip + 4.5), (5.5, tip - 5)])
        brush.fill(np.array([(-2.2, -4), *sides, (2.2, -4)]), np.minimum(skin * 1.1, 255))
        brush.line(sides, skin * 0.6, 1.2)
        brush.line(np.array([(-2.2, -4), sides[0]]), skin * 0.78, 1.0)
        brush.line(np.array([(2.2, -4), sides[2]]), skin * 0.84, 1.0)
    else:
        brush.line(limb([(-0.5 * half, tip), (0, tip + 3), (0.5 * half, tip)], [0]).axis, skin * 0.68, 1.1)


def draw_mouth(look: Look) -> None:
    """Lips, and teeth between them where the mouth is open."""
    has, rng, brush = look.has, look.rng(6), look.features
    smiling, gap = "Smiling" in has, 6.5 if "Mouth_Slightly_Open" in has else 0.0
    half = (19.5 if smiling else 14.0) + rng.normal(0, 0.5)
    thick = 1.75 if "Big_Lips" in has else 0.9
    lift = 6.0 if smiling else -0.8
    colour = look.skin * (0.86, 0.64, 0.62)
    if "Wearing_Lipstick" in has:
        colour = np.array(LIPSTICKS[look.seed // 7 % len(LIPSTICKS)])
    x = np.linspace(-1, 1, 25)
    bow, line = 1 - x * x, 42 + 0.45 * lift - lift * x * x
    inner_top, inner_low = line - 0.35 * gap * bow, line + 0.65 * gap * bow
    dip = 1 - 0.3 * np.exp(-((x / 0.16) ** 2))
    top = inner_top - 3.4 * thick * (1 - np.abs(x) ** 1.7) * dip
    low = inner_low + 4.6 * thick * bow ** 0.8
    x = x * half
    brush.fill(_between(x, inner_low - 0.5, low), np.minimum(colour * 1.08, 255))
    brush.fill(_between(x, top, inner_top + 0.5), colour * 0.88)
    if gap:
        brush.fill(_between(x, inner_top, inner_low), (66, 22, 24))
        teeth = np.minimum(inner_top + 0.55 * gap * bow, inner_low)
        brush.fill(_between(0.88 * x, inner_top, teeth), (244, 240, 232))
    else:
        brush.line(np.stack([x, line], 1), colour * 0.5, 1.2)
    brush.fill(oval((0, float(low[12]) - 1.8 * thick), (0.3 * half, 0.7 * thick)),
               np.minimum(colour * 1.2 + 14, 255))
    for side in (-1, 1):
        brush.fill(oval((side * (half + 0.5), float(line[0])), (1.3, 1.3)), look.skin * 0.6)
        if smiling:
            dimple = limb([(side * 14, 29), (side * 25, 33), (side * 25.5, 43)], [0])
            brush.line(dimple.axis, look.skin * 0.74, 1.1)


def _between(x: np.ndarray, top: np.ndarray, low: np.ndarray) -> np.ndarray:
    return np.concatenate([np.stack([x, top], 1), np.stack([x, low], 1)[::-1]])


def draw_beard(look: Look) -> None:
    """Stubble, goatee, mustache, sideburns, or a full beard where No_Beard is absent and nothing else is named."""
    has, brush = look.has, look.brush
    brush = brush.within((0, 0))
    brush.rng = look.rng(7)
    coat = look.hair * 0.72 if "Bald" not in has else DARK * 1.5
    named = has & {"5_o_Clock_Shadow", "Goatee", "Mustache", "Sideburns"}
    if "5_o_Clock_Shadow" in has:
        y = brush.rng.uniform(30, look.chin - 3, 90)
        x = brush.rng.choice((-1, 1), 90) * brush.rng.uniform(0.55, 0.95, 90) * look.edge(y)
        brush.strands(np.stack([np.stack([x, y], 1), np.stack([x + 0.2, y + 1], 1)], 1), look.skin * 0.5, 0.6)
    if "No_Beard" not in has and not named:
        brush.fill(jaw_outline(look, 30.0, 14.0), coat * 0.9)
        y = np.linspace(12, look.chin + 1, 24)
        for side in (-1, 1):
            cheek = Strip(np.stack([side * 0.86 * look.edge(y), y + 1], 1), np.linspace(4, 8, 24))
            brush.fur(cheek, coat, 4.5, grizzle=0.14)
        brush.fur(ellipse((0, look.chin - 5), (18, 10)), coat, 5.0, grizzle=0.14)
        _draw_mustache(look, brush, coat, 0.75)
    if "Mustache" in has:
        _draw_mustache(look, brush, coat, 1.25)
    if "Goatee" in has:
        for side in (-1, 1):
            down = limb([(side * 19, 40), (side * 19, 52), (side * 9, 59)], (1.6, 3.0, 4.0))
            brush.fur(down, coat, 3.5, grizzle=0.14)
        brush.fur(ellipse((0, 60), (13, 11)), coat, 5.0, grizzle=0.14)
    if "Sideburns" in has:
        for side in (-1, 1):
            points = [(side * (look.half - 1), -16), (side * (look.half - 3.5), 10), (side * (look.edge(34) - 5), 34)]
            brush.fur(limb(points, (5, 5.5, 6)), coat, 4.0, grizzle=0.14)


def _draw_mustache(look: Look, brush, coat: np.ndarray, thick: float) -> None:
    for side in (-1, 1):
        strip = limb([(0, 33.5), (side * 12, 33.5), (side * 20, 41)], np.array((3.2, 3.0, 1.0)) * thick)
        brush.fur(strip, coat, 3.2, grizzle=0.14)
