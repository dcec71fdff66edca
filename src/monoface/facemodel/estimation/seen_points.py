"""Dense points that a network found in photos, as marks for a fit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from monoface.facemodel.estimation.evidence import MarkedPhotos, PoseGuess, Poses
from monoface.facemodel.estimation.point_model import PointModel
from monoface.facemodel.estimation.refine_config import RefineConfig


@dataclass(frozen=True)
class Lenses:
    """Pinholes that photos were taken with; without them faces are seen in parallel projection.

    Attributes:
        focal_px: Focal length.
        principal_px: Where the viewing axis meets the picture.
    """

    focal_px: Float[np.ndarray, " photos"]
    principal_px: Float[np.ndarray, "photos 2"]

    def __getitem__(self, rows: slice | np.ndarray) -> "Lenses":
        return Lenses(self.focal_px[rows], self.principal_px[rows])


@dataclass(frozen=True)
class SeenPoints:
    """Dense points of faces as a network found them.

    Attributes:
        place_px: In the picture that the poses belong to; NaN where a point is not known.
        sigma_px: Standard deviation along each axis, as the network expects it.
        lenses: Pinholes of the photos, if they are known.
    """

    place_px: Float[np.ndarray, "photos points 2"]
    sigma_px: Float[np.ndarray, "photos points"]
    lenses: Lenses | None = None

    def __len__(self) -> int:
        return len(self.place_px)

    def __getitem__(self, rows: slice | np.ndarray) -> "SeenPoints":
        lenses = None if self.lenses is None else self.lenses[rows]
        return SeenPoints(self.place_px[rows], self.sigma_px[rows], lenses)

    @classmethod
    def joined(cls, parts: Sequence["SeenPoints"]) -> "SeenPoints":
        """Those of several in a row: with lenses if all of them have some, else without."""
        lenses = [part.lenses for part in parts if part.lenses is not None]
        both = None
        if len(lenses) == len(parts):
            both = Lenses(
                np.concatenate([one.focal_px for one in lenses]),
                np.concatenate([one.principal_px for one in lenses]),
            )
        return cls(
            np.concatenate([part.place_px for part in parts]),
            np.concatenate([part.sigma_px for part in parts]),
            both,
        )


def marked_points(
    model: PointModel,
    seen: SeenPoints,
    start: Poses,
    poses: Poses,
    identity: Float[np.ndarray, "photos identity"],
    config: RefineConfig,
) -> MarkedPhotos:
    """The points as marks in a parallel projection, with what the network says as what is known before."""
    sigma_mm = config.sigma_scale * seen.sigma_px / start.scale_px[:, None]
    guess = PoseGuess(start, np.deg2rad(config.turn_sd_deg), config.shift_sd_mm, config.zoom_sd)
    return MarkedPhotos(
        points_px=_in_parallel(model, seen, poses, identity),
        sigma_mm=np.maximum(sigma_mm, config.least_sigma_mm),
        expression=start.expression,
        expression_sd=np.full_like(start.expression, config.expression_sd),
        habit_mm=np.zeros_like(seen.place_px),
        robust=config.robust,
        guess=guess,
    )


def _in_parallel(
    model: PointModel, seen: SeenPoints, poses: Poses, identity: Float[np.ndarray, "photos identity"]
) -> Float[np.ndarray, "photos points 2"]:
    """Where a parallel projection of the model's origin's scale would show the points.

    A pinhole shows what is nearer larger. Every step removes that by the depths of the step before.

    Reference:
        DeMenthon and Davis, "Model-Based Object Pose in 25 Lines of Code", IJCV 1995.
    """
    if seen.lenses is None:
        return seen.place_px
    depth_mm = (model.points(identity, poses.expression) * poses.rotation[:, None, 2]).sum(axis=-1)
    distance_mm = (seen.lenses.focal_px / poses.scale_px)[:, None]
    principal_px = seen.lenses.principal_px[:, None]
    return principal_px + (seen.place_px - principal_px) * (1 + depth_mm / distance_mm)[..., None]
