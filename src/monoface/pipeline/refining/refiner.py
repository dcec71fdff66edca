"""Faces that a regressor found, measured by the points that it found."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, UInt8

from monoface.core.arrays import in_numpy
from monoface.core.assets import asset_sha256
from monoface.core.errors import ModelFileError
from monoface.facemodel import FaceCoefficients, LinearFaceModel
from monoface.facemodel.dense_points import DensePoints
from monoface.facemodel.estimation.evidence import Poses, settle
from monoface.facemodel.estimation.input_domain import TURN_DEG
from monoface.facemodel.estimation.point_model import PointModel
from monoface.facemodel.estimation.refinement import (
    Lenses,
    RefinedFaces,
    SeenPoints,
    conclude,
    conclude_together,
    look,
    marked_points,
    measured_identity,
)
from monoface.facemodel.estimation.uncertainty import ShapeUncertainty
from monoface.geometry.cameras import (
    NOMINAL_DISTANCE_MM,
    AnyCamera,
    PerspectiveCamera,
    WeakPerspectiveCamera,
)
from monoface.networks import RegressorInfo
from monoface.photos.reading import LoadedImage
from monoface.pipeline.refining.eyes import EyeFitter, ReadEyes
from monoface.pipeline.refining.refinement_file import DESCRIPTOR, MEASURED, REGRESSED, Refinement
from monoface.regression import Regression

Describe = Callable[
    [UInt8[np.ndarray, "height width 3"], Float[np.ndarray, "faces 68 2"]], Float[np.ndarray, "faces 128"]
]
"""Descriptors of the faces in a photo, from their 68 points: `networks.recognition.recognizer.Recognizer`."""

RECOGNITION_FILE = "recognition.safetensors"
"""The recognition network whose descriptors identity maps see."""


@dataclass(frozen=True, eq=False)
class Measurement:
    """What a face was measured by, and what came of it: enough to measure it anew with other photos.

    Attributes:
        seen: Its points, in pixels of the original photo; one row.
        camera: Of the original photo, as the regressor sees; one row.
        start: What the regressor said; one row.
        inputs: What the identity map saw; one row each. They may hold a descriptor of the person, so no
            file that monoface writes has them. A pickle has them, as it has the photo.
        uncertainty: Of its shape.
        eyes: What was read of its eyes; None where nothing reads them.
    """

    seen: SeenPoints
    camera: AnyCamera
    start: Poses
    inputs: Mapping[str, Float[np.ndarray, "1 _"]]
    uncertainty: ShapeUncertainty
    eyes: ReadEyes | None = None

    def __setstate__(self, state: Mapping[str, object]) -> None:
        # Older pickles have cameras in PyTorch.
        self.__dict__.update(state, camera=in_numpy(state["camera"]))


class Refiner:
    """Measures faces of one regressor.

    Attributes:
        refinement: Of its file.
        sha256: Hashes of what it reads besides, by file name.

    Args:
        refinement: Of its file.
        info: What the weights say about themselves.
        model: The face model.
        describe: Gives descriptors; it is not asked where the identity map sees none.
        eyes: Sets the eyes of faces; None leaves them as they are.

    Raises:
        ModelFileError: If the weights find no points, or the refinement is for another face model or another
            recognition network.
    """

    def __init__(
        self,
        refinement: Refinement,
        info: RegressorInfo,
        model: LinearFaceModel,
        describe: Describe,
        eyes: EyeFitter | None = None,
    ) -> None:
        if not info.point_sets:
            raise ModelFileError("refinement: expected weights that find points, got some that do not.")
        known = len(refinement.identity_map.bias)
        if known != model.identity_size:
            raise ModelFileError(
                f"refinement: expected {model.identity_size} identity coefficients, got {known}."
            )
        if refinement.recognition not in ("", asset_sha256(RECOGNITION_FILE)):
            raise ModelFileError(
                f"refinement: expected descriptors of recognition network {refinement.recognition[:12]}…, "
                f"got {asset_sha256(RECOGNITION_FILE)[:12]}…. Use the version of monoface it was made with."
            )
        self.refinement = refinement
        self.sha256 = {RECOGNITION_FILE: refinement.recognition} if refinement.recognition else {}
        if eyes is not None:
            self.sha256 |= eyes.sha256
        points = DensePoints.of(model, info.point_sets).landmarks
        if len(points) != len(refinement.habit_mm):
            raise ModelFileError(
                f"refinement: expected {len(points)} points, got {len(refinement.habit_mm)} habits."
            )
        self._points = PointModel.of(model, points, np.float32).moved(refinement.habit_mm)
        self._describe = describe
        self._eyes = eyes

    def __call__(
        self,
        found: Regression,
        photos: Sequence[LoadedImage],
        landmarks68_px: Float[np.ndarray, "faces 68 2"],
    ) -> tuple[Regression, list[Measurement]]:
        """Faces, measured, and what they were measured by.

        Args:
            found: Faces with the points of them, in pixels of the original photos.
            photos: The photo of each.
            landmarks68_px: The 68 points of each as the regressor has them, in the same pixels.
        """
        start, seen = poses_of(found.coefficients, found.camera), seen_points(found)
        inputs = {
            REGRESSED: found.coefficients.identity.astype(np.float64),
            TURN_DEG: turn_deg(start.rotation)[:, None],
        }
        if self.refinement.identity_map.sees(DESCRIPTOR):
            inputs[DESCRIPTOR] = self._descriptors(photos, landmarks68_px)
        config = self.refinement.config
        looked = look(self._points, seen, start, inputs[REGRESSED], config)
        if self.refinement.identity_map.sees(MEASURED):
            inputs[MEASURED] = measured_identity(looked, config)
        prior = self.refinement.identity_map(inputs)
        faces = self._stretched(conclude(self._points, seen, start, looked, prior, config))
        read = None if self._eyes is None else self._eyes.read(faces, photos)
        faces = self._with_eyes(faces, read)
        coefficients, camera = posed(found.coefficients, found.camera, faces)
        told = self._told(faces, seen, found.camera, start, inputs, read)
        return replace(found, coefficients=coefficients, camera=camera), told

    def together(self, measured: Sequence[Measurement]) -> tuple[RefinedFaces, list[Measurement]]:
        """One person's face in several photos, measured anew with one identity.

        Args:
            measured: One of each photo, by this refiner.
        """
        config, known = self.refinement.config, self.refinement.identity_map
        seen = SeenPoints.joined([one.seen for one in measured])
        start = Poses.joined([one.start for one in measured])
        inputs = {name: np.concatenate([one.inputs[name] for one in measured]) for name in measured[0].inputs}
        prior = known.joined(known(inputs), config.in_common)
        looked = look(self._points, seen, start, np.repeat(prior.mean, len(measured), axis=0), config)
        faces = self._stretched(conclude_together(self._points, seen, start, looked, prior, config))
        read = [one.eyes for one in measured if one.eyes is not None]
        if len(read) == len(measured):
            faces = self._with_eyes(faces, ReadEyes.joined(read))
        return faces, [
            replace(one, uncertainty=self._uncertainty(faces, row)) for row, one in enumerate(measured)
        ]

    def following(
        self,
        seen: SeenPoints,
        start: Poses,
        identity: Float[np.ndarray, " identity"],
        eyes: ReadEyes | None = None,
    ) -> Poses:
        """Poses and expressions of a person in several photos, whose identity is known and stays.

        Args:
            seen: The points of each photo.
            start: What the network says of each.
            identity: Of the person.
            eyes: What was read of the eyes in each photo.
        """
        config, count = self.refinement.config, len(start)
        who = np.repeat(identity[None].astype(np.float64), count, axis=0)
        poses = start
        for _ in range(config.steps + config.last_steps):
            poses = settle(
                self._points, marked_points(self._points, seen, start, poses, who, config), poses, who
            )
        size = who.shape[1], poses.expression.shape[1]
        known = (np.zeros((count, *shape)) for shape in ((size[0],) * 2, (size[1],) * 2, size[::-1]))
        identity_covariance, expression_covariance, by_identity = known
        faces = RefinedFaces(who, identity_covariance, poses, expression_covariance, by_identity)
        return self._with_eyes(self._stretched(faces), eyes).poses

    def read_eyes(
        self, start: Poses, identity: Float[np.ndarray, "photos identity"], photos: Sequence[LoadedImage]
    ) -> ReadEyes | None:
        """What the eyes of faces show, where a network puts these; None if nothing reads eyes."""
        return None if self._eyes is None else self._eyes.read_at(start, identity, photos)

    def _told(
        self,
        faces: RefinedFaces,
        seen: SeenPoints,
        camera: AnyCamera,
        start: Poses,
        inputs: Mapping[str, np.ndarray],
        read: ReadEyes | None,
    ) -> list[Measurement]:
        measurements = []
        for row in range(len(faces)):
            one = slice(row, row + 1)
            of_face = {name: value[one] for name, value in inputs.items()}
            uncertainty = self._uncertainty(faces, row)
            eyes = None if read is None else read[one]
            measurements.append(Measurement(seen[one], camera[one], start[one], of_face, uncertainty, eyes))
        return measurements

    def _stretched(self, faces: RefinedFaces) -> RefinedFaces:
        gain = self.refinement.gain
        return faces if gain is None else gain(faces)

    def _with_eyes(self, faces: RefinedFaces, read: ReadEyes | None) -> RefinedFaces:
        return faces if self._eyes is None or read is None else self._eyes(faces, read)

    def _uncertainty(self, faces: RefinedFaces, row: int) -> ShapeUncertainty:
        return ShapeUncertainty.of(faces, row, self.refinement.sigma_factor)

    def _descriptors(
        self, photos: Sequence[LoadedImage], landmarks68_px: Float[np.ndarray, "faces 68 2"]
    ) -> Float[np.ndarray, "faces 128"]:
        """Of each face; those of one photo are asked for together."""
        found = [
            self._describe(photo.image_srgb, points_px[None] * photo.scale)
            for photo, points_px in zip(photos, landmarks68_px, strict=True)
        ]
        return np.concatenate(found).astype(np.float64)


def poses_of(coefficients: FaceCoefficients, camera: AnyCamera) -> Poses:
    """Poses in parallel projection: size and place of the model's origin as the camera shows it."""
    scale_px = camera.scale_at(coefficients.translation_mm[:, 2])
    shift_px = camera.project(coefficients.translation_mm[:, None])[0][:, 0]
    arrays = (coefficients.rotation, scale_px, shift_px, coefficients.expression)
    return Poses(*(array.astype(np.float64) for array in arrays))


