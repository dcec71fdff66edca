"""Scores what weights find in a synthetic head against all that is known of it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Float64, UInt8
from torch import Tensor

from monoface.core.arrays import in_torch
from monoface.core.errors import DataError
from monoface.evaluation.reconstructed import ReconstructedFaces, regression_of
from monoface.evaluation.scans.mesh_predictor import seen_faces
from monoface.evaluation.synthetic.heads_truth import LANDMARK_SET, Correspondence, TrueHead, depth_map
from monoface.facemodel import FaceModel
from monoface.facemodel.mirroring import CoefficientMirror
from monoface.geometry.cameras import transform_points
from monoface.geometry.crops import crop_and_resize
from monoface.geometry.icp import align_to_scan
from monoface.geometry.placement import Placement
from monoface.geometry.rotations import camera_to_head, degrees, head_angles_from_matrix
from monoface.geometry.surface import Surface
from monoface.geometry.triangles import vertex_normals
from monoface.metrics import box_normaliser, nme, scan_to_surface
from monoface.pipeline import Regression, read_image
from monoface.shading import sh_irradiance
from monoface.texturing.appearance import Appearance
from monoface.texturing.texturer import PlacedMesh, Texturer


@runtime_checkable
class RegressesCrops(Protocol):
    """What finds coefficients in crops: `CoefficientRegressor`, or anything like it."""

    size_px: int

    def predict(
        self, crops: UInt8[np.ndarray, "batch size size 3"], *, mirror: CoefficientMirror | None = None
    ) -> Regression:
        """Faces in crops of that size, with a mirror by their mirror images too; cameras of the crops."""
        ...


@runtime_checkable
class SeenHead(Protocol):
    """A head in a picture, as far as shape is concerned; see `TrueHead`."""

    @property
    def key(self) -> str:
        """Its name."""
        ...

    @property
    def picture(self) -> UInt8[np.ndarray, "side side 3"]:
        """The picture, sRGB."""
        ...

    @property
    def box(self) -> Float64[np.ndarray, " 4"]:
        """Square around the face."""
        ...


@dataclass(frozen=True, eq=False)
class HeadScore:
    """Errors of one head.

    Attributes:
        key: Name of the head.
        errors: By the name of the measure.
        failure: Why it has no shape error; empty if it has.
        yaw_deg: True turn of the head.
        landmarks_px: Predicted points.
        vertex_errors_mm: Distance of corresponding points at all vertices of the true head; NaN outside the
            narrow face.
    """

    key: str
    errors: dict[str, float]
    failure: str
    yaw_deg: float
    landmarks_px: Float64[np.ndarray, "68 2"]
    vertex_errors_mm: Float64[np.ndarray, " verts"]


@dataclass(frozen=True, eq=False)
class FoundHead:
    """What weights found: a batch of one, and the meshes that it means."""

    regression: Regression
    verts_mm: Tensor
    neutral_mm: Tensor


FindInSquare = Callable[[UInt8[np.ndarray, "height width 3"], Float64[np.ndarray, " 4"]], Regression]
"""The face in a square of a picture, with the camera of the picture."""


def one_look(regressor: RegressesCrops, mirror: CoefficientMirror | None = None) -> FindInSquare:
    """A regressor that sees the square once.

    Args:
        regressor: Sees the crop.
        mirror: To look at the mirror image too, and take the mean.
    """

    def find(picture: UInt8[np.ndarray, "height width 3"], box: Float64[np.ndarray, " 4"]) -> Regression:
        crop = crop_and_resize(picture, box, regressor.size_px)
        found = regressor.predict(crop[None], mirror=mirror)
        return in_torch(found.in_photo(box[None], regressor.size_px))

    return find


def through_pipeline(faces: ReconstructedFaces) -> FindInSquare:
    """Faces as `monoface reconstruct` makes them once it has found the square."""

    def find(picture: UInt8[np.ndarray, "height width 3"], box: Float64[np.ndarray, " 4"]) -> Regression:
        face = faces.in_square(picture, box)
        if isinstance(face, str):
            raise DataError(f"synthetic head: expected a face in its true crop, got: {face}.")
        return in_torch(regression_of(face))

    return find


class HeadScorer:
    """Scores what finds faces, on synthetic heads.

    Args:
        find: Sees the true crop.
        model: Its face model.
        true_model: The face model that the heads are drawn from.
        correspondence: From the true model's vertices to points of the other one.
    """

    def __init__(
        self, find: FindInSquare, model: FaceModel, true_model: FaceModel, correspondence: Correspondence
    ) -> None:
        self._find = find
        self._model = model
        self._true_model = true_model
        self._correspondence = correspondence
        self._narrow = true_model.data.regions["narrow_face"].numpy()
        self._points = model.landmarks(LANDMARK_SET)
        self._true_points = true_model.landmarks(LANDMARK_SET)
        self._faces = seen_faces(model)
        self._texturer = Texturer(model, size=16)

    @torch.no_grad()
    def score(self, head: TrueHead) -> HeadScore:
        """Errors of what is found in a head's picture."""
        found = self.find(head)
        landmarks_px = found.regression.landmarks_px(self._model.subset(self._points))[0].double().numpy()
        shape, failure = self._surface_errors(head, found)
        vertex_mm = self._vertex_errors(head, found)
        errors = {
            **shape,
            "rotation_deg": turn_between(
                found.regression.coefficients.rotation[0], head.coefficients.rotation[0]
            ),
            "nme_percent": point_error_percent(landmarks_px, head.landmarks_px),
            "depth_mm": self._depth_error(head, found),
            "vertex_mm": float(vertex_mm[self._narrow].mean()),
            **self._appearance_errors(head, found),
        }
        yaw, _, _ = head_angles_from_matrix(camera_to_head(head.coefficients.rotation[0]))
        return HeadScore(head.key, errors, failure, float(degrees(yaw)), landmarks_px, vertex_mm)

    def find(self, head: SeenHead) -> FoundHead:
        """What is found in the true crop."""
        regression = self._find(head.picture, head.box)
        coefficients = regression.coefficients
        verts_mm = self._model.shape(coefficients.identity, coefficients.expression)
        neutral_mm = self._model.shape(coefficients.identity, torch.zeros_like(coefficients.expression))
        return FoundHead(regression, verts_mm, neutral_mm)

    def _surface_errors(self, head: TrueHead, found: FoundHead) -> tuple[dict[str, float], str]:
        errors, failures = {}, []
        for name, true_mm, verts_mm in (
            ("surface_mm", head.verts_mm, found.verts_mm),
            ("neutral_mm", head.neutral_mm, found.neutral_mm),
            ("mean_face_mm", head.neutral_mm, self._model.mean_mm[None]),
        ):
            error_mm, failure = self.surface_error(head.key, true_mm, verts_mm[0])
            if failure:
                failures.append(f"{name}: {failure}")
            else:
                errors[name] = error_mm
        return errors, "; ".join(failures)

    def surface_error(
        self, key: str, true_mm: Float64[np.ndarray, "verts 3"], verts_mm: Float[Tensor, "others 3"]
    ) -> tuple[float, str]:
        """Mean distance of the true narrow face to a mesh after alignment; NaN, and why, if that failed.

        Args:
            key: Name of the head.
            true_mm: Vertices of the true model.
            verts_mm: Vertices of the regressor's face model.
        """
        surface = Surface(verts_mm.numpy(), self._faces, key)
        landmarks_mm = self._points.points(verts_mm[None])[0].double().numpy()
        true_landmarks_mm = self._true_points.points(torch.from_numpy(true_mm)[None])[0].numpy()
        scan = true_mm[self._narrow]
        alignment = align_to_scan(surface, scan, Placement.between(landmarks_mm, true_landmarks_mm))
        if alignment.failure:
            return float("nan"), alignment.failure
        return float(scan_to_surface(scan, surface, alignment.placement).mean()), ""

    def _vertex_errors(self, head: TrueHead, found: FoundHead) -> Float64[np.ndarray, " verts"]:
        """Distances of corresponding points after the best similarity over the narrow face."""
        predicted = self._correspondence.of(found.verts_mm[0].numpy())
        narrow = self._narrow
        placement = Placement.between(predicted[narrow], head.verts_mm[narrow])
        distance = np.linalg.norm(placement.apply(predicted) - head.verts_mm, axis=1)
        return np.where(narrow, distance, np.nan)

    def _depth_error(self, head: TrueHead, found: FoundHead) -> float:
        """Mean absolute difference of depth, in millimetres of the true head; NaN if nothing overlaps."""
        coefficients, camera = found.regression.coefficients, found.regression.camera
        verts = transform_points(coefficients.rotation, coefficients.translation_mm, found.verts_mm)
        predicted = depth_map(self._model, camera, verts)
        both = (predicted > 0) & (head.depth_mm > 0)
        if not both.any():
            return float("nan")
        # Depth in pixels is what a picture of unknown scale tells; the true scale makes millimetres of it.
        found_scale = camera.scale_at(coefficients.translation_mm[:, 2])
        true_scale = head.camera.scale_at(head.coefficients.translation_mm[:, 2])
        zoom = float(found_scale / true_scale)
        difference = zoom * predicted[both].astype(np.float64) - head.depth_mm[both]
        return float(np.abs(difference - np.median(difference)).mean())

    def _appearance_errors(self, head: TrueHead, found: FoundHead) -> dict[str, float]:
        photo = read_image(head.picture)
        mesh = PlacedMesh.in_photo(
            photo,
            found.regression.coefficients,
            found.regression.camera,
            found.verts_mm[0],
            self._model,
        )
        coefficients = found.regression.coefficients
        told = coefficients.albedo.shape[1] > 0
        appearance = (
            Appearance(coefficients.albedo[0], coefficients.light[0])
            if told
            else in_torch(self._texturer.appearance(mesh))
        )
        return {
            "albedo_percent": self._albedo_error(head, appearance),
            "light_percent": self._light_error(head, appearance),
        }

    def _albedo_error(self, head: TrueHead, appearance: Appearance) -> float:
        predicted = self._correspondence.of(self._model.albedo(appearance.albedo[None])[0].numpy())[
            self._narrow
        ]
        true = head.albedo[self._narrow]
        factor = (predicted * true).sum() / max(float((predicted**2).sum()), 1e-12)
        return 100 * float(np.abs(factor * predicted - true).mean() / true.mean())

    def _light_error(self, head: TrueHead, appearance: Appearance) -> float:
        """Over the normals of the true head that face the camera."""
        verts = transform_points(
            head.coefficients.rotation,
            head.coefficients.translation_mm,
            torch.from_numpy(head.verts_mm).float()[None],
        )
        normals = vertex_normals(verts, self._true_model.faces, self._true_model.weld)[0]
        seen = torch.from_numpy(self._narrow) & (normals[:, 2] < 0)
        true = sh_irradiance(normals[seen], head.coefficients.light[0]).double() / math.pi
        predicted = sh_irradiance(normals[seen], appearance.light).double() / math.pi
        factor = (predicted * true).sum(dim=0) / predicted.square().sum(dim=0).clamp_min(1e-12)
        difference = (factor * predicted - true).square().mean()
        return 100 * float((difference / true.square().mean()).sqrt())


def turn_between(first: Float[Tensor, "3 3"], second: Float[Tensor, "3 3"]) -> float:
    """Angle between two rotations, in degrees."""
    turn = (first.double() @ second.double().T).numpy()
    return Placement(1.0, turn, np.zeros(3)).turn_deg


def point_error_percent(predicted_px: Float[np.ndarray, "68 2"], true_px: Float[np.ndarray, "68 2"]) -> float:
    """NME of the 68 points over the box of the true ones, in percent."""
    return 100 * float(nme(predicted_px[None], true_px[None], box_normaliser(true_px[None]))[0])
