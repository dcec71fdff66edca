"""The dense skin of the shipped face model is closed along the seams of its texture."""

import pytest
import torch

from monoface.geometry.triangles import triangle_areas
from monoface.methods.detail import DetailConfig, Displacer
from monoface.pipeline.dense_skin import DenseSkin


@pytest.fixture(scope="module")
def closed(face_model):
    skin = DenseSkin(face_model, Displacer(face_model, DetailConfig(), 128))
    return skin.closed(face_model.mean_mm, torch.zeros(128, 128))


def _open(faces):
    """Vertices at edges of one triangle alone."""
    distinct = (faces != faces.roll(1, dims=1)).all(dim=1)
    faces = faces[distinct]
    edges = torch.cat((faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]])).sort(dim=1).values
    edges, counts = edges.unique(dim=0, return_counts=True)
    return edges[counts == 1].unique()


def test_seams_are_closed_and_openings_are_those_of_the_coarse_skin(face_model, closed):
    skin = face_model.faces[face_model.data.face_part == face_model.data.part_names.index("skin")]
    openings = face_model.mean_mm[_open(face_model.weld[skin])]
    found = closed.points[_open(closed.weld[closed.faces])]
    apart = torch.cdist(found, openings).amin(dim=1)
    # The rims of the lids are narrower than a texel, and some have none.
    eyes = face_model.mean_mm[face_model.data.regions["eyes"]]
    beside_eyes = torch.cdist(found, eyes).amin(dim=1) < 6
    # In 32 bits, distances of equal points come out as up to a tenth of a millimetre.
    assert not ((apart > 0.2) & ~beside_eyes).any()


def test_nothing_of_the_skin_is_missing(face_model, closed):
    skin = face_model.faces[face_model.data.face_part == face_model.data.part_names.index("skin")]
    area = float(triangle_areas(face_model.mean_mm[None], skin).sum())
    assert float(triangle_areas(closed.points[None], closed.faces).sum()) == pytest.approx(area, rel=0.02)
    # Vertices that are welded lie at one place.
    assert torch.equal(closed.points[closed.weld], closed.points)
