"""From weights of the face model's expressions to blendshapes in the scale that ARKit's have.

The face model's weights say how far its own offsets are added. Programs that read blendshapes expect what
ARKit would say of the same face: a mouth opened as far as it goes is 1 there, whatever the mesh. The map is
one for each expression, grows, and is the same for left and right; what draws the mesh keeps the weights.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from jaxtyping import Float, Int

from monoface.core.errors import ConfigError

_SIDES: Final = ("Left", "Right")


@dataclass(frozen=True, eq=False)
class BlendshapeScale:
    """Growing maps through knots, straight between them, one for each expression.

    Attributes:
        weight: Knots: weights of the face model, growing from 0 to 1.
        value: What ARKit would say there, from 0 to 1; never falls.
    """

    weight: Float[np.ndarray, "expressions knots"]
    value: Float[np.ndarray, "expressions knots"]

    def __post_init__(self) -> None:
        if self.weight.shape != self.value.shape or self.weight.ndim != 2 or self.weight.shape[1] < 2:
            raise ConfigError(
                "blendshape scale: expected as many values as knots, two or more of each expression, got "
                f"{self.value.shape} and {self.weight.shape}."
            )
        grows = (np.diff(self.weight) > 0).all() and (np.diff(self.value) >= 0).all()
        if not grows or self.value.min() < 0 or self.value.max() > 1:
            raise ConfigError("blendshape scale: expected growing maps to 0..1, got others.")

    def __len__(self) -> int:
        return len(self.weight)

    @classmethod
    def identity(cls, expressions: int) -> Self:
        """Of expressions whose weights are in ARKit's scale already."""
        ends = np.tile([0.0, 1.0], (expressions, 1))
        return cls(ends, ends)

    @staticmethod
    def unchanged(expressions: int) -> "BlendshapeScale":
        """Of a Gaussian space, whose coefficients are no blendshapes: they stay as they are."""
        ends = np.tile([0.0, 1.0], (expressions, 1))
        return _Unchanged(ends, ends)

    def __call__(
        self, weights: Float[np.ndarray, "faces expressions"]
    ) -> Float[np.ndarray, "faces expressions"]:
        """Blendshapes of faces in ARKit's scale; beyond the knots they stay what they are at the ends."""
        columns = zip(weights.T, self.weight, self.value, strict=True)
        return np.stack([np.interp(*column) for column in columns], axis=1)


class _Unchanged(BlendshapeScale):
    """Coefficients as they are."""

    def __call__(
        self, weights: Float[np.ndarray, "faces expressions"]
    ) -> Float[np.ndarray, "faces expressions"]:
        return weights.copy()


def fit_blendshape_scale(
    names: tuple[str, ...],
    weights: Float[np.ndarray, "photos expressions"],
    wanted: Float[np.ndarray, "photos expressions"],
    knots: int = 9,
) -> BlendshapeScale:
    """Find the maps from photos of which both are known.

    Each is a mean of two growing maps: what is wanted on average where the weight is such, which hardly moves
    if the two have little to do with each other; and that of as large a share of the photos, which has the
    whole range of what is wanted. The more alike the order of the photos is, the more the second counts.

    Args:
        names: Of the expressions; those of both sides, which end with Left and Right, share a map.
        weights: Of the face model, from 0 to 1.
        wanted: In ARKit's scale.
        knots: Of each map.
    """
    grid = np.linspace(0, 1, knots) ** 2
    values = np.empty((len(names), knots))
    for columns in _together(names):
        values[columns] = _growing(weights[:, columns].ravel(), wanted[:, columns].ravel(), grid)
    return BlendshapeScale(np.tile(grid, (len(names), 1)), values)


def _together(names: tuple[str, ...]) -> list[Int[np.ndarray, " columns"]]:
    """Columns of expressions that share a map."""
    stems: dict[str, list[int]] = {}
    for column, name in enumerate(names):
        stem = next((name.removesuffix(side) for side in _SIDES if name.endswith(side)), name)
        stems.setdefault(stem, []).append(column)
    return [np.array(columns) for columns in stems.values()]


def _growing(
    weight: Float[np.ndarray, " photos"],
    wanted: Float[np.ndarray, " photos"],
    grid: Float[np.ndarray, " knots"],
) -> Float[np.ndarray, " knots"]:
    order = np.argsort(weight, kind="stable")
    weight, wanted = weight[order], wanted[order]
    expected, as_ranked = _never_falling(wanted), np.sort(wanted)
    likeness = float(np.clip(_rank_correlation(wanted), 0, 1))
    both = likeness * as_ranked + (1 - likeness) * expected
    places, first = np.unique(weight, return_index=True)
    mean = np.add.reduceat(both, first) / np.diff(np.append(first, len(both)))
    value = np.interp(grid, places, mean)
    if places[-1] < 1 and len(places) > 1:
        # Beyond all photos the map goes on straight to where the last of them point, from rest.
        slope = mean[-1] / max(places[-1], 1e-3)
        value = np.where(grid > places[-1], mean[-1] + slope * (grid - places[-1]), value)
    value = np.clip(np.nan_to_num(value), 0, 1)
    grown: np.ndarray = np.maximum.accumulate(value)
    return grown


def _never_falling(values: Float[np.ndarray, " photos"]) -> Float[np.ndarray, " photos"]:
    """The nearest sequence, in least squares, that never falls.

    Reference:
        Ayer et al., "An Empirical Distribution Function for Sampling with Incomplete Information", 1955.
    """
    means: list[float] = []
    counts: list[int] = []
    for value in values.tolist():
        means.append(value)
        counts.append(1)
        while len(means) > 1 and means[-2] >= means[-1]:
            last, count = means.pop(), counts.pop()
            means[-1] = (means[-1] * counts[-1] + last * count) / (counts[-1] + count)
            counts[-1] += count
    return np.repeat(means, counts)


def _rank_correlation(values: Float[np.ndarray, " photos"]) -> float:
    """Spearman's, of values with their places."""
    if len(values) < 2 or np.ptp(values) == 0:
        return 0.0
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    return float(np.corrcoef(ranks, np.arange(len(values)))[0, 1])
