import pytest
import torch
from with_tensors import with_tensors

from monoface.geometry.rotations import HALF_TURN_ABOUT_X
from monoface.render import overlay
from monoface.render.overlay import AXIS_COLOURS, LANDMARK_COLOUR

SIZE = (160, 220)
draw_landmarks, draw_mesh, draw_pose_axes = map(
    with_tensors, (overlay.draw_landmarks, overlay.draw_mesh, overlay.draw_pose_axes)
)


@pytest.fixture(params=[0.05, 0.9], ids=["dark", "light"])
def photo(request):
    return torch.full((3, *SIZE), request.param)


def contrast(drawn, photo):
    return (drawn - photo).abs().amax(dim=0)


def test_the_mesh_shows_on_dark_and_light_photos(photo, head, weak_camera):
    verts, faces, _, weld = head
    before = photo.clone()
    drawn = draw_mesh(photo, weak_camera(SIZE, 0.5), verts, faces, weld=weld)
    assert torch.equal(photo, before)
    changed = contrast(drawn, photo)
    assert changed[80, 110] > 0.05
    assert (changed[:, :40] == 0).all()
    # Its shape shows: brightness varies over it.
    assert drawn[:, 60:100, 90:130].std() > 0.02
    assert drawn.min() >= 0
    assert drawn.max() <= 1


def test_the_edge_of_the_mesh_is_smooth(head, weak_camera):
    verts, faces, _, weld = head
    drawn = draw_mesh(torch.zeros(3, *SIZE), weak_camera(SIZE, 0.5), verts, faces, weld=weld, opacity=1.0)
    levels = drawn.amax(dim=0)
    partly = ((levels > 0.02) & (levels < 0.15)).sum()
    assert partly > 20


def test_landmarks_are_dots_with_a_rim(photo):
    drawn = draw_landmarks(photo, torch.tensor(((50.5, 40.5), (120.0, 90.0))), radius_px=4.0)
    assert torch.allclose(drawn[:, 40, 50], torch.tensor(LANDMARK_COLOUR) / 255, atol=0.01)
    assert drawn[:, 40, 45].max() < 0.3
    assert torch.equal(drawn[:, 100:, :50], photo[:, 100:, :50])


def test_landmarks_that_are_nowhere_are_left_out(photo):
    nowhere = torch.tensor(((torch.nan, 3.0), (torch.inf, 0.0)))
    assert torch.equal(draw_landmarks(photo, nowhere), photo)
    outside = draw_landmarks(
        photo, torch.tensor(((-500.0, -500.0), (900.0, 20.0), (110.0, 80.0))), radius_px=3.0
    )
    assert contrast(outside, photo)[80, 110] > 0.2


def test_axes_point_where_the_head_does(photo, weak_camera):
    upright = torch.tensor(HALF_TURN_ABOUT_X)
    drawn = draw_pose_axes(photo, weak_camera(SIZE, 0.5), upright, torch.zeros(3), length_mm=100.0)
    red, green = (torch.tensor(colour) / 255 for colour in AXIS_COLOURS[:2])
    # The subject's left is image right; up is up; out of the face is towards the viewer: a dot.
    assert torch.allclose(drawn[:, 80, 140], red, atol=0.02)
    assert torch.allclose(drawn[:, 50, 110], green, atol=0.02)
    assert drawn[2, 80, 110] > drawn[:2, 80, 110].max() + 0.3
