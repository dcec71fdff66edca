"""What comes to lie over faces in training: objects, hands, glasses, and strands of hair.

Shapes are drawn as distances in pixels, negative inside, so that edges are smooth and shapes are joined by
taking the smaller distance.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from monoface.core.errors import ConfigError
from monoface.networks import PARSING_CLASSES

_BACKGROUND, _SKIN, _HAIR, _EYES, _NOSE, _MOUTH, _OCCLUDER = range(len(PARSING_CLASSES))
_UNKNOWN = 255
_HAIR_SRGB = np.array(((18, 15, 14), (45, 30, 22), (85, 58, 38), (150, 115, 70), (165, 160, 155)), np.float32)

_Distance = Float[np.ndarray, "side side"]


@dataclass(frozen=True)
class OccluderConfig:
    """How often faces are covered, and by what; several kinds may come together.

    Attributes:
        objects: Probability of one or two plain or photographed things.
        hand: Probability of a hand of the colour of the person's skin.
        glasses: Probability of glasses, one in three of them dark.
        strands: Probability of strands of hair, which are labelled as hair.
    """

    objects: float = 0.3
    hand: float = 0.12
    glasses: float = 0.22
    strands: float = 0.1

    def __post_init__(self) -> None:
        chances = (self.objects, self.hand, self.glasses, self.strands)
        if not all(0 <= chance <= 1 for chance in chances):
            raise ConfigError(f"occluders: expected probabilities, got {chances}.")


def cover_face(
    canvas: UInt8[np.ndarray, "side side 3"],
    mask: UInt8[np.ndarray, "side side"],
    surface: UInt8[np.ndarray, "side side 3"],
    rng: np.random.Generator,
    config: OccluderConfig,
) -> tuple[UInt8[np.ndarray, "side side 3"], UInt8[np.ndarray, "side side"]]:
    """A picture with occluders, and its classes.

    Covered parts of the head become `occluder`. What lies beside the head becomes unknown, for an object
    there is background as much as occluder.

    Args:
        canvas: Picture, RGB.
        mask: Index into `PARSING_CLASSES` of each pixel; 255 where unknown.
        surface: Some photo, with which objects may be clad.
        rng: Where randomness comes from.
        config: How often.
    """
    draws = rng.random(4)
    if draws[0] < config.strands:
        canvas, mask = _with_strands(canvas, mask, rng)
    if draws[1] < config.glasses:
        canvas, mask = _with_glasses(canvas, mask, rng)
    if draws[2] < config.objects:
        for _ in range(int(rng.integers(1, 3))):
            canvas, mask = _with_object(canvas, mask, surface, rng)
    if draws[3] < config.hand:
        canvas, mask = _with_hand(canvas, mask, rng)
    return canvas, mask


def _with_object(
    canvas: np.ndarray, mask: np.ndarray, surface: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A blob or a box, plain or clad with a photo."""
    side = len(canvas)
    place = _place_on_face(mask, rng)
    half = side * rng.uniform(0.05, 0.24, 2)
    turn = rng.uniform(0, math.pi)
    shape = _box(side, place, half, turn) if rng.random() < 0.45 else _blob(side, place, half, turn, rng)
    colour = rng.uniform(0, 255, 3).astype(np.float32)
    painted = surface if rng.random() < 0.6 else _shaded(colour, side, rng)
    return _laid_on(canvas, mask, shape, painted, _OCCLUDER)


