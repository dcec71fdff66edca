"""Sample renders: what the networks make of a few fixed crops, to look at while they train."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from jaxtyping import UInt8
from torch import nn

from monoface.core.arrays import in_numpy, in_torch
from monoface.facemodel import CoefficientLayout, FaceModel
from monoface.facemodel.landmarks import FLM18
from monoface.geometry.cameras import transform_points
from monoface.networks import Regressor
from monoface.regression import CropPredictor, Passes, regress_crops
from monoface.render.overlay import draw_landmarks, draw_mesh
from monoface.training.regressors.validation import ValidationSet

RenderSamples = Callable[[Mapping[str, nn.Module]], UInt8[np.ndarray, "height width 3"]]
"""Draws what networks, by name, make of the samples."""

_ZOOM = 2


def choose_crops(sets: Sequence[ValidationSet], count: int = 8) -> UInt8[np.ndarray, "crops size size 3"]:
    """Crops spread evenly over validation sets: the same ones every time."""
    chosen = []
    for number in range(count):
        crops = sets[number % len(sets)].crops
        share = (number // len(sets) + 0.5) / -(-count // len(sets))
        chosen.append(crops[int(share * len(crops))])
    return np.stack(chosen)


def make_samples(
    model: FaceModel,
    crops: UInt8[np.ndarray, "crops size size 3"],
    layout: CoefficientLayout | None = None,
) -> RenderSamples:
    """Function for the training loop: a grid with the 68 landmarks above and the mesh below.

    Networks with a landmark map look twice, as at inference.

    Args:
        model: The face model.
        crops: RGB, of the size that the regressor sees.
        layout: What its outputs mean; the model's geometry under weak perspective by default.
    """
    layout = layout or CoefficientLayout.of(model)
    basis, mapped = (model.subset(model.landmarks(name)) for name in ("ibug68", FLM18))
    images = torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255
    drawn = model.in_numpy()
    large = nn.functional.interpolate(images, scale_factor=_ZOOM, mode="bilinear")

    @torch.no_grad()
    def render(networks: Mapping[str, nn.Module]) -> UInt8[np.ndarray, "height width 3"]:
        regressor = networks["regressor"]
        assert isinstance(regressor, Regressor)
        predictor = CropPredictor.of_network(regressor, layout)
        found = in_torch(
            regress_crops(predictor, crops, Passes(2 if predictor.sees_landmarks else 1, mapped=mapped))
        )
        coefficients = found.coefficients
        camera = found.camera.cropped(torch.zeros(len(images), 2), torch.full((len(images),), float(_ZOOM)))
        pose = (coefficients.rotation, coefficients.translation_mm)
        verts = transform_points(*pose, model.shape(coefficients.identity, coefficients.expression))
        points = transform_points(*pose, basis(coefficients.identity, coefficients.expression))
        points_px = camera.project(points)[0]
        above, below = [], []
        for row, image in enumerate(large):
            picture, points, own, mesh = in_numpy((image, points_px[row], camera[row : row + 1], verts[row]))
            above.append(draw_landmarks(picture, points))
            below.append(draw_mesh(picture, own, mesh, drawn.faces, weld=drawn.weld))
        grid = np.concat((np.concat(above, axis=2), np.concat(below, axis=2)), axis=1)
        return np.rint(grid * 255).clip(0, 255).astype(np.uint8).transpose(1, 2, 0)

    return render
