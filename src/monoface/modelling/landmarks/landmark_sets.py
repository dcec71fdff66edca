"""Calibrate landmark sets: which points of the mesh do a data set's annotators mean?

Given photos whose face is already fitted (by a network or by other landmarks), every annotated point is
compared with the projections of all candidate vertices; the one with the least mean distance wins, and
is then refined to a point within the triangles around it.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from monoface.facemodel import FaceCoefficients, FaceModel, LandmarkSet
from monoface.geometry.cameras import WeakPerspectiveCamera, transform_points

# Barycentric grid within a triangle, sides in quarters.
_GRID = torch.tensor([(i, j, 4 - i - j) for i in range(5) for j in range(5 - i)]) / 4
_CHUNK = 16


@dataclass(frozen=True)
class CalibratedLandmarks:
    """Outcome of a calibration.

    Attributes:
        points: The landmark set.
        error_percent: Mean distance that remains for each landmark, in percent of the face's size.
        count: In how many photos each landmark was annotated.
    """

    points: LandmarkSet
    error_percent: Float[Tensor, " landmarks"]
    count: Int[Tensor, " landmarks"]


def calibrate_landmarks(
    model: FaceModel,
    coefficients: FaceCoefficients,
    camera: WeakPerspectiveCamera,
    points_px: Float[Tensor, "batch landmarks 2"],
    candidates: Bool[Tensor, " verts"],
) -> CalibratedLandmarks:
    """Find the mesh points whose projections agree best with annotations.

    Args:
        model: The face model whose coefficients are given.
        coefficients: Fitted faces.
        camera: Their cameras, in the pixels of the annotations.
        points_px: Annotations; NaN where there is none.
        candidates: Vertices that may be landmarks.

    Returns:
        For each landmark a row of three vertex weights. A landmark that is never annotated gets the
        first candidate and an infinite error.
    """
    size_px = _face_sizes(model, coefficients, camera)
    valid = points_px.isfinite().all(dim=-1)
    targets = torch.where(valid[..., None], points_px, 0.0)

    allowed = candidates.nonzero()[:, 0]
    rows = LandmarkSet(allowed[:, None], torch.ones(len(allowed), 1))
    mean, _ = _mean_distances(model, coefficients, camera, targets, valid, size_px, rows)
    best = allowed[mean.argmin(dim=1)]

    inside = candidates[model.faces].all(dim=1)
    faces = model.faces[inside]
    index, weight, error = [], [], []
    for landmark, vertex in enumerate(best.tolist()):
        near = faces[(model.weld[faces] == model.weld[vertex]).any(dim=1)]
        if not len(near):
            near = torch.full((1, 3), vertex)
        points = LandmarkSet(near.repeat_interleave(len(_GRID), dim=0), _GRID.repeat(len(near), 1))
        one = slice(landmark, landmark + 1)
        mean, _ = _mean_distances(
            model, coefficients, camera, targets[:, one], valid[:, one], size_px, points
        )
        place = int(mean[0].argmin())
        index.append(points.index[place])
        weight.append(points.weight[place])
        error.append(mean[0, place])
    return CalibratedLandmarks(
        LandmarkSet(torch.stack(index), torch.stack(weight)), torch.stack(error), valid.sum(dim=0)
    )


def _mean_distances(
    model: FaceModel,
    coefficients: FaceCoefficients,
    camera: WeakPerspectiveCamera,
    targets: Tensor,
    valid: Tensor,
    size_px: Tensor,
    candidates: LandmarkSet,
) -> tuple[Tensor, Tensor]:
    """Mean distance in percent (landmarks, candidates), and how many photos it was taken over."""
    basis = model.subset(candidates)
    total = torch.zeros(targets.shape[1], len(candidates))
    for start in range(0, len(targets), _CHUNK):
        part = slice(start, start + _CHUNK)
        some = coefficients[part]
        verts = transform_points(some.rotation, some.translation_mm, basis(some.identity, some.expression))
        part_camera = WeakPerspectiveCamera(camera.scale_px_per_mm[part], camera.principal_px[part])
        projected, _ = part_camera.project(verts)
        distance = torch.cdist(targets[part], projected, compute_mode="donot_use_mm_for_euclid_dist")
        percent = 100 * distance / size_px[part, None, None]
        # Beyond a tenth of the face an annotation is a mistake and counts no more.
        total += (percent.clamp_max(10.0) * valid[part, :, None]).sum(dim=0)
    count = valid.sum(dim=0)
    return torch.where(count[:, None] > 0, total / count.clamp_min(1)[:, None], torch.inf), count


def _face_sizes(model: FaceModel, coefficients: FaceCoefficients, camera: WeakPerspectiveCamera) -> Tensor:
    """Root of the area of the box around the mean narrow face, as large as it is in each photo."""
    mean = model.mean_mm[model.data.regions["narrow_face"]][:, :2]
    extent = mean.amax(dim=0) - mean.amin(dim=0)
    return camera.scale_px_per_mm * extent.prod().sqrt()