def _with_hand(
    canvas: np.ndarray, mask: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Two to four fingers side by side that come from a palm, from below or the side."""
    side = len(canvas)
    tip = np.array(_place_on_face(mask, rng))
    towards = rng.uniform(math.radians(10), math.radians(170))
    along = np.array((math.cos(towards), math.sin(towards)))
    across = np.array((-along[1], along[0]))
    thick = side * rng.uniform(0.03, 0.055)
    count = int(rng.integers(2, 5))
    shape = np.full((side, side), 1e3, dtype=np.float32)
    for number in range(count):
        end = tip + across * (2.1 * thick * (number - (count - 1) / 2)) - along * thick * rng.uniform(0, 1.6)
        shape = np.minimum(shape, _capsule(side, end, end + along * 8 * thick, thick))
    palm = tip + along * 11 * thick
    shape = np.minimum(shape, _box(side, palm, np.array((4.5 * thick, 1.15 * thick * count)), towards))
    skin = canvas[(mask == _SKIN) | (mask == _NOSE)]
    colour = np.median(skin, axis=0) if len(skin) else np.array((170.0, 130.0, 110.0))
    colour = colour * np.exp(rng.normal(0, 0.15) + rng.normal(0, 0.04, 3))
    # Fingers are lighter along their middles, which is what tells them from the face behind.
    bent = 1 - 0.25 * np.clip(1 + shape / thick, 0, 1)[..., None] ** 2
    return _laid_on(canvas, mask, shape, _shaded(colour.astype(np.float32), side, rng) * bent, _OCCLUDER)


def _with_glasses(
    canvas: np.ndarray, mask: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Frames about the eyes, or dark lenses; none where no eye is seen."""
    eyes = _eye_places(mask)
    if eyes is None:
        return canvas, mask
    side = len(canvas)
    centres, axis, unit = eyes
    half = unit * np.array((rng.uniform(0.38, 0.5), rng.uniform(0.26, 0.42)))
    turn = math.atan2(axis[1], axis[0])
    power = int(rng.integers(2, 5))
    lenses = np.full((side, side), 1e3, dtype=np.float32)
    for centre in centres:
        below = centre + np.array((-axis[1], axis[0])) * 0.06 * unit
        lenses = np.minimum(lenses, _superellipse(side, below, half, turn, power))
    frame = rng.uniform(0.6, 1.6)
    rims = np.abs(lenses) - frame
    ends = centres[0] - axis * half[0], centres[-1] + axis * half[0]
    for end, way in ((ends[0], -1), (ends[1], 1)):
        rims = np.minimum(rims, _capsule(side, end, end + way * axis * unit * rng.uniform(0.1, 0.5), frame))
    if len(centres) == 2:
        inner = centres[0] + axis * half[0], centres[1] - axis * half[0]
        rims = np.minimum(rims, _capsule(side, *inner, frame))
    if rng.random() < 1 / 3:
        tint = rng.uniform(0, 70, 3).astype(np.float32)
        canvas, mask = _laid_on(canvas, mask, lenses, _shaded(tint, side, rng), _OCCLUDER)
    elif rng.random() < 0.3:
        # A reflection covers part of the lenses.
        glare = np.maximum(lenses, _box(side, centres[0], half * rng.uniform(0.2, 0.8, 2), turn + 0.6))
        canvas, mask = _laid_on(
            canvas, mask, glare, np.full((side, side, 3), 235, dtype=np.float32), _OCCLUDER
        )
    colour = rng.uniform(0, 90, 3) if rng.random() < 0.7 else rng.uniform(0, 255, 3)
    return _laid_on(canvas, mask, rims, _shaded(colour.astype(np.float32), side, rng), _OCCLUDER)


def _with_strands(
    canvas: np.ndarray, mask: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A bundle of bent lines that hangs into the face from above."""
    side = len(canvas)
    root = np.array((rng.uniform(0.2, 0.8), rng.uniform(0.0, 0.3))) * side
    fall = math.radians(rng.uniform(40, 140))
    step = np.array((math.cos(fall), math.sin(fall))) * side * rng.uniform(0.1, 0.3)
    bend, spread = rng.normal(0, 0.06 * side, 2), side * rng.uniform(0.01, 0.06)
    shape = np.full((side, side), 1e3, dtype=np.float32)
    for _ in range(int(rng.integers(2, 7))):
        start = root + rng.normal(0, spread, 2) * (1, 0.3)
        middle = start + step + bend + rng.normal(0, spread / 3, 2)
        end = middle + step - bend + rng.normal(0, spread / 3, 2)
        thick = side * rng.uniform(0.004, 0.02)
        shape = np.minimum(shape, _capsule(side, start, middle, thick))
        shape = np.minimum(shape, _capsule(side, middle, end, thick * 0.8))
    own = canvas[mask == _HAIR]
    colour = own.mean(axis=0) if len(own) > 50 and rng.random() < 0.7 else _HAIR_SRGB[rng.integers(5)]
    grain = rng.normal(1, 0.12, (side, 1, 1)).astype(np.float32)
    return _laid_on(canvas, mask, shape, _shaded(np.asarray(colour, np.float32), side, rng) * grain, _HAIR)


def _laid_on(
    canvas: np.ndarray, mask: np.ndarray, shape: _Distance, painted: np.ndarray, label: int
) -> tuple[np.ndarray, np.ndarray]:
    """Picture and classes with something on top."""
    share = np.clip(0.5 - shape, 0, 1)[..., None].astype(np.float32)
    mixed = (canvas + share * (np.clip(painted, 0, 255) - canvas)).astype(np.uint8)
    covers = shape < 0
    beside = _HAIR if label == _HAIR else _UNKNOWN
    return mixed, np.where(covers, np.where(mask == _BACKGROUND, beside, label), mask).astype(np.uint8)


def _shaded(colour: Float[np.ndarray, " 3"], side: int, rng: np.random.Generator) -> np.ndarray:
    """One colour under a light that changes across the canvas."""
    slope = rng.normal(0, 0.25, 2)
    steps = np.linspace(-1, 1, side, dtype=np.float32)
    light = np.exp(np.float32(slope[0]) * steps)[:, None] * np.exp(np.float32(slope[1]) * steps)
    return colour * light[..., None]


def _place_on_face(mask: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """A pixel of the face, or of the middle of the canvas if no class is known."""
    face = (mask != _BACKGROUND) & (mask != _HAIR) & (mask != _UNKNOWN)
    rows, columns = np.nonzero(face)
    if not len(rows):
        x, y = len(mask) * rng.uniform(0.3, 0.7, 2)
        return float(x), float(y)
    chosen = rng.integers(len(rows))
    return float(columns[chosen]), float(rows[chosen])


def _eye_places(mask: np.ndarray) -> tuple[list[np.ndarray], np.ndarray, float] | None:
    """Centres of the eyes from left to right, the unit vector that way, and the distance of two eyes."""
    rows, columns = np.nonzero(mask == _EYES)
    if len(rows) < 12:
        return None
    points = np.stack((columns, rows), axis=1).astype(float) + 0.5
    centred = points - points.mean(axis=0)
    axis = np.linalg.svd(centred, full_matrices=False)[2][0]
    axis = axis if axis[0] >= 0 else -axis
    order = np.sort(centred @ axis)
    gaps = np.diff(order)
    widest = int(gaps.argmax())
    if gaps[widest] < 4:
        # One eye is all that a profile shows: it is about a third as wide as two are apart.
        return [points.mean(axis=0)], axis, 2.4 * max(8.0, float(np.ptp(order)))
    left = centred @ axis <= order[widest] + 1e-6
    centres = [points[left].mean(axis=0), points[~left].mean(axis=0)]
    way = centres[1] - centres[0]
    return centres, way / np.linalg.norm(way), float(np.linalg.norm(way))


def _local(side: int, place: object, turn: float) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of the pixels' centres about a place, along and across a direction."""
    centre = np.asarray(place, dtype=np.float32)
    x = np.arange(side, dtype=np.float32) + np.float32(0.5) - centre[0]
    y = (np.arange(side, dtype=np.float32) + np.float32(0.5) - centre[1])[:, None]
    cosine, sine = np.float32(math.cos(turn)), np.float32(math.sin(turn))
    return cosine * x + sine * y, cosine * y - sine * x


def _box(side: int, place: object, half: np.ndarray, turn: float) -> _Distance:
    u, v = _local(side, place, turn)
    wide, high = np.float32(half[0]), np.float32(half[1])
    distance: np.ndarray = np.maximum(np.abs(u) - wide, np.abs(v) - high)
    return distance


def _superellipse(side: int, place: object, half: np.ndarray, turn: float, power: int) -> _Distance:
    """About the distance to an ellipse that becomes a box as the power grows."""
    u, v = _local(side, place, turn)
    radius = (
        np.abs(u / np.float32(half[0])) ** power + np.abs(v / np.float32(half[1])) ** power
    ) ** np.float32(1 / power)
    distance: np.ndarray = (radius - 1) * np.float32(min(half))
    return distance


def _blob(side: int, place: object, half: np.ndarray, turn: float, rng: np.random.Generator) -> _Distance:
    """An ellipse whose outline has bumps."""
    u, v = _local(side, place, turn)
    u, v = u / np.float32(half[0]), v / np.float32(half[1])
    angle = np.arctan2(v, u)
    outline = np.ones_like(angle)
    for order in range(2, 5):
        phase = np.float32(rng.uniform(0, 2 * math.pi))
        outline += np.float32(rng.normal(0, 0.3 / order)) * np.cos(order * angle + phase)
    distance: np.ndarray = (np.sqrt(u * u + v * v) - outline) * np.float32(min(half))
    return distance


def _capsule(side: int, start: object, end: object, radius: float) -> _Distance:
    """A line with round ends."""
    way = np.asarray(end, dtype=np.float32) - np.asarray(start, dtype=np.float32)
    length = np.float32(math.hypot(*way))
    along, across = _local(side, start, math.atan2(way[1], way[0]))
    beyond = along - np.clip(along, 0, length)
    distance: np.ndarray = np.sqrt(beyond * beyond + across * across) - np.float32(radius)
    return distance
