"""Which three photos of one face go together: neighbours in yaw that still see much of the same skin."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float, Int64

from monoface.core.errors import ConfigError


@dataclass(frozen=True)
class TripletConfig:
    """Which photos become the views of a sample.

    Attributes:
        min_gap_deg: Neighbours in yaw differ by at least this. Of a face whose photos are all nearer, the
            three that differ most are taken.
        max_gap_deg: Neighbours differ by at most this, so that they overlap.
        max_yaw_deg: Photos turned further are left out.
        per_group: At most so many samples of one face.
        max_expression_mm: Where the expression of a view moves the narrow face further, on average, from
            where that of the target does, nothing is compared between the views.

    Reference:
        The authors of MGCNet take neighbouring cameras, none beyond 90 degrees (issue 20 of their
        repository).
    """

    min_gap_deg: float = 4.0
    max_gap_deg: float = 35.0
    max_yaw_deg: float = 90.0
    per_group: int = 24
    max_expression_mm: float = 2.0

    def __post_init__(self) -> None:
        if not 0 <= self.min_gap_deg < self.max_gap_deg or self.per_group < 1:
            raise ConfigError(
                "triplets: expected 0 <= min_gap_deg < max_gap_deg and per_group of at least 1, got "
                f"{self.min_gap_deg}, {self.max_gap_deg} and {self.per_group}."
            )


def choose_triplets(
    group: Int64[np.ndarray, " photos"],
    yaw_deg: Float[np.ndarray, " photos"],
    usable: Bool[np.ndarray, " photos"],
    config: TripletConfig,
    rng: np.random.Generator,
) -> Int64[np.ndarray, "samples 3"]:
    """Rows of photos of each sample, in the order of yaw, so that the target is in the middle.

    Args:
        group: Photos of one number show one face.
        yaw_deg: Turn of each head.
        usable: Photos that may be views.
        config: What goes together.
        rng: Draws among the samples of a face that has more than enough.
    """
    usable = usable & (np.abs(yaw_deg) <= config.max_yaw_deg + 0.5)
    chosen: list[tuple[int, ...]] = []
    for number in np.unique(group):
        rows = np.flatnonzero((group == number) & usable)
        ordered = rows[np.argsort(yaw_deg[rows], kind="stable")]
        found = _of_group(ordered, yaw_deg[ordered], config)
        if len(found) > config.per_group:
            kept = np.sort(rng.permutation(len(found))[: config.per_group])
            found = [found[index] for index in kept]
        chosen += found
    return np.array(chosen, dtype=np.int64).reshape(-1, 3)


def _of_group(rows: np.ndarray, yaw_deg: np.ndarray, config: TripletConfig) -> list[tuple[int, ...]]:
    near, apart = [], []
    for places in combinations(range(len(rows)), 3):
        gaps = np.diff(yaw_deg[list(places)])
        if gaps.max() > config.max_gap_deg:
            continue
        near.append((float(gaps.sum()), places))
        if gaps.min() >= config.min_gap_deg:
            apart.append(places)
    if not apart and near:
        apart = [max(near)[1]]
    return [tuple(int(rows[place]) for place in places) for places in apart]
