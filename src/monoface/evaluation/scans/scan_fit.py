"""The face model fitted to a scan itself: how near a shape of the model can come at all."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64

from monoface.evaluation.scans.mesh_predictor import LANDMARK_SET, SEVEN
from monoface.facemodel import FaceModel
from monoface.geometry.placement import Placement
from monoface.geometry.surface import Surface

_ROUNDS = 12
_VERTS = 2500
# Neighbouring vertices tell the same, so all of them together weigh as this many distances of 1 mm.
_INDEPENDENT = 2000.0
# Vertices farther from the scan than this, such as open lids before shut ones, count less than half.
_ROBUST_MM = 3.0
_RIGID = 7


@dataclass(frozen=True, eq=False)
class _Shapes:
    """Neutral narrow faces of a face model, in the model frame and millimetres."""

    mean_mm: Float64[np.ndarray, "verts 3"]
    basis_mm: Float64[np.ndarray, "identity verts 3"]

    def of(self, identity: Float64[np.ndarray, " identity"]) -> Float64[np.ndarray, "verts 3"]:
        return self.mean_mm + np.einsum("k,kvc->vc", identity, self.basis_mm)


@torch.no_grad()
def fit_to_scan(
    model: FaceModel, scan: Surface, landmarks_mm: Float64[np.ndarray, "7 3"]
) -> Float64[np.ndarray, " identity"]:
    """Identity whose neutral narrow face lies nearest to a scan, under the face model's prior.

    Distances along the scan's normals are made least over identity, turn, shift and scale, in rounds of
    closest points.

    Args:
        model: The face model.
        scan: The scan's surface, in millimetres.
        landmarks_mm: Its seven landmarks, where to begin.
    """
    narrow = model.data.regions["narrow_face"].nonzero()[:, 0]
    # Every few of many vertices tell as much as all of them.
    some = narrow[:: max(1, len(narrow) // _VERTS)]
    shapes = _Shapes(model.mean_mm[some].double().numpy(), model.identity_basis_mm[:, some].double().numpy())
    seven = model.landmarks(LANDMARK_SET).points(model.mean_mm[None])[0].double().numpy()[list(SEVEN)]
    identity, placement = np.zeros(model.identity_size), Placement.between(seven, landmarks_mm)
    for _ in range(_ROUNDS):
        step, centre = _step(shapes, identity, placement, scan)
        identity = identity + step[:-_RIGID]
        placement = _small_motion(step[-_RIGID:], centre).after(placement)
    return identity


def _step(
    shapes: _Shapes,
    identity: Float64[np.ndarray, " identity"],
    placement: Placement,
    scan: Surface,
) -> tuple[Float64[np.ndarray, " unknowns"], Float64[np.ndarray, " 3"]]:
    """Step of identity and of a small motion about a centre, and the centre."""
    placed = placement.apply(shapes.of(identity))
    closest = scan.closest(placed)
    normals = scan.normals[closest.face]
    away = ((closest.points - placed) * normals).sum(axis=1)
    weight = 1 / (1 + (closest.distance / _ROBUST_MM) ** 2)
    weight *= _INDEPENDENT / weight.sum()

    # A direction in the scan's frame, seen from the model's.
    along = placement.scale * normals @ placement.rotation
    by_identity = np.einsum("kvc,vc->vk", shapes.basis_mm, along)
    centre = placed.mean(axis=0)
    arm = placed - centre
    by_motion = (np.cross(arm, normals), normals, (arm * normals).sum(axis=1, keepdims=True))
    columns = np.concatenate((by_identity, *by_motion), axis=1)
    prior = np.concatenate((np.ones(len(identity)), np.full(_RIGID, 1e-6)))
    right = columns.T @ (weight * away)
    right[: len(identity)] -= identity
    return np.linalg.solve(columns.T @ (weight[:, None] * columns) + np.diag(prior), right), centre


def _small_motion(motion: Float64[np.ndarray, " 7"], centre: Float64[np.ndarray, " 3"]) -> Placement:
    """A turn vector, a shift and the logarithm of a growth, about a centre."""
    angle = float(np.linalg.norm(motion[:3]))
    x, y, z = motion[:3] / max(angle, 1e-15)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    rotation = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    scale = float(np.exp(motion[6]))
    return Placement(scale, rotation, centre + motion[3:6] - scale * (rotation @ centre))
