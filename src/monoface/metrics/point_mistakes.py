"""The known mistakes of landmark files: which one, undone, brings points to where the face is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

AS_GIVEN = ""
MISTAKES: Mapping[str, str] = {
    "mirrored": "look mirrored",
    "reversed": "look as if their points came in reverse order, as of a mirrored face",
    "exchanged": "look as if x and y were exchanged",
    "upwards": "look as if y grew upwards",
    "fractions": "look like fractions of the picture's size",
    "scaled": "look right but for their scale, as of a picture of another size",
    "shifted": "look shifted",
    "moved": "look as if they were of another place and size, as of another picture or crop",
}
"""What points look like, by the name of the mistake; the simpler ones first."""

# Points agree with others of a face to within this part of its size: sets, people and networks differ.
FITS = 0.1
# A mistake must explain them so well, and so much better than none does.
_EXPLAINED, _BETTER = 0.07, 0.4
# Of mistakes that explain points so nearly alike, the simpler one is meant.
_AS_GOOD = 0.02
# A scale that differs by less is no mistake.
_OTHER_SCALE = 1.15
# Fewer points in common prove nothing.
_LEAST_POINTS = 5

_Points = Float[np.ndarray, "points 2"]


@dataclass(frozen=True)
class PointErrors:
    """How far points are from where they are known to be, in parts of the face's size.

    Attributes:
        by_mistake: As given, by the name "", and with each mistake undone; infinite where too few are known.
    """

    by_mistake: Mapping[str, float]

    @property
    def fits(self) -> bool:
        """Whether the points are right as they are, or nothing is known about it."""
        given = self.by_mistake[AS_GIVEN]
        return given <= FITS or not np.isfinite(given)

    @property
    def mistake(self) -> str:
        """The mistake that explains the points best; empty where none does."""
        best = min(self.by_mistake.values())
        if best > min(_EXPLAINED, _BETTER * self.by_mistake[AS_GIVEN]):
            return AS_GIVEN
        return next(name for name in MISTAKES if self.by_mistake.get(name, np.inf) <= best + _AS_GOOD)


def point_errors(
    points_px: Float[np.ndarray, "points 2"],
    known_px: Float[np.ndarray, "points 2"],
    mirror: Int[np.ndarray, " points"] | Sequence[int] | None,
    size_px: tuple[int, int] | None = None,
) -> PointErrors:
    """Compare landmarks with where they are known to be, as given and with each mistake undone.

    Args:
        points_px: The landmarks; NaN where there is none.
        known_px: Where they are, about; NaN where that is unknown.
        mirror: Where each point comes to lie when the face is mirrored, if that is known.
        size_px: Width and height of the picture. Without it, any axis of a mirror image will do.
    """
    given = _error(points_px, known_px)
    errors = {AS_GIVEN: given}
    if given > FITS and np.isfinite(given):
        for name, undo in _undoings(mirror, size_px):
            errors[name] = min(_error(undo(points_px, known_px), known_px), errors.get(name, np.inf))
    return PointErrors(errors)


def median_errors(photos: Sequence[PointErrors]) -> PointErrors:
    """What is true of most photos; mistakes that were not looked for explain none."""
    names = dict.fromkeys(name for photo in photos for name in photo.by_mistake)
    return PointErrors(
        {
            name: float(np.median([one.by_mistake.get(name, one.by_mistake[AS_GIVEN]) for one in photos]))
            for name in names
        }
    )


def _undoings(
    mirror: Int[np.ndarray, " points"] | Sequence[int] | None, size_px: tuple[int, int] | None
) -> list[tuple[str, Callable[[_Points, _Points], _Points]]]:
    """Ways to undo mistakes, by their names."""
    undoings: list[tuple[str, Callable[[_Points, _Points], _Points]]] = []
    if size_px is not None:
        undoings.append(("fractions", lambda points, known: points * np.array(size_px)))
    if mirror is not None:
        order = list(mirror)
        undoings.append(("mirrored", lambda points, known: points[order]))
        if size_px is not None:
            undoings.append(("mirrored", lambda points, known: _flipped(points[order], known, 0, size_px)))
    return [
        *undoings,
        ("mirrored", lambda points, known: _flipped(points, known, 0, size_px)),
        ("reversed", lambda points, known: points[::-1]),
        ("exchanged", lambda points, known: points[:, ::-1]),
        ("upwards", lambda points, known: _flipped(points, known, 1, size_px)),
        ("scaled", _rescaled),
        ("shifted", _shifted),
        ("moved", lambda points, known: _shifted(_resized(points, known), known)),
    ]


def _flipped(points: _Points, known: _Points, axis: int, size_px: tuple[int, int] | None) -> _Points:
    flipped = points.copy()
    side = np.nanmean(points[:, axis] + known[:, axis]) if size_px is None else size_px[axis]
    flipped[:, axis] = side - points[:, axis]
    return flipped


def _rescaled(points: _Points, known: _Points) -> _Points:
    """Scaled about the picture's origin, by least squares."""
    common = np.isfinite(points).all(axis=1) & np.isfinite(known).all(axis=1)
    given, true = (one[common].astype(np.float64) for one in (points, known))
    return points / _other_scale(float(np.square(given).sum()), float((given * true).sum()))


def _resized(points: _Points, known: _Points) -> _Points:
    """Of the size that is known."""
    common = np.isfinite(points).all(axis=1) & np.isfinite(known).all(axis=1)
    spread, true_spread = (
        float(np.square(one[common] - one[common].mean(axis=0)).sum()) if common.any() else 0.0
        for one in (points, known)
    )
    return points / _other_scale(spread**0.5, true_spread**0.5)


def _other_scale(numerator: float, denominator: float) -> float:
    """A scale; NaN, with which nothing fits, where it is about one."""
    scale = numerator / max(denominator, 1e-9)
    return scale if max(scale, 1 / max(scale, 1e-9)) >= _OTHER_SCALE else np.nan


def _shifted(points: _Points, known: _Points) -> _Points:
    apart = known - points
    if not np.isfinite(apart).all(axis=1).any():
        return points
    return points + np.nanmean(apart, axis=0)


def _error(points: _Points, known: _Points) -> float:
    """Mean distance in parts of the longer side of what is known."""
    common = np.isfinite(points).all(axis=1) & np.isfinite(known).all(axis=1)
    if common.sum() < _LEAST_POINTS:
        return np.inf
    size = np.ptp(known[np.isfinite(known).all(axis=1)].astype(np.float64), axis=0).max()
    distance = np.linalg.norm(points[common].astype(np.float64) - known[common], axis=1)
    return float(distance.mean() / max(size, 1e-9))
