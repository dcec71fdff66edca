"""Photos turned out of plane: new views of well fitted faces, whose coefficients are known."""

import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from PIL import Image
from torch import Tensor

from monoface.core.progress import track
from monoface.data.labelling.pseudo_labels import LabelledPhotos
from monoface.data.labelling.second_round import Relabelled
from monoface.data.packs.photo_pack import CANVAS_PX, FACE_PX, Pack
from monoface.data.profiling.relief import PhotoRelief, TurnedView
from monoface.facemodel import CoefficientLayout, FaceCoefficients, FaceModel, LandmarkSet, PointBasis
from monoface.geometry.cameras import WeakPerspectiveCamera, transform_points
from monoface.geometry.roi import roi_from_points


@dataclass(frozen=True)
class TurnConfig:
    """How photos are turned out of plane.

    Attributes:
        views: New views of each photo.
        yaw_deg: Range of the yaw of the new views.
        pitch_deg: Largest change of pitch, either way.
        max_error_percent: Photos whose fit is worse are left out.
    """

    views: int = 2
    yaw_deg: tuple[float, float] = (20.0, 92.0)
    pitch_deg: float = 12.0
    max_error_percent: float = 1.6


@dataclass(frozen=True)
class FaceSurface:
    """The part of the face model that turning a photo needs: the face's own surface, and its 68 points."""

    basis: PointBasis
    faces: Tensor
    landmarks68: PointBasis

    @classmethod
    def of(cls, model: FaceModel) -> "FaceSurface":
        """That of a face model."""
        face = model.data.regions["face"]
        number = torch.cumsum(face, dim=0) - 1
        inside = model.faces[face[model.faces].all(dim=1)]
        verts = LandmarkSet.from_vertices(face.nonzero()[:, 0].numpy())
        return cls(model.subset(verts), number[inside], model.subset(model.landmarks("ibug68")))


@dataclass(frozen=True)
class PosedPhoto:
    """A photo of one face with its coefficients and its camera, in the photo's pixels; a batch of one."""

    image: UInt8[np.ndarray, "side side channels"]
    coefficients: FaceCoefficients
    camera: WeakPerspectiveCamera


class PhotoTurner:
    """Turns one photo out of plane.

    Args:
        photo: The photo and what was fitted to it.
        surface: Of the face model.
    """

    def __init__(self, photo: PosedPhoto, surface: FaceSurface) -> None:
        self._coefficients = coefficients = photo.coefficients
        self._layout = CoefficientLayout.of(surface.basis)
        verts = surface.basis(coefficients.identity, coefficients.expression)
        self._landmarks = surface.landmarks68(coefficients.identity, coefficients.expression)
        verts_camera = transform_points(coefficients.rotation, coefficients.translation_mm, verts)
        self._relief = PhotoRelief(photo.image, verts_camera, surface.faces, photo.camera, coefficients)

    @property
    def yaw_rad(self) -> float:
        """Yaw of the face in the photo."""
        return self._relief.yaw_rad

    def turned(
        self, yaw_rad: float, pitch_rad: float, canvas_px: int = CANVAS_PX, face_px: int = FACE_PX
    ) -> tuple[TurnedView, Float[np.ndarray, " outputs"]]:
        """A canvas of the photo with the head turned by so much more, and its output vector.

        Args:
            yaw_rad: As of `PhotoRelief.turned`.
            pitch_rad: Likewise.
            canvas_px: Side of the canvas.
            face_px: Side of the face's crop in its middle.
        """
        rotation = self._relief.turned_rotation(yaw_rad, pitch_rad)
        box = roi_from_points((self._landmarks @ rotation.mT)[..., :2])
        scale = face_px / (box[:, 2] - box[:, 0])
        centre = (box[:, :2] + box[:, 2:]) / 2
        camera = WeakPerspectiveCamera(scale, canvas_px / 2 - centre * scale[:, None])
        view = self._relief.turned(yaw_rad, pitch_rad, camera, canvas_px)
        old = self._coefficients
        pose = dataclasses.replace(old, rotation=view.rotation, translation_mm=view.translation_mm)
        face_camera = camera.cropped(torch.full((1, 2), (canvas_px - face_px) / 2), torch.ones(1))
        return view, self._layout.encode(pose, face_camera, face_px)[0].numpy()


