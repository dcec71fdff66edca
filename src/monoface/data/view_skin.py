"""Where views show skin: as a network sees it, or where the fitted face would be seen."""

from typing import Protocol

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from monoface.data.synthetic import skin_faces
from monoface.data.view_packs import VIEW_CANVAS_PX, VIEW_FACE_PX
from monoface.facemodel import CoefficientLayout, FaceModel
from monoface.geometry.cameras import transform_points
from monoface.raster import rasterize
from monoface.render.renderer import project

_BATCH = 64
_MARGIN_PX = (VIEW_CANVAS_PX - VIEW_FACE_PX) // 2


class FindSkin(Protocol):
    """Finds skin in crops of faces, as a parsing network does."""

    @property
    def digest(self) -> str:
        """Identifies how it is found, so that packs that were made otherwise are made anew."""
        ...

    def __call__(self, image: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch height width"]:
        """How probably each pixel shows skin with nothing before it; crops are sRGB in [0, 1]."""
        ...


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
def _rendered(model: FaceModel, outputs: Tensor) -> UInt8[np.ndarray, "frames side side"]:
    coefficients, camera = CoefficientLayout.of(model).decode(outputs, VIEW_FACE_PX)
    count = len(outputs)
    camera = camera.cropped(torch.full((count, 2), -float(_MARGIN_PX)), torch.ones(count))
    verts = model.shape(coefficients.identity, coefficients.expression)
    placed = transform_points(coefficients.rotation, coefficients.translation_mm, verts)
    seen = rasterize(project(camera, placed), model.faces, (VIEW_CANVAS_PX, VIEW_CANVAS_PX))
    on_face = skin_faces(model, "narrow_face")[seen.face_index.clamp_min(0)] & seen.mask
    return (255 * on_face.byte()).numpy()
