"""Several photos of one person in, one face out, with a pose, an expression and a light for each photo."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float, Int

from monoface.core.arrays import in_numpy, in_torch
from monoface.core.errors import ConfigError
from monoface.core.on_demand import require_torch
from monoface.facemodel import (
    CoefficientLayout,
    FaceCoefficients,
    LandmarkSet,
    NumpyFaceModel,
    project_points,
)
from monoface.facemodel.shared_fitting import SharedFitConfig, fit_shared_identity
from monoface.geometry.cameras import AnyCamera
from monoface.geometry.roi import roi_of_box
from monoface.geometry.triangles import vertex_normals
from monoface.photos.reading import ImageSource
from monoface.pipeline.face import Face
from monoface.pipeline.face_skin import FaceSkin
from monoface.pipeline.multi_photo.identity_similarity import IdentityLikeness
from monoface.pipeline.multi_photo.many_photos import within_memory
from monoface.pipeline.multi_photo.shared_face import MOST_MERGED, SharedAppearance, SharedFace, SharedSkin
from monoface.pipeline.multi_photo.together_result import TogetherResult
from monoface.pipeline.reconstructor import Reconstructor
from monoface.pipeline.refining.refiner import Measurement, Refiner, posed

# Points of the narrow face at which the photos are brought together.
_FITTED_POINTS = 400

# Side of the squares around the faces, in which they are fitted; any would do.
_SQUARE_PX = 120

CompareFaces = Callable[[Sequence[Face]], Float[np.ndarray, "faces faces"]]
"""How alike the people in several photos are: symmetric, 1 for the same. An identity encoder's cosines."""


@dataclass(frozen=True)
class TogetherConfig:
    """How several photos become one face.

    Attributes:
        fit: How one identity is fitted to all photos.
        compare: Tells how alike the people are; without it nobody notices photos of different people.
        min_likeness: A photo whose person is less like those of the others, on average, is warned of. With
            the shipped encoder that is one of 20 pairs of photos of one person (video frames of `ytf` and
            photos of `lfw`, of people it was not trained on), and one of two strangers in `ytf`, five of
            seven in `lfw`.
    """

    fit: SharedFitConfig = field(default_factory=SharedFitConfig)
    compare: CompareFaces | None = field(default_factory=IdentityLikeness)
    min_likeness: float = 0.1

    def __post_init__(self) -> None:
        if not -1 <= self.min_likeness <= 1:
            raise ConfigError(f"min_likeness: expected -1 to 1, got {self.min_likeness}.")


def reconstruct_together(
    photos: Sequence[ImageSource],
    reconstructor: Reconstructor | None = None,
    config: TogetherConfig | None = None,
) -> TogetherResult:
    """Reconstruct one face from several photos of one person.

    The largest trusted face of each photo is taken. A photo that seems to show somebody else is used all the
    same, and warned of.

    Args:
        photos: Paths or pictures, as `Reconstructor.reconstruct` takes them. Those without a usable face are
            skipped, and their results say why.
        reconstructor: Reused for many people; by default one is made.
        config: How the photos are brought together.
    """
    config = config or TogetherConfig()
    reconstructor = reconstructor or Reconstructor()
    results = within_memory(photos, reconstructor.reconstruct_many(photos))
    used = [place for place, result in enumerate(results) if result.faces]
    reason = f"{len(used)} of {len(results)} photos used"
    if len(used) > MOST_MERGED:
        reason += f", the texture merged from {MOST_MERGED} that show most of the face"
    if not used:
        return TogetherResult("nothing_usable", reason, tuple(results), None)
    alone = [results[place].faces[0] for place in used]
    faces = bring_together(alone, config.fit, reconstructor.refiner)
    doubts = _doubts(faces, config)
    for place, face, doubt in zip(used, faces, doubts, strict=True):
        told = f"1 face; {doubt}" if doubt else "1 face"
        results[place] = replace(results[place], reason=told, faces=(face,), doubtful=())
    warnings = [f"{results[place].name}: {doubt}" for place, doubt in zip(used, doubts, strict=True) if doubt]
    return TogetherResult(
        "ok", reason, tuple(results), faces[faces[0].skin.shared.reference], tuple(warnings)
    )


def bring_together(
    faces: Sequence[Face], config: SharedFitConfig | None = None, refiner: Refiner | None = None
) -> list[SharedFace]:
    """The faces of one person in several photos with one shape, which lies where each photo showed it.

    Faces that were measured are measured anew, with one shape (see `facemodel.refinement`). Others begin with
    the weighted mean of all shapes. Then shape, poses and expressions are fitted to where the vertices of
    each face alone appeared, those that face the camera counting most: a photo says little of depth.

    Args:
        faces: At least one, of one face model.
        config: How firmly the guesses are kept.
        refiner: What measured the faces; without it, none is measured anew.
    """
    model = faces[0].skin.model
    facing = np.stack([_facing(face)[_fitted_vertices(model)] for face in faces])
    confidence = np.array([face.confidence for face in faces], np.float32)
    trust = confidence * facing.mean(axis=1)
    placed = _measured(faces, refiner) or _fitted_to_themselves(faces, facing, confidence, config)
    landmarks = model.subset(model.landmarks("ibug68"))
    moved = [
        face.posed.moved(
            one.coefficients,
            one.camera,
            measurement=one.measurement,
            verts_mm=model.shape(one.coefficients.identity, one.coefficients.expression)[0],
            landmarks68_px=project_points(landmarks, one.coefficients, one.camera)[0],
        )
        for face, one in zip(faces, placed, strict=True)
    ]
    skins = [FaceSkin(one, face.photo, face.skin.assets) for face, one in zip(faces, moved, strict=True)]
    shared = SharedAppearance(skins, int(trust.argmax()))
    return [
        SharedFace(SharedSkin(skin.posed, skin.photo, skin.assets, shared, row))
        for row, skin in enumerate(skins)
    ]


