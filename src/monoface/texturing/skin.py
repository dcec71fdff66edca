"""Where a photo shows a face's bare skin: neither hair nor glasses nor a hand before it."""

from threading import Lock

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor, nn

from monoface.core.processes import PerProcess
from monoface.detection.crops import SquareCrop, roll_of_landmarks
from monoface.geometry.roi import SIDE_PER_BOX
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
        self._lock = PerProcess(Lock)

    @torch.no_grad()
    def trust(self, mesh: PlacedMesh, margin_px: int = 1) -> Float[Tensor, " verts"]:
        """How far the photo shows bare skin at vertices, 0 to 1; whether they are visible is not asked.

        Args:
            mesh: The face in its photo.
            margin_px: What is no skin is widened by so many pixels of the crop, of about two and a half
                millimetres: at its edges colours mix, and the parser may be off.
        """
        points_px = mesh.model.landmarks("ibug68").points(mesh.verts_px[None])[0, :, :2]
        square = _upright_square(points_px.double().numpy())
        photo = (255 * mesh.photo).round().byte().permute(1, 2, 0).numpy()
        crop = square.sample(Image.fromarray(photo), _CROP_PX)
        image = torch.from_numpy(crop.copy()).permute(2, 0, 1)[None] / 255
        skin = skin_probability(self._loaded()(image))[:, None]
        skin = -torch.nn.functional.max_pool2d(-skin, 2 * margin_px + 1, stride=1, padding=margin_px)
        # From -1 to 1 over the crop.
        grid = torch.from_numpy(square.from_photo(mesh.verts_px[:, :2].double().numpy(), 2) - 1).float()
        at_verts = torch.nn.functional.grid_sample(
            skin, grid[None, None], padding_mode="border", align_corners=False
        )
        return ((at_verts[0, 0, 0] - _DOUBTED) / (_TRUSTED - _DOUBTED)).clamp(0, 1)

    def _loaded(self) -> nn.Module:
        with self._lock():
            if self._parser is None:
                self._parser = fold_batch_norm(load_parser())
            return self._parser


def _upright_square(points_px: Float[np.ndarray, "68 2"]) -> SquareCrop:
    """Square around the 68 landmarks in which the face stands upright, as in what taught the parser."""
    return SquareCrop.around_points(points_px, SIDE_PER_BOX, roll_of_landmarks(points_px))
