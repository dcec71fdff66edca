"""What a reconstruction gives: one `PhotoResult` for each photo, with a typed `Face` for each face in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8

from monoface.facemodel import FaceCoefficients, FaceModel
from monoface.facemodel.blendshape_scale import BlendshapeScale
from monoface.geometry.cameras import AnyCamera, transform_points
from monoface.geometry.rotations import camera_to_head, degrees, head_angles_from_matrix
from monoface.photos.reading import LoadedImage
from monoface.pipeline.detailing import Detailer, FaceDetail
from monoface.pipeline.refining.refiner import Measurement
from monoface.texturing.appearance import Appearance
from monoface.texturing.delighting import light_on_relief, without_light
from monoface.texturing.texturer import PlacedMesh, Texturer

Status = Literal["ok", "no_face", "low_confidence", "unreadable"]


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


@dataclass(frozen=True, eq=False, repr=False)
class Face:
    """One face: shape, expression, pose and texture.

    The model frame is right-handed, in millimetres, +x towards the subject's left, +y up, +z out of the face,
    with the origin inside the head; the camera frame is OpenCV's. Pixels are those of the upright original
    photo, whose first pixel covers [0, 1) x [0, 1). `docs/conventions.md` says more.

    Attributes:
        score: Probability of a face, by the detector.
        box: Left, top, right, bottom of the 68 landmarks, in pixels.
        confidence: Probability that the mean error of the 68 landmarks is below 5 % of the face's size, the
            longer side of their box. It is sigmoid(a + b x), where x is the logarithm of that error as the
            regressor expects it, and a and b are calibrated on photos that it was not trained on: of the
            faces with confidence 0.8, 80 % are as good as that.
        coefficients: Shape, expression and pose, and albedo and light if the network tells them; a batch of
            one.
        camera: From the camera frame to pixels; a batch of one.
        verts_mm: Vertices in the model frame.
        landmarks68_px: The 68 iBUG landmarks as points of the mesh.
        photo: The photo, as the pipeline works on it.
        texturer: Makes the texture, for the face model that the coefficients belong to.
        made_with: Versions and hashes.
        detailer: Finds wrinkles; None if they were not asked for.
        measurement: What the face was measured by; None if it is as the regressor said.
        blendshape_scale: From weights of expressions to `blendshapes`.
    """

    score: float
    box: Float[np.ndarray, " 4"]
    confidence: float
    coefficients: FaceCoefficients
    camera: AnyCamera
    verts_mm: Float[np.ndarray, "verts 3"]
    landmarks68_px: Float[np.ndarray, "68 2"]
    photo: LoadedImage
    texturer: Texturer
    made_with: MadeWith
    detailer: Detailer | None
    measurement: Measurement | None
    blendshape_scale: BlendshapeScale

    def __repr__(self) -> str:
        yaw, pitch, roll = self.head_angles_deg
        angles = f"yaw_deg={yaw:.1f}, pitch_deg={pitch:.1f}, roll_deg={roll:.1f}"
        return f"Face(confidence={self.confidence:.2f}, {angles}, box={self.box.round(1).tolist()})"

    @property
    def model(self) -> FaceModel:
        """The face model that the coefficients belong to."""
        return self.texturer.model

    @property
    def T_camera_model(self) -> Float[np.ndarray, "4 4"]:  # noqa: N802
        """Rigid transform from model to camera frame; under weak perspective its depth is nominal."""
        transform = np.eye(4, dtype=np.float32)
        transform[:3, :3] = self.coefficients.rotation[0].numpy()
        transform[:3, 3] = self.coefficients.translation_mm[0].numpy()
        return transform

    @cached_property
    def head_angles_deg(self) -> tuple[float, float, float]:
        """Yaw, pitch and roll in degrees, as AFLW2000-3D has them."""
        angles = head_angles_from_matrix(camera_to_head(self.coefficients.rotation[0]))
        yaw, pitch, roll = (float(degrees(angle)) for angle in angles)
        return yaw, pitch, roll

    @property
    def yaw_deg(self) -> float:
        """Turn to the side; positive turns the nose to image left."""
        return self.head_angles_deg[0]

    @property
    def pitch_deg(self) -> float:
        """Nod; positive turns the nose up."""
        return self.head_angles_deg[1]

    @property
    def roll_deg(self) -> float:
        """Tilt; positive tilts the top of the head to image right."""
        return self.head_angles_deg[2]

    @property
    def blendshapes(self) -> dict[str, float]:
        """Each named expression in ARKit's scale, from 0 to 1.

        `coefficients.expression` holds the face model's own weights, which give its mesh; weights trained
        before there was a scale give them here, too.
        """
        values = self.blendshape_scale(self.coefficients.expression.double().numpy())
        return dict(zip(self.model.expression_names, values[0].tolist(), strict=True))

    @cached_property
    def dense_landmarks_px(self) -> Float[np.ndarray, "verts 2"]:
        """Every vertex of the mesh in pixels, whether visible or not."""
        return self.project(self.verts_mm)

    @cached_property
    def vertex_sigma_mm(self) -> Float[np.ndarray, " verts"] | None:
        """How far each vertex may be off, a standard deviation in millimetres; None if it was not measured.

        The posterior of identity and expression moves a vertex along each axis of the model frame; this is
        the root mean of its variance over the three axes, after the best rigid alignment over the narrow
        face, times a factor that is kept with the weights: with it, 68 % of the points that people mark in
        photos lie within one standard deviation of where the face has them. Computed when first asked for.
        """
        return None if self.measurement is None else self.measurement.uncertainty.vertex_sigma_mm()

    def project(self, points_mm: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, "points 2"]:
        """Pixels of the photo at which points of the model frame appear."""
        found = self.coefficients
        points = torch.from_numpy(np.asarray(points_mm, dtype=np.float32))[None]
        points_camera = transform_points(found.rotation, found.translation_mm, points)
        return self.camera.project(points_camera)[0][0].numpy()

    @cached_property
    def visibility(self) -> Bool[np.ndarray, " verts"]:
        """Whether the photo shows each vertex: it faces the camera and nothing of the head hides it."""
        return self.placed_mesh.visible.numpy()

    @cached_property
    def appearance(self) -> Appearance:
        """Albedo coefficients and light: the network's, or fitted to the photo when first asked for."""
        found = self.coefficients
        if found.albedo.shape[1]:
            return Appearance(found.albedo[0], found.light[0])
        return self.fitted_appearance

    @cached_property
    def texture(self) -> UInt8[np.ndarray, "size size 3"]:
        """The face's texture in sRGB, laid out by the model's UV; computed when first asked for.

        What the photo shows comes from the photo, what it hides from the mirrored side or the albedo model.
        """
        return self.texturer.texture(self.placed_mesh, self.fitted_appearance)

    @cached_property
    def albedo_texture(self) -> UInt8[np.ndarray, "size size 3"]:
        """The texture without the photo's light, for viewers that light the face; computed when asked for.

        Neither with the light of the coarse face nor, if there is detail, with that on its wrinkles.
        """
        mesh, appearance, on_relief = self.placed_mesh, self.fitted_appearance, None
        if self.detailer is not None and self.detail is not None:
            on_relief = light_on_relief(mesh, appearance, self.detail.height_mm, self.detailer.displacer)
        return without_light(self.texture, mesh, appearance, self.texturer.layout(), on_relief)

    @cached_property
    def fitted_appearance(self) -> Appearance:
        """What explains this photo best, so that what is filled in joins on to what the photo shows."""
        return self.texturer.appearance(self.placed_mesh)

    @cached_property
    def detail(self) -> FaceDetail | None:
        """Wrinkles and folds that the coarse mesh does not have; None if they were not asked for."""
        return None if self.detailer is None else self.detailer.find(self.placed_mesh, self.fitted_appearance)

    @cached_property
    def placed_mesh(self) -> PlacedMesh:
        """The mesh in the part of the photo that shows it."""
        return PlacedMesh.in_photo(
            self.photo, self.coefficients, self.camera, torch.from_numpy(self.verts_mm), self.model
        )

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the face as a `.glb`, `.obj`, `.ply` or `.json` file.

        Raises:
            ConfigError: If the suffix is another one.
            OutputExistsError: If the file exists and `overwrite` is false.
            OSError: If it cannot be written.
        """
        # Here, because what writes a face must know what a face is.
        from monoface.pipeline.writing.save import save_face

        save_face(self, Path(path), overwrite=overwrite)


@dataclass(frozen=True, eq=False, repr=False)
class PhotoResult:
    """What became of one photo.

    Attributes:
        status: `ok`: at least one face. `no_face`: none was detected. `low_confidence`: those detected are
            all doubtful. `unreadable`: the photo cannot be read.
        reason: One line that says more.
        name: What the photo is called: its path, or what kind of object it was.
        faces: Reconstructed faces, largest first.
        doubtful: What was detected but reconstructed with too little confidence to be used, largest first.
        photo: The photo, as the pipeline works on it; None if unreadable.
        made_with: Versions and hashes.
    """

    status: Status
    reason: str
    name: str
    faces: tuple[Face, ...]
    doubtful: tuple[Face, ...]
    photo: LoadedImage | None
    made_with: MadeWith

    def __repr__(self) -> str:
        return f"PhotoResult({self.name!r}, {self.status!r}, {self.reason!r})"

    @property
    def found(self) -> tuple[Face, ...]:
        """All faces, the doubtful ones last."""
        return self.faces + self.doubtful

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the report as a `.json` file, or the photo with its faces drawn on it as a `.png` file.

        Raises:
            ConfigError: If the suffix is another one, or if there is no photo to draw on.
            OutputExistsError: If the file exists and `overwrite` is false.
            OSError: If it cannot be written.
        """
        from monoface.pipeline.writing.save import save_photo_result

        save_photo_result(self, Path(path), overwrite=overwrite)


def photo_result(
    name: str,
    photo: LoadedImage | None,
    faces: tuple[Face, ...],
    doubtful: tuple[Face, ...],
    problem: str,
    made_with: MadeWith,
) -> PhotoResult:
    """Result of a photo, with the status and the reason that follow from what was found.

    Args:
        problem: Why the photo cannot be read, if it cannot.
    """
    status: Status = "ok"
    reason = _count(len(faces), "face")
    if photo is None:
        status, reason = "unreadable", problem
    elif not faces and not doubtful:
        status, reason = "no_face", "no face was found"
    elif not faces:
        best = max(face.confidence for face in doubtful)
        status, reason = "low_confidence", f"{_count(len(doubtful), 'face')}, confidence {best:.2f} at most"
    elif doubtful:
        reason += f", and {len(doubtful)} of too little confidence"
    return PhotoResult(status, reason, name, faces, doubtful, photo, made_with)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