def turned_pack(photos: LabelledPhotos, model: FaceModel, config: TurnConfig, seed: int) -> Pack:
    """New views of the photos that fit well, with known coefficients."""
    usable = photos.good & (photos.fit.error_percent.numpy() <= config.max_error_percent)
    found = (
        PosedPhoto(
            photos.images[row],
            photos.fit.coefficients[row : row + 1],
            _zoomed(photos.fit.camera, row, photos.images[row].shape[0] / FACE_PX),
        )
        for row in map(int, np.flatnonzero(usable))
    )
    return pack_of_views(photos.name, found, len(photos.images), model, config, seed)


def turned_again(relabelled: Relabelled, model: FaceModel, config: TurnConfig, seed: int) -> Pack:
    """New views of the photos of the second round whose geometry is trusted."""
    pack = relabelled.pack
    outputs = torch.from_numpy(np.nan_to_num(pack.outputs))
    coefficients, camera = CoefficientLayout.of(model).decode_weak(outputs, FACE_PX)
    margin = torch.full((len(pack), 2), -(CANVAS_PX - FACE_PX) / 2)
    camera = camera.cropped(margin, torch.ones(len(pack)))
    found = (
        PosedPhoto(np.asarray(pack.canvases[row]), coefficients[row : row + 1], _zoomed(camera, row, 1.0))
        for row in map(int, np.flatnonzero(relabelled.turnable))
    )
    return pack_of_views(pack.name, found, len(pack), model, config, seed)


def _zoomed(camera: WeakPerspectiveCamera, row: int, zoom: float) -> WeakPerspectiveCamera:
    return WeakPerspectiveCamera(
        camera.scale_px_per_mm[row : row + 1] * zoom, camera.principal_px[row : row + 1] * zoom
    )


def pack_of_views(
    name: str, found: Iterable[PosedPhoto], count: int, model: FaceModel, config: TurnConfig, seed: int
) -> Pack:
    """Turned views of posed photos.

    Args:
        name: Of the photos' pack; that of the views follows from it.
        found: The photos.
        count: How many there are altogether; goes into the draws.
        model: The face model.
        config: How photos are turned.
        seed: Of the draws.
    """
    rng = np.random.default_rng((seed, count))
    surface = FaceSurface.of(model)
    turned = track(found, f"turning photos of {name}", "photos")
    views = [view for posed in turned for view in _turned_views(posed, surface, config, rng)]
    canvases = np.zeros((len(views), CANVAS_PX, CANVAS_PX, 3), np.uint8)
    outputs = np.zeros((len(views), CoefficientLayout.of(model).size), np.float32)
    for row, (canvas, output) in enumerate(views):
        canvases[row], outputs[row] = canvas, output
    return Pack(f"{name}_turned", canvases, {}, outputs)


def _turned_views(
    posed: PosedPhoto, surface: FaceSurface, config: TurnConfig, rng: np.random.Generator
) -> list[tuple[np.ndarray, np.ndarray]]:
    turner = PhotoTurner(posed, surface)
    views = []
    for _ in range(config.views):
        yaw, pitch = _sample_turn(turner.yaw_rad, config, rng)
        view, output = turner.turned(yaw, pitch)
        views.append((filled(view.image, view.covered, rng), output))
    return views


def _sample_turn(yaw_rad: float, config: TurnConfig, rng: np.random.Generator) -> tuple[float, float]:
    """Added yaw and pitch in radians; a face that looks aside is turned further the same way."""
    aside = abs(yaw_rad) > math.radians(8)
    sign = math.copysign(1.0, yaw_rad) if aside else float(rng.choice((-1.0, 1.0)))
    low = max(math.radians(config.yaw_deg[0]), abs(yaw_rad))
    target = sign * rng.uniform(low, math.radians(config.yaw_deg[1]))
    return target - yaw_rad, math.radians(config.pitch_deg) * rng.uniform(-1, 1)


def filled(
    image: UInt8[np.ndarray, "side side 3"], covered: Bool[np.ndarray, "side side"], rng: np.random.Generator
) -> UInt8[np.ndarray, "side side 3"]:
    """Put smooth random colours where nothing was drawn."""
    coarse = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
    background = np.asarray(coarse.resize(covered.shape, Image.Resampling.BICUBIC))
    return np.where(covered[..., None], image, background)
