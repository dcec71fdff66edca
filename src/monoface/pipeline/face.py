"""One reconstructed face: what `PosedFace` and `FaceSkin` know of it, as users have it."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, UInt8

from monoface.facemodel import MorphableModel
from monoface.photos.reading import LoadedImage
from monoface.pipeline.face_skin import FaceSkin
from monoface.pipeline.posed_face import Lens, MadeWith, PosedFace
from monoface.pipeline.writing.json_report import face_report
from monoface.pipeline.writing.result_page import face_page
from monoface.pipeline.writing.save import save_face
from monoface.viewer import embed_page, show_page

if TYPE_CHECKING:
    from monoface.pipeline.detailing import FaceDetail

# Names that faces had before their numbers were arrays: where each went, and what to use instead.
_FORMER_NAMES = {
    "coefficients": ("posed", "coefficients", "identity, expression, rotation, albedo or light"),
    "camera": ("posed", "camera", "lens"),
    "measurement": ("posed", "measurement", "vertex_sigma_mm"),
    "blendshape_scale": ("posed", "blendshape_scale", "blendshapes"),
    "appearance": ("skin", "appearance", "albedo and light, or the report"),
    "fitted_appearance": ("skin", "fitted_appearance", "albedo_texture"),
    "placed_mesh": ("skin", "placed_mesh", "visibility or dense_landmarks_px"),
}


@dataclass(frozen=True, eq=False, repr=False)
class Face:
    """One face: shape, expression, pose and texture.

    The model frame is right-handed, in millimetres, +x towards the subject's left, +y up, +z out of the face,
    with the origin inside the head; the camera frame is OpenCV's. Pixels are those of the upright original
    photo, whose first pixel covers [0, 1) x [0, 1). `docs/conventions.md` says more.

    Faces can be pickled and copied. A pickle has the photo in it, and what the face was measured by, which is
    biometric data; but neither the face model nor networks: they are loaded again where they are needed.

    Attributes:
        skin: Surface of the face, with all that is known of it; not part of the stable interface.
    """

    skin: FaceSkin

    def __repr__(self) -> str:
        yaw, pitch, roll = self.head_angles_deg
        angles = f"yaw_deg={yaw:.1f}, pitch_deg={pitch:.1f}, roll_deg={roll:.1f}"
        return f"Face(confidence={self.confidence:.2f}, {angles}, box={self.box.round(1).tolist()})"

    @property
    def posed(self) -> PosedFace:
        """Shape, expression, pose and scores as data; not part of the stable interface."""
        return self.skin.posed

    @property
    def score(self) -> float:
        """Probability of a face, by the detector."""
        return self.posed.score

    @property
    def box(self) -> Float[np.ndarray, " 4"]:
        """Left, top, right, bottom of the 68 landmarks, in pixels."""
        return self.posed.box

    @property
    def confidence(self) -> float:
        """Probability that the face is human and the mean error of its 68 landmarks below 5 % of its size.

        The size is the longer side of their box. For a human face the probability is sigmoid(a + b x), where
        x is the logarithm of that error as the regressor expects it, and a and b are calibrated on photos it
        was not trained on: of the faces with confidence 0.8, 80 % are as good as that. Animals have faces,
        too: `pipeline.plausibility` says how they are told.
        """
        return self.posed.confidence

    @property
    def identity(self) -> Float[np.ndarray, " identity"]:
        """Unit-variance shape coefficients of the face model."""
        return self.posed.identity

    @property
    def expression(self) -> Float[np.ndarray, " expressions"]:
        """Expression weights of the face model, which give its mesh; `blendshapes` are in ARKit's scale."""
        return self.posed.expression

    @property
    def albedo(self) -> Float[np.ndarray, " albedo"] | None:
        """Unit-variance albedo coefficients from the network; None if its weights do not tell albedo."""
        return self.posed.albedo

    @property
    def light(self) -> Float[np.ndarray, "9 3"] | None:
        """Light from the network; None if its weights do not tell light.

        Radiance in spherical harmonics, linear RGB, in the camera frame.
        """
        return self.posed.light

    @property
    def rotation(self) -> Float[np.ndarray, "3 3"]:
        """Rotation from the model frame to the camera frame."""
        return self.posed.rotation

    @property
    def lens(self) -> Lens:
        """Camera of the photo: from the camera frame to pixels."""
        return self.posed.lens

    @property
    def verts_mm(self) -> Float[np.ndarray, "verts 3"]:
        """Vertices in the model frame."""
        return self.posed.verts_mm

    @property
    def neutral_verts_mm(self) -> Float[np.ndarray, "verts 3"]:
        """Vertices of this person without an expression, in the model frame."""
        return self.skin.neutral_verts_mm

    @property
    def landmarks68_px(self) -> Float[np.ndarray, "68 2"]:
        """The 68 iBUG landmarks as points of the mesh."""
        return self.posed.landmarks68_px

    @property
    def photo(self) -> LoadedImage:
        """The photo, as the pipeline works on it."""
        return self.skin.photo

    @property
    def made_with(self) -> MadeWith:
        """Versions and hashes."""
        return self.posed.made_with

    @property
    def model(self) -> MorphableModel:
        """The face model that the coefficients belong to."""
        return self.skin.assets.numpy_model

    @property
    def T_camera_model(self) -> Float[np.ndarray, "4 4"]:  # noqa: N802
        """Rigid transform from model to camera frame; under weak perspective its depth is nominal."""
        return self.posed.T_camera_model

    @property
    def head_angles_deg(self) -> tuple[float, float, float]:
        """Yaw, pitch and roll in degrees, as AFLW2000-3D has them."""
        return self.posed.head_angles_deg

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

        `expression` holds the face model's own weights, which give its mesh; weights trained before there was
        a scale give them here, too.
        """
        return self.posed.blendshapes

    @property
    def dense_landmarks_px(self) -> Float[np.ndarray, "verts 2"]:
        """Every vertex of the mesh in pixels, whether visible or not."""
        return self.posed.dense_landmarks_px

    @property
    def vertex_sigma_mm(self) -> Float[np.ndarray, " verts"] | None:
        """How far each vertex may be off, a standard deviation in millimetres; None if it was not measured.

        The posterior of identity and expression moves a vertex along each axis of the model frame; this is
        the root mean of its variance over the three axes, after the best rigid alignment over the narrow
        face, times a factor that is kept with the weights: with it, 68 % of the points that people mark in
        photos lie within one standard deviation of where the face has them. Computed when first asked for.
        """
        return self.skin.vertex_sigma_mm

    def project(self, points_mm: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, "points 2"]:
        """Pixels of the photo at which points of the model frame appear."""
        return self.posed.project(points_mm)

    @property
    def visibility(self) -> Bool[np.ndarray, " verts"]:
        """Whether the photo shows each vertex: it faces the camera and nothing of the head hides it."""
        return self.skin.visibility

    @property
    def texture(self) -> UInt8[np.ndarray, "size size 3"]:
        """The face's texture in sRGB, laid out by the model's UV; computed when first asked for.

        What the photo shows comes from the photo, what it hides from the mirrored side or the albedo model.
        """
        return self.skin.texture

    @property
    def albedo_texture(self) -> UInt8[np.ndarray, "size size 3"]:
        """The texture without the photo's light, for viewers that light the face; computed when asked for.

        Neither with the light of the coarse face nor, if there is detail, with that on its wrinkles.
        """
        return self.skin.albedo_texture

    @property
    def detail(self) -> "FaceDetail | None":
        """Wrinkles and folds that the coarse mesh does not have; None if they were not asked for."""
        return self.skin.detail

    def report(self) -> dict[str, Any]:
        """What the JSON file of the face says, as JSON values."""
        return face_report(self.posed, self.skin)

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the face as a `.glb`, `.obj`, `.ply` or `.json` file.

        Raises:
            ConfigError: If the suffix is another one.
            OutputExistsError: If the file exists and `overwrite` is false.
            OSError: If it cannot be written.
        """
        save_face(self.posed, self.skin, Path(path), overwrite=overwrite)

    def show(self) -> Path | None:
        """Show the face in the notebook that runs this, or else in the browser, which needs no network.

        Returns:
            The page that was opened, which stays in the folder for temporary files; None in a notebook.
        """
        return show_page(face_page(self.report(), self.skin))

    def _repr_html_(self) -> str:
        """What notebooks show of a face: the overlay, and the head to turn."""
        return embed_page(face_page(self.report(), self.skin))

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name not in _FORMER_NAMES:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            part, attribute, instead = _FORMER_NAMES[name]
            warnings.warn(
                f"Face.{name} will go: use {instead}; inside monoface, {part}.{attribute}.",
                DeprecationWarning,
                stacklevel=2,
            )
            return getattr(getattr(self, part), attribute)
