import pytest
import torch
from torch.testing import assert_close

from monoface.geometry.triangles import triangle_areas
from monoface.render import clip_near

FACE = torch.tensor(((0, 1, 2),))


def clipped_area(verts, near):
    clip = clip_near(verts, FACE.expand(1, 3), near)
    return triangle_areas(clip.extend(verts), clip.faces).sum(dim=-1)


def test_one_corner_behind_by_hand():
    verts = torch.tensor((((0.0, 0.0, 5.0), (4.0, 0.0, 5.0), (0.0, 0.0, 1.0)),))
    clip = clip_near(verts, FACE, 2.0)
    points = clip.extend(verts)[0, 3:]
    expected = torch.tensor(((0.0, 0.0, 5.0), (4.0, 0.0, 5.0), (1.0, 0.0, 2.0), (0.0, 0.0, 2.0)))
    assert_close(points, expected)
    assert clip.faces.tolist() == [[3, 4, 5], [3, 5, 6]]
    assert clip.source_face.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("depths", "share"), [((1, 5, 5), 15 / 16), ((5, 1, 1), 9 / 16), ((1, 1, 1), 0.0), ((5, 5, 5), 1.0)]
)
@pytest.mark.parametrize("roll", [0, 1, 2])
def test_areas_of_what_remains(depths, share, roll):
    plane = torch.tensor(((0.0, 0.0), (4.0, 0.0), (0.0, 4.0)))
    verts = torch.cat((plane, torch.tensor(depths).float()[:, None]), dim=1).roll(roll, dims=0)[None]
    whole = triangle_areas(verts, FACE).sum(dim=-1)
    assert_close(clipped_area(verts, 2.0), share * whole)


def test_meshes_in_front_stay_as_they_are(rng):
    verts = torch.rand(2, 9, 3, generator=rng) + 5
    faces = torch.randint(0, 9, (12, 3), generator=rng)
    clip = clip_near(verts, faces)
    assert torch.equal(clip.faces, faces)
    assert clip.extend(verts) is verts


def test_pictures_of_a_batch_share_faces(rng):
    verts = torch.randn(3, 9, 3, generator=rng) + 1
    faces = torch.randint(0, 9, (20, 3), generator=rng)
    together = clip_near(verts, faces, 0.5)
    areas = triangle_areas(together.extend(verts), together.faces).sum(dim=-1)
    for index in range(3):
        alone = clip_near(verts[index : index + 1], faces, 0.5)
        points = alone.extend(verts[index : index + 1])
        assert_close(areas[index], triangle_areas(points, alone.faces).sum())
        solid = triangle_areas(points, alone.faces)[0] > 0
        assert (points[0, alone.faces[solid].flatten(), 2] >= 0.5 - 1e-5).all()


def test_gradients(rng):
    verts = torch.tensor((((0.0, 0.0, 5.0), (4.0, 0.0, 6.0), (0.0, 3.0, 1.0)),), dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda v: clip_near(v, FACE, 2.0).extend(v), (verts.requires_grad_(),))


def test_a_plane_at_the_camera_is_refused():
    with pytest.raises(ValueError, match="near_mm: expected a distance above 0"):
        clip_near(torch.ones(1, 3, 3), FACE, 0.0)
