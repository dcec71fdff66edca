import numpy as np
import pytest
import torch

from monoface.core.errors import ModelFileError
from monoface.facemodel import FaceModelData
from monoface.modelling.mesh.symmetry import (
    HalfMesh,
    SurfaceSample,
    mirror_points,
    mirrored_name,
    mirrored_part,
    symmetric_mean,
    whole_from_half,
)

PAIRS = [2, 1, 0, 4, 3, *range(25, 45), *range(5, 25)]


def strip_model(modes: torch.Tensor) -> FaceModelData:
    """Two pairs of points at the same places, one in the mirror plane, and twenty clear pairs above."""
    mean = torch.tensor([[-1.0, 0, 0], [0, 0, 0], [1, 0, 0], [1, 0, 0], [-1, 0, 0]])
    above = torch.arange(1.0, 21.0)
    for side in (-1.0, 1.0):
        mean = torch.cat((mean, torch.stack((side + 0 * above, above, 0 * above), dim=1)))
    verts = len(mean)
    everything = torch.ones(verts, dtype=torch.bool)
    return FaceModelData(
        mean_mm=mean,
        identity_basis_mm=modes,
        expression_basis_mm=torch.zeros(1, verts, 3),
        albedo_mean=torch.zeros(verts, 3),
        albedo_basis=torch.zeros(0, verts, 3),
        faces=torch.tensor([[0, 1, 2]]),
        face_part=torch.zeros(1, dtype=torch.int64),
        part_names=("face",),
        uv=torch.zeros(verts, 2),
        weld=torch.arange(verts),
        mirror=torch.arange(verts),
        regions={"face": everything, "narrow_face": everything},
        landmarks={},
        expression_names=("jawOpen",),
        expression_bounds=(0.0, 1.0),
    )


def test_points_at_one_place_are_told_apart_by_their_modes():
    modes = torch.zeros(1, 45, 3)
    modes[0, 3:, 1] = 1
    assert mirror_points(strip_model(modes)).tolist() == PAIRS


def test_antisymmetric_modes_are_recognised():
    modes = torch.zeros(2, 45, 3)
    modes[0, :, 0] = 1
    modes[1, 3:, 1] = 1
    assert mirror_points(strip_model(modes)).tolist() == PAIRS


def test_lopsided_sources_are_refused():
    modes = torch.zeros(1, 45, 3)
    modes[0, 5:25, 1] = 1
    with pytest.raises(ModelFileError, match="symmetric or antisymmetric"):
        mirror_points(strip_model(modes))


def test_the_symmetric_mean_is_symmetric_to_the_last_bit():
    model = strip_model(torch.zeros(1, 45, 3))
    pair = np.array(PAIRS)
    model.mean_mm[0, 1] = 0.1
    mean = symmetric_mean(model, pair)
    assert np.array_equal(mean[pair] * (-1, 1, 1), mean)
    assert mean[0, 1] == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("name", "mirrored"),
    [("eyeBlinkLeft", "eyeBlinkRight"), ("jawRight", "jawLeft"), ("jawOpen", "jawOpen")],
)
def test_expressions_change_sides(name, mirrored):
    assert mirrored_name(name) == mirrored


def test_eyes_change_sides():
    assert (mirrored_part("eye_left"), mirrored_part("teeth")) == ("eye_right", "teeth")


def test_samples_are_weighted_means():
    sample = SurfaceSample(np.array([[0, 1, 2]]), np.array([[0.5, 0.25, 0.25]]))
    values = np.arange(9.0).reshape(1, 3, 3)
    assert sample.take(values).tolist() == [[[2.25, 3.25, 4.25]]]


def half_square(shared: bool) -> HalfMesh:
    """The right half of a square: four corners, of which the first two lie in the mirror plane."""
    left = 0.5 if shared else 0.6
    return HalfMesh(
        sample=SurfaceSample.at_vertices(np.array((0, 1, 2, 3))),
        point=np.array((0, 1, 2, 3)),
        faces=np.array(((0, 1, 2), (0, 2, 3))),
        face_part=np.array((0, 1)),
        mirrored_part=np.array((0, 2)),
        uv=np.array(((left, 1.0), (left, 0), (1, 0), (1, 1))),
        on_plane=np.array((True, True, False, False)),
    )


def test_halves_are_welded_in_the_mirror_plane():
    mesh = whole_from_half(half_square(shared=True), pair=np.array((0, 1, 4, 5)))
    assert mesh.sample.index[:, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert mesh.mirror.tolist() == [0, 1, 4, 5, 2, 3]
    assert mesh.faces[2:].tolist() == [[4, 1, 0], [5, 4, 0]]
    assert mesh.face_part.tolist() == [0, 1, 0, 2]
    assert mesh.weld.tolist() == [0, 1, 2, 3, 4, 5]


def test_charts_cut_at_the_mirror_plane_share_places_but_not_texture():
    mesh = whole_from_half(half_square(shared=False), pair=np.array((0, 1, 4, 5)))
    assert len(mesh.uv) == 8
    assert mesh.weld.tolist() == [0, 1, 2, 3, 0, 1, 6, 7]
    np.testing.assert_allclose(mesh.uv[mesh.mirror], mesh.uv * (-1, 1) + (1, 0))
