"""Eyes of reconstructed photos whose lids are shut on purpose: of these everything is known.

Shut eyes are rare in photos, and rendered lids look different: lashes and the dark of the eye are drawn out
over them.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from jaxtyping import Float32, UInt8

from monoface.core.errors import DataError
from monoface.core.progress import track
from monoface.data.packs.eye_pack import EYE_CANVAS_PX, EYE_CANVAS_SIDES, EyePack
from monoface.data.people.mesh_points import EYES_68, HUMAN_SET
from monoface.data.people.photos import PeoplePhotos
from monoface.detection.eye_crops import eye_crops
from monoface.facemodel import FaceModel, load_default_model
from monoface.geometry.cameras import NOMINAL_DISTANCE_MM, WeakPerspectiveCamera, transform_points
from monoface.geometry.rotations import head_matrix_from_angles, head_to_camera
from monoface.networks.eyes.outputs import EYE_SHAPES
from monoface.pipeline import Face, Reconstructor, ReconstructorConfig
from monoface.raster import interpolate, rasterize, texture
from monoface.render import project

_SIDES: Final = ("Right", "Left")
_LIDS: Final = (0.0, 0.25, 0.5, 0.75, 1.0, 1.0)
"""Weights of a blink that are drawn alike often."""
_BOTH: Final = 0.5
_TURN_DEG: Final = np.array((15.0, 8.0, 6.0))
_PICTURE_PX, _WIDTH_MM, _BEHIND = 320, 200.0, 0.6


@dataclass(frozen=True)
class RenderedEyesConfig:
    """Which eyes are rendered.

    Attributes:
        count: Photos of each source, the first ones; 0 renders none.
        views: Pictures of each face.
        weights: Regressor that reconstructs them: the name of shipped weights, or a path.
        texture_size: Side of their textures.
        seed: Of lids and poses.
    """

    count: int = 260
    views: int = 3
    weights: str = "monoface"
    texture_size: int = 512
    seed: int = 0


def rendered_eyes(name: str, photos: PeoplePhotos, config: RenderedEyesConfig) -> EyePack:
    """Reconstruct the first photos of a source and render their faces, lids as far shut as a lot says.

    Raises:
        DataError: If no face is found.
    """
    rng = np.random.default_rng(config.seed)
    reconstructor = Reconstructor(
        ReconstructorConfig(config.weights, texture_size=config.texture_size, max_faces=1, threads=1)
    )
    model = load_default_model()
    canvases, points, blinks = [], [], []
    for row in track(range(min(config.count, len(photos))), f"rendering eyes of {photos.name}", "photos"):
        for face in reconstructor.reconstruct(photos.image(row)).faces:
            for _ in range(config.views):
                for canvas, marks, blink in _both_eyes(model, face, rng):
                    canvases.append(canvas)
                    points.append(marks)
                    blinks.append(blink)
    if not canvases:
        raise DataError(f"{photos.name}: expected faces to render, found none.")
    shapes = np.full((len(blinks), len(EYE_SHAPES)), np.nan, np.float32)
    shapes[:, EYE_SHAPES.index("eyeBlink")] = blinks
    marked = np.stack(points)
    unknown = np.full_like(marked, np.nan)
    held_out = np.zeros(len(marked), bool)
    return EyePack(name, np.stack(canvases), marked, unknown, unknown[:, 0], shapes, held_out)


def _both_eyes(
    model: FaceModel, face: Face, rng: np.random.Generator
) -> list[tuple[UInt8[np.ndarray, "64 64 3"], Float32[np.ndarray, "6 2"], float]]:
    """Canvas, marked points and blink of both eyes of one picture of a face."""
    expression = face.expression.copy()
    shut = rng.choice(_LIDS, 2)
    if rng.random() < _BOTH:
        shut[:] = shut[0]
    names = model.expression_names
    for side, weight in zip(_SIDES, shut, strict=True):
        blink, wide = names.index(f"eyeBlink{side}"), names.index(f"eyeWide{side}")
        if weight > 0:
            expression[blink], expression[wide] = weight, (1 - weight) * expression[wide]
    picture, points_px = _picture(model, face, expression, np.deg2rad(rng.standard_normal(3) * _TURN_DEG))
    corners_px = np.stack([points_px[list(one[:2])] for one in EYES_68])
    made = []
    for crop, places, side in zip(eye_crops(corners_px, EYE_CANVAS_SIDES), EYES_68, _SIDES, strict=True):
        marks = crop.from_photo(points_px[list(places)]).astype(np.float32)
        made.append(
            (crop.sample(picture, EYE_CANVAS_PX), marks, float(expression[names.index(f"eyeBlink{side}")]))
        )
    return made


def _picture(
    model: FaceModel, face: Face, expression: Float32[np.ndarray, " expressions"], turn_rad: np.ndarray
) -> tuple[UInt8[np.ndarray, "side side 3"], np.ndarray]:
    """The textured face with another expression in another pose, and its 68 points there."""
    side = (_PICTURE_PX, _PICTURE_PX)
    coefficients = (torch.from_numpy(one.copy())[None].float() for one in (face.identity, expression))
    yaw, pitch, roll = torch.from_numpy(turn_rad).float()[:, None]
    verts = model.shape(*coefficients)
    away = torch.tensor([[0.0, 0.0, NOMINAL_DISTANCE_MM]])
    posed = transform_points(head_to_camera(head_matrix_from_angles(yaw, pitch, roll)), away, verts)
    points = model.landmarks(HUMAN_SET).points(posed)
    scale = torch.tensor([_PICTURE_PX / _WIDTH_MM])
    camera = WeakPerspectiveCamera(scale, _PICTURE_PX / 2 - points[:, :, :2].mean(dim=1) * scale)
    seen = rasterize(project(camera, posed), model.faces, side)
    uv = interpolate(model.uv[None].contiguous(), model.faces, seen)
    skin = torch.from_numpy(face.texture.copy()).permute(2, 0, 1)[None].float() / 255
    colour = torch.where(seen.mask[0, ..., None], texture(skin, uv)[0].clamp(0, 1), torch.tensor(_BEHIND))
    return (255 * colour).round().byte().numpy(), camera.project(points)[0][0].double().numpy()
