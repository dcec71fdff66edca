"""Single photos as views: the photo, and the same turned to either side with the geometry fitted to it."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, UInt8

from monoface.core.errors import ConfigError
from monoface.core.progress import track_batches
from monoface.data.labelling.view_labels import ViewLabeller, ViewLabels
from monoface.data.labelling.view_photos import ViewPhotos
from monoface.data.labelling.view_skin import FindSkin, find_skin_in, seen_from
from monoface.data.packs.photo_pack import Pack, canvas_box
from monoface.data.packs.view_pack import MATCHED, VIEW_CANVAS_PX, VIEW_FACE_PX, VIEWS, ViewPack
from monoface.data.profiling.photo_turner import FaceSurface, PhotoTurner, PosedPhoto, filled
from monoface.data.synthetic.known_landmarks import known_landmarks
from monoface.facemodel import CoefficientLayout, FaceCoefficients, FaceModel
from monoface.geometry.cameras import WeakPerspectiveCamera
from monoface.geometry.crops import crop_and_resize

# What is turned reaches beyond the canvas, which then shows less of where the photo ends.
_WIDE_PX = 400
_CHUNK = 256


@dataclass(frozen=True)
class TurnedViewsConfig:
    """How single photos become views.

    Attributes:
        count: Photos of each source at most; 0 turns none.
        gap_deg: Range of how much further than the photo the views look aside, one to either side.
        pitch_deg: Largest change of pitch, either way.
        max_yaw_deg: Photos that look further aside are left out.
        max_error_percent: As are photos whose dense landmarks lie further from the prediction, in percent of
            the crop.
    """

    count: int = 400
    gap_deg: tuple[float, float] = (12.0, 32.0)
    pitch_deg: float = 6.0
    max_yaw_deg: float = 25.0
    max_error_percent: float = 2.0

    def __post_init__(self) -> None:
        if self.count < 0 or not 0 <= self.gap_deg[0] <= self.gap_deg[1] <= 60:
            raise ConfigError(
                "turned views: expected a count of at least 0 and a range of gaps in 0 to 60, got "
                f"{self.count} and {self.gap_deg}."
            )


def turned_views(
    photos: ViewPhotos,
    model: FaceModel,
    labeller: ViewLabeller,
    config: TurnedViewsConfig,
    seed: int,
    find_skin: FindSkin | None = None,
) -> ViewPack:
    """Samples of single photos; coefficients are known as far as the prediction was right, light is not.

    Args:
        photos: Single photos.
        model: The face model.
        labeller: Says what is known about them.
        config: How to turn them.
        seed: Of the turns.
        find_skin: Finds skin in the photos; without it skin is where the fitted face is seen.
    """
    rng = np.random.default_rng((seed, len(photos)))
    surface = FaceSurface.of(model)
    parts = []
    for start in track_batches(len(photos), _CHUNK, f"turning views of {photos.name}", "photos"):
        images = [photos.images[row] for row in range(start, min(start + _CHUNK, len(photos)))]
        labels = labeller.label(images, photos.boxes[start : start + _CHUNK], {})
        wide = _wide_photos(images, labels, model, find_skin)
        good = labels.marked_percent <= config.max_error_percent
        good &= np.abs(labels.yaw_deg) <= config.max_yaw_deg
        parts += [
            _sample(wide[row], labels.outputs[row], model, surface, config, rng)
            for row in np.flatnonzero(good)
        ]
    return _pack(f"{photos.name}_turned", parts, model)


@dataclass(frozen=True)
class _Sample:
    canvases: UInt8[np.ndarray, "3 side side 3"]
    skin: UInt8[np.ndarray, "3 side side"]
    outputs: Float32[np.ndarray, "3 outputs"]


def _wide_photos(
    images: list[np.ndarray], labels: ViewLabels, model: FaceModel, find_skin: FindSkin | None
) -> UInt8[np.ndarray, "photos side side 4"]:
    """Wide cuts around the crops, with skin as a fourth channel."""
    boxes = canvas_box(labels.boxes, _WIDE_PX / VIEW_FACE_PX)
    wide = np.zeros((len(images), _WIDE_PX, _WIDE_PX, 4), np.uint8)
    for row, (image, box) in enumerate(zip(images, boxes, strict=True)):
        wide[row, ..., :3] = crop_and_resize(image, box, _WIDE_PX)
    margin = (_WIDE_PX - VIEW_CANVAS_PX) // 2
    inside = slice(margin, margin + VIEW_CANVAS_PX)
    pictures = np.ascontiguousarray(wide[:, inside, inside, :3])
    canvases = canvas_box(labels.boxes, VIEW_CANVAS_PX / VIEW_FACE_PX)
    wide[:, inside, inside, 3] = find_skin_in(pictures, canvases, images, labels.outputs, model, find_skin)
    return wide


def _sample(
    wide: UInt8[np.ndarray, "side side 4"],
    output: Float32[np.ndarray, " outputs"],
    model: FaceModel,
    surface: FaceSurface,
    config: TurnedViewsConfig,
    rng: np.random.Generator,
) -> _Sample:
    coefficients, camera = _decoded(model, output[None])
    camera = camera.cropped(torch.full((1, 2), (VIEW_FACE_PX - _WIDE_PX) / 2), torch.ones(1))
    turner = PhotoTurner(PosedPhoto(wide, coefficients, camera), surface)
    margin = (_WIDE_PX - VIEW_CANVAS_PX) // 2
    middle = wide[margin : margin + VIEW_CANVAS_PX, margin : margin + VIEW_CANVAS_PX]
    canvases, skin, outputs = [middle[..., :3]], [middle[..., 3]], [output]
    for side in (-1, 1):
        yaw = side * np.deg2rad(rng.uniform(*config.gap_deg))
        pitch = np.deg2rad(config.pitch_deg) * rng.uniform(-1, 1)
        view, turned = turner.turned(float(yaw), float(pitch), VIEW_CANVAS_PX, VIEW_FACE_PX)
        # What the photo shows at a grazing angle, or not at all, is smeared there.
        clear = seen_from(model, turned[None], coefficients.rotation)[0]
        canvases.append(filled(view.image[..., :3], view.covered, rng))
        skin.append((view.image[..., 3] * clear).astype(np.uint8))
        outputs.append(turned)
    order = [1, 0, 2]
    return _Sample(*(np.stack([values[view] for view in order]) for values in (canvases, skin, outputs)))


def _decoded(model: FaceModel, outputs: np.ndarray) -> tuple[FaceCoefficients, WeakPerspectiveCamera]:
    return CoefficientLayout.of(model).decode_weak(torch.from_numpy(outputs), VIEW_FACE_PX)


def _pack(name: str, parts: list[_Sample], model: FaceModel) -> ViewPack:
    count = VIEWS * len(parts)
    size = CoefficientLayout.of(model).size
    side = (VIEW_CANVAS_PX, VIEW_CANVAS_PX)
    canvases, skin = np.zeros((count, *side, 3), np.uint8), np.zeros((count, *side), np.uint8)
    outputs = np.zeros((count, size), np.float32)
    for number, part in enumerate(parts):
        rows = slice(VIEWS * number, VIEWS * (number + 1))
        canvases[rows], skin[rows], outputs[rows] = part.canvases, part.skin, part.outputs
    points = known_landmarks(model, *_decoded(model, outputs))
    frames = Pack(name, canvases, points, outputs, VIEW_FACE_PX)
    views = np.arange(count, dtype=np.int64).reshape(-1, VIEWS)
    unknown = np.full((count, model.albedo_size), np.nan, np.float32)
    light = np.full((count, 9, 3), np.nan, np.float32)
    focal = np.full(count, np.nan, np.float32)
    return ViewPack(frames, skin, unknown, light, focal, views, np.full(len(parts), MATCHED, np.int64))
