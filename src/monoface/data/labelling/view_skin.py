"""Where views show skin: as a network sees it, or where the fitted face would be seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, UInt8
from torch import Tensor

from monoface.data.packs.view_pack import VIEW_CANVAS_PX, VIEW_FACE_PX
from monoface.data.synthetic.heads import skin_faces
from monoface.facemodel import CoefficientLayout, FaceCoefficients, FaceModel
from monoface.geometry.cameras import transform_points
from monoface.geometry.triangles import vertex_normals
from monoface.raster import Fragments, interpolate, rasterize
from monoface.render.renderer import project

_BATCH = 64
# Cosine of the angle between normal and viewing direction below which texture is smeared.
_GRAZING = 0.25
_MARGIN_PX = (VIEW_CANVAS_PX - VIEW_FACE_PX) // 2


@runtime_checkable
class FindSkin(Protocol):
    """Finds skin in crops of faces, as a parsing network does."""

    @property
    def digest(self) -> str:
        """Identifies how it is found, so that packs that were made otherwise are made anew."""
        ...

    def __call__(self, image: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch height width"]:
        """How probably each pixel shows skin with nothing before it; crops are sRGB in [0, 1]."""
        ...


def find_skin_in(
    canvases: UInt8[np.ndarray, "frames side side 3"],
    boxes: Float[np.ndarray, "frames 4"],
    images: Sequence[UInt8[np.ndarray, "_ _ 3"]],
    outputs: Float32[np.ndarray, "frames outputs"],
    model: FaceModel,
    find: FindSkin | None,
) -> UInt8[np.ndarray, "frames side side"]:
    """Skin of canvases, in 255ths: as a network sees it, or where fitted faces are; none beyond the photos.

    Args:
        canvases: Pictures of the boxes.
        boxes: In pixels of the photos.
        images: The photos.
        outputs: Output vectors for the crops in the middle of the canvases.
        model: The face model.
        find: The network; without it skin is where the fitted face is seen.
    """
    skin = skin_of_faces(model, outputs) if find is None else skin_of_pictures(find, canvases)
    for row, (box, image) in enumerate(zip(boxes, images, strict=True)):
        left, top, right, bottom = _inside(box, image.shape[1], image.shape[0])
        kept = skin[row, top:bottom, left:right].copy()
        skin[row] = 0
        skin[row, top:bottom, left:right] = kept
    return skin


def _inside(box: Float[np.ndarray, " 4"], width: int, height: int) -> tuple[int, ...]:
    """Pixels of a canvas within the photo that its box lies in: left, top, right, bottom."""
    scale = VIEW_CANVAS_PX / (box[2:] - box[:2])
    low = np.ceil((0 - box[:2]) * scale)
    high = np.floor((np.array((width, height)) - box[:2]) * scale)
    edges = np.concatenate((low, high)).clip(0, VIEW_CANVAS_PX).astype(int)
    return tuple(edges.tolist())


def skin_of_faces(
    model: FaceModel, outputs: Float32[np.ndarray, "frames outputs"]
) -> UInt8[np.ndarray, "frames side side"]:
    """Pixels of canvases where the narrow face is seen, eyes and mouth left out, in 255ths.

    Hair may fall over the rest, and a collar over the neck, of which a fitted face knows nothing.

    Args:
        model: The face model.
        outputs: Output vectors for the crops in the middle of the canvases.
    """
    masks = [
        _rendered(model, torch.from_numpy(part))
        for part in np.array_split(outputs, -(-len(outputs) // _BATCH))
    ]
    return np.concatenate(masks) if masks else np.zeros((0, VIEW_CANVAS_PX, VIEW_CANVAS_PX), np.uint8)


@torch.no_grad()
def skin_of_pictures(
    find: FindSkin, canvases: UInt8[np.ndarray, "frames side side 3"]
) -> UInt8[np.ndarray, "frames side side"]:
    """What a network finds in the crops in the middle of canvases; beyond them nothing is known, and 0."""
    inside = slice(_MARGIN_PX, _MARGIN_PX + VIEW_FACE_PX)
    masks = np.zeros(canvases.shape[:3], np.uint8)
    for start in range(0, len(canvases), _BATCH):
        crops = torch.from_numpy(np.ascontiguousarray(canvases[start : start + _BATCH, inside, inside]))
        skin = find(crops.permute(0, 3, 1, 2).float() / 255)
        masks[start : start + _BATCH, inside, inside] = (255 * skin).round().clamp(0, 255).byte().numpy()
    return masks


@torch.no_grad()
def seen_from(
    model: FaceModel, outputs: Float32[np.ndarray, "frames outputs"], rotation: Float[Tensor, "frames 3 3"]
) -> Bool[np.ndarray, "frames side side"]:
    """Pixels of canvases whose surface another view shows at no grazing angle.

    Args:
        model: The face model.
        outputs: Output vectors of the canvases.
        rotation: From the model frame to the camera frame of the other view of each.
    """
    drawn = _Drawn.of(model, torch.from_numpy(outputs))
    own = drawn.coefficients.rotation
    normals = vertex_normals(drawn.verts_camera, model.faces, model.weld)
    # Cameras look along +z, so that what faces them has normals of negative z.
    towards = -(normals @ (rotation @ own.mT).mT)[..., 2:]
    return (interpolate(towards, model.faces, drawn.seen)[..., 0] > _GRAZING).numpy()


@torch.no_grad()
def _rendered(model: FaceModel, outputs: Tensor) -> UInt8[np.ndarray, "frames side side"]:
    seen = _Drawn.of(model, outputs).seen
    on_face = skin_faces(model, "narrow_face")[seen.face_index.clamp_min(0)] & seen.mask
    return (255 * on_face.byte()).numpy()


@dataclass(frozen=True)
class _Drawn:
    """Faces rasterised in canvases."""

    coefficients: FaceCoefficients
    verts_camera: Tensor
    seen: Fragments

    @classmethod
    def of(cls, model: FaceModel, outputs: Tensor) -> "_Drawn":
        coefficients, camera = CoefficientLayout.of(model).decode(outputs, VIEW_FACE_PX)
        count = len(outputs)
        camera = camera.cropped(torch.full((count, 2), -float(_MARGIN_PX)), torch.ones(count))
        verts = model.shape(coefficients.identity, coefficients.expression)
        placed = transform_points(coefficients.rotation, coefficients.translation_mm, verts)
        seen = rasterize(project(camera, placed), model.faces, (VIEW_CANVAS_PX, VIEW_CANVAS_PX))
        return cls(coefficients, placed, seen)
