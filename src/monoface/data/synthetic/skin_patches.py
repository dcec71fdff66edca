"""What albedo modes do not express: spots, blushes, beards and make-up, as patches of any colour and size."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from monoface.facemodel import FaceModel

_MOST = 48
# Radius of a patch, a standard deviation.
_RADIUS_MM = (2.0, 30.0)
# How far the channels of a patch go apart, as a part of its strength.
_TINT = 0.35


def sample_marks(
    model: FaceModel, verts_mm: Float[Tensor, "verts 3"], strength: float, rng: np.random.Generator
) -> Float[Tensor, "verts 3"]:
    """Factors of the albedo of one head, symmetric in half of the heads.

    Args:
        model: The face model.
        verts_mm: Its neutral face.
        strength: Standard deviation of a patch's logarithm; heads have from none to twice as much.
        rng: Of everything random.
    """
    face = model.data.regions["face"].nonzero()[:, 0].numpy()
    count = int(rng.integers(1, _MOST))
    centres = verts_mm[torch.from_numpy(rng.choice(face, count))]
    smallest, largest = np.log(_RADIUS_MM)
    radius = np.exp(rng.uniform(smallest, largest, count))
    grey = rng.normal(0, 1, (count, 1)) + _TINT * rng.normal(0, 1, (count, 3))
    height = strength * rng.uniform(0, 2) * grey
    squared = torch.cdist(verts_mm, centres, compute_mode="donot_use_mm_for_euclid_dist").square()
    falloff = torch.exp(-squared / torch.from_numpy(2 * radius**2).float())
    marks = falloff @ torch.from_numpy(height).float()
    if rng.random() < 0.5:
        marks = (marks + marks[model.data.mirror]) / 2**0.5
    return marks.exp()
