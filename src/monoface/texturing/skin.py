"""Where a photo shows a face's bare skin: neither hair nor glasses nor a hand before it."""

from threading import Lock

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from monoface.geometry.crops import crop_and_resize
from monoface.geometry.roi import box_of_points, roi_of_box
from monoface.networks import FaceParser, fold_batch_norm, load_parser, skin_probability
from monoface.texturing.texturer import PlacedMesh

# Of the shipped parser.
SKIN_WEIGHTS = "parsing.safetensors"
# Side of the crop: a pixel is about two and a half millimetres.
_CROP_PX = 112
# Probabilities of skin between which a vertex begins to count and counts in full.
_DOUBTED, _TRUSTED = 0.3, 0.7


class SkinFinder:
    """Tells by the face parser which vertices show skin. May be used from several threads.

    Args:
        parser: Of crops around faces; the shipped one, if not given, loaded when it is first needed.
    """

    def __init__(self, parser: FaceParser | None = None) -> None:
        self._parser: nn.Module | None = None if parser is None else fold_batch_norm(parser)
        self._lock = Lock()

    @torch.no_grad()
    def trust(self, mesh: PlacedMesh) -> Float[Tensor, " verts"]:
        """How far the photo shows bare skin at vertices, 0 to 1; whether they are visible is not asked.

        What is no skin is widened by a pixel of the crop: at its edges colours mix.
        """
        points_px = mesh.model.landmarks("ibug68").points(mesh.verts_px[None])[0, :, :2]
        left, top, right, bottom = roi_of_box(box_of_points(points_px.numpy()))
        photo = (255 * mesh.photo).round().byte().permute(1, 2, 0).numpy()
        crop = crop_and_resize(photo, np.array((left, top, right, bottom)), _CROP_PX)
        image = torch.from_numpy(crop).permute(2, 0, 1)[None] / 255
        skin = skin_probability(self._loaded()(image))[:, None]
        skin = -torch.nn.functional.max_pool2d(-skin, 3, stride=1, padding=1)
        extent = torch.tensor((right - left, bottom - top)).float()
        grid = (mesh.verts_px[:, :2] - torch.tensor((left, top)).float()) / extent * 2 - 1
        at_verts = torch.nn.functional.grid_sample(
            skin, grid[None, None], padding_mode="border", align_corners=False
        )
        return ((at_verts[0, 0, 0] - _DOUBTED) / (_TRUSTED - _DOUBTED)).clamp(0, 1)

    def _loaded(self) -> nn.Module:
        with self._lock:
            if self._parser is None:
                self._parser = fold_batch_norm(load_parser())
            return self._parser
