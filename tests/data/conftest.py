"""The synthetic head, and packs whose landmarks and coefficients agree."""

import numpy as np
import pytest
import torch
from synthetic_head import synthetic_head

from monoface.data.packs import CANVAS_PX, FACE_PX, Pack
from monoface.facemodel import CoefficientLayout
from monoface.facemodel.fitting import project_points

SETS = ("aflw21", "facemesh468", "ibug68_contour")


@pytest.fixture(scope="session")
def head():
    return synthetic_head()


@pytest.fixture(scope="session")
def labelled_pack(head):
    """Five samples with noise for pictures, known coefficients, and the landmarks that follow from them."""
    rng = torch.Generator().manual_seed(3)
    layout = CoefficientLayout.of(head)
    outputs = torch.zeros(5, layout.size)
    outputs[:, : layout.identity] = torch.randn(5, layout.identity, generator=rng)
    expression = slice(layout.identity, layout.identity + layout.expression)
    outputs[:, expression] = torch.rand(5, layout.expression, generator=rng)
    outputs[:, expression.stop :] = 0.3 * torch.randn(5, 9, generator=rng)
    coefficients, camera = layout.decode(outputs, FACE_PX)
    outputs = layout.encode(coefficients, camera, FACE_PX)
    margin = (CANVAS_PX - FACE_PX) / 2
    points = {
        name: (project_points(head.subset(head.landmarks(name)), coefficients, camera) + margin).numpy()
        for name in SETS
    }
    canvases = np.random.default_rng(4).integers(0, 256, (5, CANVAS_PX, CANVAS_PX, 3), dtype=np.uint8)
    return Pack("labelled", canvases, points, outputs.numpy())


@pytest.fixture(scope="session")
def landmark_pack(labelled_pack):
    """Three of these samples that have nothing but 21 landmarks, one of them unseen in the second sample."""
    points = labelled_pack.points_px["aflw21"][:3].copy()
    points[1, 7] = np.nan
    outputs = np.full((3, labelled_pack.outputs.shape[1]), np.nan, np.float32)
    return Pack("landmarks", labelled_pack.canvases[:3], {"aflw21": points}, outputs)