@dataclass(frozen=True, eq=False)
class _Placed:
    """Where a face with the shape of all photos lies in one of them; batches of one."""

    coefficients: FaceCoefficients
    camera: AnyCamera
    measurement: Measurement | None = None


def _measured(faces: Sequence[Face], refiner: Refiner | None) -> list[_Placed]:
    """Faces measured anew with one shape; none if one of them was not measured."""
    measured = [face.posed.measurement for face in faces if face.posed.measurement is not None]
    if refiner is None or len(measured) < len(faces):
        return []
    refined, told = refiner.together(measured)
    found = []
    for row, (face, measurement) in enumerate(zip(faces, told, strict=True)):
        placed = posed(face.posed.coefficients, measurement.camera, refined[row : row + 1])
        found.append(_Placed(*placed, measurement))
    return found


def _fitted_to_themselves(
    faces: Sequence[Face],
    facing: Float[np.ndarray, "photos points"],
    confidence: Float[np.ndarray, " photos"],
    config: SharedFitConfig | None,
) -> list[_Placed]:
    """Faces with one shape that lie where each was seen alone, as far as a single shape can."""
    model = faces[0].skin.model
    layout = CoefficientLayout.of(model)
    boxes = np.stack([roi_of_box(face.box) for face in faces]).astype(np.float32)
    zoom = _SQUARE_PX / (boxes[:, 2] - boxes[:, 0])
    start = np.concat(
        [
            layout.encode(
                face.posed.coefficients, face.posed.camera.cropped(box[None, :2], factor[None]), _SQUARE_PX
            )
            for face, box, factor in zip(faces, boxes, zoom, strict=True)
        ]
    )
    index = _fitted_vertices(model)
    points = LandmarkSet.of_vertices(index)
    output = start
    if len(faces) > 1:
        trust = confidence * facing.mean(axis=1)
        share = trust / trust.sum().clip(1e-6)
        identity = (share[:, None] * start[:, : layout.identity]).sum(axis=0)
        weights = confidence[:, None] * facing / np.float32(len(index))
        output = _fitted(model, points, start, identity, weights, config)
    coefficients, camera = layout.decode(output, _SQUARE_PX)
    camera = camera.uncropped(boxes[:, :2], zoom)
    rows = [slice(row, row + 1) for row in range(len(faces))]
    return [_Placed(coefficients[row], camera[row]) for row in rows]


def _fitted(
    model: NumpyFaceModel,
    points: LandmarkSet,
    start: Float[np.ndarray, "photos outputs"],
    identity: Float[np.ndarray, " identity"],
    weights: Float[np.ndarray, "photos points"],
    config: SharedFitConfig | None,
) -> Float[np.ndarray, "photos outputs"]:
    """The fit by PyTorch, which knows how to minimise."""
    require_torch("bringing photos together whose faces were not measured")
    from monoface.facemodel.model import FaceModel

    basis, layout = model.subset(points), CoefficientLayout.of(model)
    seen_px = project_points(basis, *layout.decode(start, _SQUARE_PX))
    begin, who, seen, share = in_torch((start, identity, seen_px, weights))
    in_points = FaceModel(in_torch(model.data)).subset(in_torch(points))
    return in_numpy(fit_shared_identity(in_points, begin, who, seen, share, _SQUARE_PX, config))


def _fitted_vertices(model: NumpyFaceModel) -> Int[np.ndarray, " fitted"]:
    """Vertices spread over the narrow face."""
    narrow = np.flatnonzero(model.data.regions["narrow_face"])
    return narrow[:: max(1, len(narrow) // _FITTED_POINTS)]


def _facing(face: Face) -> Float[np.ndarray, " verts"]:
    """Cosine of each vertex's normal to the viewing axis, 0 where it turns away."""
    model, rotation = face.skin.model, face.posed.coefficients.rotation
    normals = vertex_normals(face.verts_mm[None], model.faces, model.weld)[0]
    return -(normals @ rotation[0, 2]).clip(-1, 0)


def _doubts(faces: Sequence[Face], config: TogetherConfig) -> list[str]:
    """What makes each face doubtful: that it seems to be of another person than the others. Else empty."""
    if config.compare is None or len(faces) < 2:
        return [""] * len(faces)
    likeness = np.array(config.compare(faces), dtype=np.float64)
    np.fill_diagonal(likeness, 0)
    mean = likeness.sum(axis=1) / (len(faces) - 1)
    return [
        f"may show another person than the other photos (likeness {value:.2f})"
        if value < config.min_likeness
        else ""
        for value in mean
    ]
