"""Distances between scans and meshes, and what is told of them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

from monoface.geometry.placement import Placement
from monoface.geometry.surface import Surface


@dataclass(frozen=True)
class DistanceSummary:
    """Of a set of distances, in their unit. NaN where there is none.

    Attributes:
        median: Half of the distances are smaller.
        mean: Their mean.
        std: Their standard deviation (of the population).
    """

    median: float
    mean: float
    std: float

    @classmethod
    def of(cls, distances: Float[np.ndarray, " points"]) -> "DistanceSummary":
        """Summary of distances, in 64 bits."""
        if not len(distances):
            return cls(np.nan, np.nan, np.nan)
        values = distances.astype(np.float64)
        return cls(float(np.median(values)), float(values.mean()), float(values.std()))


def scan_to_surface(
    scan: Float[np.ndarray, "points 3"], surface: Surface, placement: Placement | None = None
) -> Float64[np.ndarray, " points"]:
    """Distance of each point of a scan to the closest point of a mesh, in the scan's unit.

    Args:
        scan: Points.
        surface: The mesh, in its own frame and unit.
        placement: From the mesh's frame to the scan's; the same frame by default.
    """
    placement = placement or Placement.identity()
    return surface.closest(placement.inverse().apply(scan)).distance * placement.scale


def root_mean_square(distances: Float[np.ndarray, " points"]) -> float:
    """Root of the mean squared distance; NaN if there is none."""
    return float(np.sqrt(np.mean(distances.astype(np.float64) ** 2))) if len(distances) else float("nan")


def chamfer_distance(first: Surface, second: Surface) -> float:
    """Mean distance of the vertices of either mesh to the other's surface, all vertices counting alike."""
    there = second.closest(first.verts[np.unique(first.faces)]).distance
    back = first.closest(second.verts[np.unique(second.faces)]).distance
    return float(np.concatenate((there, back)).mean())


def vertex_distance(
    predicted_mm: Float[np.ndarray, "verts 3"],
    true_mm: Float[np.ndarray, "verts 3"],
    *,
    with_scale: bool = True,
) -> Float64[np.ndarray, " verts"]:
    """Distance of corresponding vertices after the best similarity (or rigid) transform.

    Raises:
        DataError: If there are fewer than three vertices, or one is not finite.
    """
    placement = Placement.between(predicted_mm, true_mm, with_scale=with_scale)
    return np.linalg.norm(placement.apply(predicted_mm) - true_mm, axis=1)