def turn_deg(rotation: Float[np.ndarray, "faces 3 3"]) -> Float[np.ndarray, " faces"]:
    """Angle between the way that faces look and the way to the camera."""
    return np.rad2deg(np.arccos(np.clip(-rotation[:, 2, 2], -1, 1)))


def posed(
    coefficients: FaceCoefficients, camera: AnyCamera, faces: RefinedFaces
) -> tuple[FaceCoefficients, AnyCamera]:
    """Coefficients and cameras of measured faces; albedo and light are kept.

    Args:
        coefficients: Before.
        camera: Before; a pinhole stays what it was, the scale of a weak perspective becomes the faces'.
        faces: The same faces, measured.
    """
    scale_px, shift_px = _floats(faces.poses.scale_px), _floats(faces.poses.shift_px)
    across_mm = (shift_px - camera.principal_px) / scale_px[:, None]
    if isinstance(camera, PerspectiveCamera):
        depth_mm = camera.focal_px / scale_px
    else:
        camera = WeakPerspectiveCamera(scale_px, camera.principal_px)
        depth_mm = np.full_like(scale_px, NOMINAL_DISTANCE_MM)
    changed = replace(
        coefficients,
        identity=_floats(faces.identity),
        expression=_floats(faces.poses.expression),
        rotation=_floats(faces.poses.rotation),
        translation_mm=np.concat((across_mm, depth_mm[:, None]), axis=1),
    )
    return changed, camera


def seen_points(found: Regression) -> SeenPoints:
    """The points of faces as a regressor found them, in float64."""
    if found.points is None:
        raise ValueError("found: expected faces with points, got some without")
    lenses = None
    if isinstance(found.camera, PerspectiveCamera):
        lenses = Lenses(
            found.camera.focal_px.astype(np.float64), found.camera.principal_px.astype(np.float64)
        )
    place_px, sigma_px = found.points.place_px, found.points.sigma_px
    return SeenPoints(place_px.astype(np.float64), sigma_px.astype(np.float64), lenses)


def _floats(array: np.ndarray) -> Float[np.ndarray, "..."]:
    return np.asarray(array, dtype=np.float32)
