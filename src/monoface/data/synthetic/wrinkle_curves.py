"""Where wrinkles run, how wide and how deep they are: curves from the landmarks that they belong to.

Sizes are those of skin: crow's feet are fine, the furrows of a raised brow lie a centimetre apart and are a
millimetre deep, the fold from nose to mouth is deeper. One face has them all in proportion to its age.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float

Family = Literal["taught", "kept"]

# Depth is not more than this part of the half width: skin bends no further at the size of a texel.
_STEEPEST = 0.5
# Strengths of young and old faces: depths are scaled by them.
_STRENGTH = (0.35, 1.5)


@dataclass(frozen=True, eq=False)
class Course:
    """One wrinkle.

    Attributes:
        points: Curve in texels, x and y.
        width_mm: Half width of the valley.
        depth_mm: Of the valley.
        folded: Whether skin bulges over one side of it.
    """

    points: Float[np.ndarray, "points 2"]
    width_mm: float
    depth_mm: float
    folded: bool = False


@dataclass(frozen=True, eq=False)
class CourseSampler:
    """Draws the wrinkles of one face after the other.

    Attributes:
        marks: The 68 landmarks in texels.
        skin: Rows and columns of texels that may be displaced.
        size: Side of the texture.
    """

    marks: Float[np.ndarray, "68 2"]
    skin: np.ndarray
    size: int

    def sample(self, rng: np.random.Generator, family: Family) -> list[Course]:
        """Wrinkles of a face of some age; families differ in how their curves swing."""
        age = rng.random()
        strength = np.interp(age, (0, 1), _STRENGTH)
        bend = bend_of(family)
        courses = []
        for make, share in (
            (self._forehead, 0.75), (self._frown, 0.5), (self._crows_feet, 0.7), (self._nose_to_mouth, 0.8),
            (self._under_eyes, 0.6), (self._mouth_to_chin, 0.45), (self._chin, 0.4), (self._cheeks, 0.5),
            (self._anywhere, 0.7),
        ):  # fmt: skip
            if rng.random() < share * (0.7 + 0.6 * age):
                courses += list(make(rng, age))
        return [
            replace(
                one,
                points=bend(one.points, rng, self.size / 256),
                depth_mm=min(strength * one.depth_mm, _STEEPEST * one.width_mm),
            )
            for one in courses
        ]

    def _forehead(self, rng: np.random.Generator, age: float) -> Iterator[Course]:
        left, right = self.marks[18], self.marks[25]
        above, apart = self.size * rng.uniform(0.018, 0.03), self.size * rng.uniform(0.014, 0.028)
        width, depth = _between(rng, 1.2, 3.2), _between(rng, 0.4, 1.4)
        for number in range(rng.integers(2, 5 + round(3 * age))):
            height = above + apart * (number + rng.uniform(-0.2, 0.2))
            begin, end = rng.uniform(-0.25, 0.2), rng.uniform(0.75, 1.2)
            if rng.random() < 0.3:
                begin, end = sorted(rng.uniform(-0.2, 1.2, 2))
            points = np.stack([left + share * (right - left) - (0, height) for share in (begin, end)])
            yield Course(points, width * rng.uniform(0.8, 1.25), depth * rng.uniform(0.6, 1.2))

    def _frown(self, rng: np.random.Generator, age: float) -> Iterator[Course]:
        middle = (self.marks[21] + self.marks[22]) / 2
        for x in rng.uniform(-0.022, 0.022, rng.integers(1, 3 + round(age))):
            ends = np.array(((x, 0.02), (x * rng.uniform(0.8, 1.5), -rng.uniform(0.015, 0.05))))
            yield Course(middle + self.size * ends, _between(rng, 1.0, 2.4), _between(rng, 0.3, 1.2))

    def _crows_feet(self, rng: np.random.Generator, age: float) -> Iterator[Course]:
        width, depth = _between(rng, 0.8, 1.8), _between(rng, 0.2, 0.8)
        for corner, side in ((36, -1), (45, 1)):
            for turn in rng.uniform(-0.7, 0.9, rng.integers(2, 4 + round(4 * age))):
                direction = np.array((side * np.cos(turn), np.sin(turn)))
                begin, length = rng.uniform(0.02, 0.035), rng.uniform(0.03, 0.09)
                points = self.marks[corner] + self.size * np.outer((begin, begin + length), direction)
                yield Course(points, width * rng.uniform(0.8, 1.25), depth * rng.uniform(0.6, 1.2))

    def _nose_to_mouth(self, rng: np.random.Generator, age: float) -> Iterator[Course]:
        drop, folded = rng.uniform(-0.01, 0.05), rng.random() < 0.6
        width, depth = _between(rng, 2.0, 4.5), _between(rng, 0.5, 1.8)
        for wing, mouth, side in ((31, 48, -1), (35, 54, 1)):
            start = self.marks[wing] + self.size * np.array((side * 0.035, -0.02))
            end = self.marks[mouth] + self.size * np.array((side * 0.03, drop))
            middle = (start + end) / 2 + self.size * np.array((side * rng.uniform(0.01, 0.03), 0))
            strength = depth * rng.uniform(0.7, 1.2)
            yield Course(np.stack((start, middle, end)), width * rng.uniform(0.85, 1.2), strength, folded)

    def _under_eyes(self, rng: np.random.Generator, age: float) -> Iterator[Course]:
        width, depth = _between(rng, 1.0, 2.8), _between(rng, 0.2, 0.9)
        for inner, outer in ((39, 36), (42, 45)):
            for below in rng.uniform(0.03, 0.075, rng.integers(1, 3 + round(2 * age))):
                ends = self.marks[[inner, outer]] + self.size * np.array((0, below))
                middle = ends.mean(axis=0) + self.size * np.array((0, 0.012))
                points = np.stack((ends[0], middle, ends[1]))
                folded = rng.random() < 0.4
                yield Course(points, width * rng.uniform(0.8, 1.25), depth * rng.uniform(0.5, 1.2), folded)

    def _mouth_to_chin(self, rng: np.random.Generator, age: float) -> Iterator[Course]:
        width, depth, length = _between(rng, 1.4, 3.2), _between(rng, 0.3, 1.2), rng.uniform(0.04, 0.09)
        for mouth, side in ((48, -1), (54, 1)):
            start = self.marks[mouth] + self.size * np.array((side * 0.012, 0.02))
            end = start + self.size * np.array((side * rng.uniform(0.0, 0.02), length))
            yield Course(np.stack((start, end)), width, depth * rng.uniform(0.7, 1.2), rng.random() < 0.4)

    def _chin(self, rng: np.random.Generator, age: float) -> Iterator[Course]:
        middle = (self.marks[57] + self.marks[8]) / 2
        half = self.size * np.array((rng.uniform(0.03, 0.07), 0))
        points = np.stack((middle - half, middle - (0, 0.012 * self.size), middle + half))
        yield Course(points, _between(rng, 1.6, 3.6), _between(rng, 0.3, 1.2))

    def _cheeks(self, rng: np.random.Generator, age: float) -> Iterator[Course]:
        """Lines that run down beside the fold from nose to mouth, one behind the other."""
        width, depth = _between(rng, 1.0, 2.4), _between(rng, 0.2, 0.8)
        apart = self.size * rng.uniform(0.016, 0.03)
        for wing, mouth, side in ((31, 48, -1), (35, 54, 1)):
            start = self.marks[wing] + self.size * np.array((side * 0.05, 0.0))
            end = self.marks[mouth] + self.size * np.array((side * 0.05, rng.uniform(0.0, 0.06)))
            bulge = self.size * np.array((side * rng.uniform(0.01, 0.03), 0))
            for number in range(1, rng.integers(2, 4 + round(3 * age))):
                beside = np.array((side * apart * (number + rng.uniform(-0.2, 0.2)), 0))
                points = np.stack((start, (start + end) / 2 + bulge, end)) + beside
                yield Course(points, width * rng.uniform(0.8, 1.25), depth * rng.uniform(0.5, 1.2))

    def _anywhere(self, rng: np.random.Generator, age: float) -> Iterator[Course]:
        for _ in range(rng.integers(1, 6 + round(8 * age))):
            begin = somewhere(self.skin, rng)
            ends = np.stack((begin, begin + self.size * rng.uniform(0.03, 0.16) * direction(rng)))
            yield Course(ends, _between(rng, 0.9, 3.0), _between(rng, 0.15, 0.9), rng.random() < 0.25)


def bend_of(family: Family) -> Callable[[np.ndarray, np.random.Generator, float], np.ndarray]:
    """How curves of a family swing about their course."""
    return _bent if family == "kept" else _waved


def somewhere(skin: np.ndarray, rng: np.random.Generator) -> Float[np.ndarray, " 2"]:
    """A place on the skin: x and y in texels, of rows and columns of texels."""
    place: Float[np.ndarray, " 2"] = skin[rng.integers(len(skin))][::-1] + 0.5
    return place


def direction(rng: np.random.Generator) -> Float[np.ndarray, " 2"]:
    """A unit vector of any direction."""
    turn = rng.uniform(0, 2 * np.pi)
    return np.array((np.cos(turn), np.sin(turn)))


def _between(rng: np.random.Generator, least: float, most: float) -> float:
    """A size, its logarithm uniform."""
    return float(np.exp(rng.uniform(np.log(least), np.log(most))))


def _waved(course: np.ndarray, rng: np.random.Generator, texels: float) -> np.ndarray:
    """A curve with more points that swings about its course."""
    turns, phase = rng.uniform(3, 14), rng.uniform(0, 6)
    return _resampled(course, rng, texels, lambda share: np.sin(share * turns + phase))


def _bent(course: np.ndarray, rng: np.random.Generator, texels: float) -> np.ndarray:
    """A curve with more points that is an arc with a kink or two."""
    kinks = rng.normal(0, 0.5, 4)
    arc = rng.normal(0, 1.5)
    return _resampled(
        course,
        rng,
        texels,
        lambda share: arc * (4 * share * (1 - share)) + np.interp(share, np.linspace(0, 1, 4), kinks),
    )


def _resampled(
    course: np.ndarray,
    rng: np.random.Generator,
    texels: float,
    swing: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    share = np.linspace(0, 1, 14)
    knots = np.linspace(0, 1, len(course))
    if len(course) > 2:
        coefficients = np.polyfit(knots, course, len(course) - 1)
        points = sum(
            power[None] * share[:, None] ** (len(course) - 1 - n) for n, power in enumerate(coefficients)
        )
    else:
        points = np.stack([np.interp(share, knots, course[:, axis]) for axis in (0, 1)], axis=-1)
    tangent = course[-1] - course[0]
    across = np.array((-tangent[1], tangent[0])) / max(float(np.hypot(*tangent)), 1e-6)
    # Short lines are straighter.
    most = min(2.2 * texels, 0.06 * float(np.hypot(*tangent)))
    moved: np.ndarray = points + rng.uniform(0.1, 1) * most * swing(share)[:, None] * across
    return moved
