"""What a fitted face says about pixels: where skin, nose, mouth and eyes are to be expected in a crop."""

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from monoface.core.errors import ConfigError
from monoface.data.packs.parsing_pack import UNKNOWN
from monoface.data.synthetic.parsing_heads import face_classes
from monoface.facemodel import CoefficientLayout, FaceModel
from monoface.geometry.cameras import transform_points
from monoface.networks import Regressor
from monoface.raster import rasterize


class MeshClasses:
    """A regressor's faces, drawn with the class of each triangle of the narrow face.

    Brows, ears, neck and the bald scalp say nothing, and no more does what lies beside the mesh.

    Args:
        model: The face model.
        regressor: Finds the faces; of that model.

    Raises:
        ConfigError: If the regressor's outputs are not those of the model.
    """

    def __init__(self, model: FaceModel, regressor: Regressor) -> None:
        self._model, self._regressor = model, regressor
        self._layout = CoefficientLayout.of(model)
        if regressor.config.outputs != self._layout.size:
            raise ConfigError(
                f"regressor: expected {self._layout.size} outputs, got {regressor.config.outputs}."
            )
        classes = face_classes(model)
        narrow = model.data.regions["narrow_face"][model.faces].all(dim=1).numpy()
        inner = narrow | (model.data.face_part > 0).numpy()
        # The last entry is found by the index -1: no triangle.
        self._of_face = np.append(np.where(inner, classes, UNKNOWN), np.uint8(UNKNOWN))

    @torch.no_grad()
    def __call__(
        self, crops: Float[Tensor, "batch 3 side side"]
    ) -> tuple[UInt8[np.ndarray, "batch side side"], Float[np.ndarray, " batch"]]:
        """Class of each pixel, 255 where the mesh says nothing, and the regressor's expected log error.

        Args:
            crops: Of the size that the regressor sees.
        """
        side = crops.shape[-1]
        output, log_error = self._regressor.look(crops)
        faces, camera = self._layout.decode(output, side)
        verts = self._model.shape(faces.identity, faces.expression)
        points, depth = camera.project(transform_points(faces.rotation, faces.translation_mm, verts))
        seen: Int[Tensor, "batch side side"] = rasterize(
            torch.cat((points, depth[..., None]), dim=-1), self._model.faces, (side, side)
        ).face_index
        return self._of_face[seen.numpy()], log_error.numpy()
