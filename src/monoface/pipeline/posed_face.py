"""What is known of one face in one photo, as plain data: it pickles, copies and compares without networks."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from monoface.facemodel import FaceCoefficients
from monoface.facemodel.blendshape_scale import BlendshapeScale
from monoface.geometry.cameras import AnyCamera, PerspectiveCamera, WeakPerspectiveCamera, transform_points
from monoface.geometry.rotations import camera_to_head, degrees, head_angles_from_matrix
from monoface.pipeline.refining.refiner import Measurement


@dataclass(frozen=True)
class MadeWith:
    """What made a result, down to the bytes.

    Attributes:
        monoface: Version of the package.
        weights: Name of the regressor's weights.
        method: Method that trained them.
        sha256: Hashes of the weights, the face model and the detectors, by file name; of what finds wrinkles,
            too, if they were asked for.
    """

    monoface: str
    weights: str
    method: str
    sha256: Mapping[str, str]


@dataclass(frozen=True)
class Pinhole:
    """Camera of a photo: pixel = focal length * (x, y) / z + principal point, in the camera frame.

    Attributes:
        principal_px: Where the viewing axis meets the photo, x and y.
        focal_px: Focal length.
    """

    principal_px: tuple[float, float]
    focal_px: float

    def as_camera(self) -> PerspectiveCamera:
        """The same as a batch of one."""
        return PerspectiveCamera(_floats([self.focal_px]), _floats([self.principal_px]))


@dataclass(frozen=True)
class WeakPerspective:
    """Camera of a photo that has one scale for all depths: pixel = scale * (x, y) + principal point.

    Attributes:
        principal_px: Where the viewing axis meets the photo, x and y.
        scale_px_per_mm: Pixels a millimetre.
    """

    principal_px: tuple[float, float]
    scale_px_per_mm: float

    def as_camera(self) -> WeakPerspectiveCamera:
        """The same as a batch of one."""
        return WeakPerspectiveCamera(_floats([self.scale_px_per_mm]), _floats([self.principal_px]))


Lens = Pinhole | WeakPerspective
"""Camera of a photo, from the camera frame to pixels."""


def lens_of(camera: AnyCamera) -> Lens:
    """The same as a camera, a batch of one."""
    x, y = camera.principal_px[0].tolist()
    if isinstance(camera, PerspectiveCamera):
        return Pinhole((x, y), float(camera.focal_px[0]))
    return WeakPerspective((x, y), float(camera.scale_px_per_mm[0]))


@dataclass(frozen=True, eq=False, repr=False)
class PosedFace:
    """Shape, expression, pose and scores of one face; `Face` says more of each.

    Attributes:
        score: Probability of a face, by the detector.
        box: Left, top, right, bottom of the 68 landmarks, in pixels.
        confidence: Probability that the landmarks are as good as `Face.confidence` says.
        identity: Unit-variance shape coefficients.
        expression: Expression weights of the face model.
        albedo: Unit-variance albedo coefficients as the network has them; None if its weights do not tell
            albedo.
        light: Radiance in spherical harmonics, linear RGB, in the camera frame, as the network has it; None
            if its weights do not tell light.
        rotation: From the model frame to the camera frame.
        translation_mm: Of the model's origin in the camera frame; depth is nominal under weak perspective.
        lens: From the camera frame to pixels.
        verts_mm: Vertices in the model frame.
        landmarks68_px: The 68 iBUG landmarks as points of the mesh.
        expression_names: Of the expression weights.
        blendshape_scale: From expression weights to `blendshapes`.
        photo_size_px: Width and height of the upright original photo.
        made_with: Versions and hashes.
        measurement: What the face was measured by; None if it is as the regressor said.
    """

    score: float
    box: Float[np.ndarray, " 4"]
    confidence: float
    identity: Float[np.ndarray, " identity"]
    expression: Float[np.ndarray, " expressions"]
    albedo: Float[np.ndarray, " albedo"] | None
    light: Float[np.ndarray, "9 3"] | None
    rotation: Float[np.ndarray, "3 3"]
    translation_mm: Float[np.ndarray, " 3"]
    lens: Lens
    verts_mm: Float[np.ndarray, "verts 3"]
    landmarks68_px: Float[np.ndarray, "68 2"]
    expression_names: tuple[str, ...]
    blendshape_scale: BlendshapeScale
    photo_size_px: tuple[int, int]
    made_with: MadeWith
    measurement: Measurement | None = None

    def moved(
        self,
        coefficients: FaceCoefficients,
        camera: AnyCamera,
        *,
        verts_mm: Float[np.ndarray, "verts 3"],
        landmarks68_px: Float[np.ndarray, "68 2"],
        measurement: Measurement | None,
    ) -> "PosedFace":
        """The same face with another shape, expression and pose.

        Args:
            coefficients: A batch of one; its albedo and light are not heeded.
            camera: A batch of one.
            verts_mm: Vertices that follow from the coefficients.
            landmarks68_px: Landmarks that follow from the coefficients and the camera.
            measurement: What it was measured by this time.
        """
        return replace(
            self,
            **pose_of(coefficients, camera),
            verts_mm=verts_mm,
            landmarks68_px=landmarks68_px,
            measurement=measurement,
        )

    @cached_property
    def coefficients(self) -> FaceCoefficients:
        """The same as a batch of one; no albedo and a light of zeros if the weights do not tell them."""
        albedo = np.zeros(0, np.float32) if self.albedo is None else self.albedo
        light = np.zeros((9, 3), np.float32) if self.light is None else self.light
        arrays = (self.identity, self.expression, albedo, self.rotation, self.translation_mm, light)
        return FaceCoefficients(*(array[None] for array in arrays))

    @cached_property
    def camera(self) -> AnyCamera:
        """The lens as a batch of one."""
        return self.lens.as_camera()

    @property
    def T_camera_model(self) -> Float[np.ndarray, "4 4"]:  # noqa: N802
        """Rigid transform from model to camera frame; under weak perspective its depth is nominal."""
        transform = np.eye(4, dtype=np.float32)
        transform[:3, :3] = self.rotation
        transform[:3, 3] = self.translation_mm
        return transform

    @cached_property
    def head_angles_deg(self) -> tuple[float, float, float]:
        """Yaw, pitch and roll in degrees, as AFLW2000-3D has them."""
        angles = head_angles_from_matrix(camera_to_head(self.rotation))
        yaw, pitch, roll = (float(degrees(angle)) for angle in angles)
        return yaw, pitch, roll

    @property
    def blendshapes(self) -> dict[str, float]:
        """Each named expression in ARKit's scale, from 0 to 1."""
        values = self.blendshape_scale(self.expression[None].astype(np.float64))
        named = dict(zip(self.expression_names, values[0].tolist(), strict=True))
        # How far an eye is shut for an eye of its kind, crops of eyes tell; a weight tells how far lids go.
        read = None if self.measurement is None else self.measurement.eyes
        return named if read is None else named | read.blendshapes

    @cached_property
    def dense_landmarks_px(self) -> Float[np.ndarray, "verts 2"]:
        """Every vertex of the mesh in pixels, whether visible or not."""
        return self.project(self.verts_mm)

    def project(self, points_mm: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, "points 2"]:
        """Pixels of the photo at which points of the model frame appear."""
        found = self.coefficients
        points = np.asarray(points_mm, dtype=np.float32)[None]
        points_camera = transform_points(found.rotation, found.translation_mm, points)
        return self.camera.project(points_camera)[0][0]

    def __getstate__(self) -> dict[str, Any]:
        # What is computed from the fields is computed again where it is needed.
        return {field.name: getattr(self, field.name) for field in fields(self)}


def pose_of(coefficients: FaceCoefficients, camera: AnyCamera) -> dict[str, Any]:
    """Fields of a `PosedFace` that say its shape, expression and pose.

    Args:
        coefficients: A batch of one.
        camera: A batch of one.
    """
    return {
        "identity": coefficients.identity[0].copy(),
        "expression": coefficients.expression[0].copy(),
        "rotation": coefficients.rotation[0].copy(),
        "translation_mm": coefficients.translation_mm[0].copy(),
        "lens": lens_of(camera),
    }


def _floats(values: object) -> Float[np.ndarray, "..."]:
    return np.array(values, np.float32)
