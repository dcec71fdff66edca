import torch
from torch.testing import assert_close

from monoface.losses.contour import contour_distance, silhouette_vertices

# A strip of three quads; the first two face the camera.
STRIP = torch.tensor(((0, 1, 4), (1, 5, 4), (1, 2, 5), (2, 6, 5), (2, 3, 6), (3, 7, 6)))
FRONT = torch.tensor(((True, True, True, True, False, False),))


def test_silhouettes_lie_between_front_and_back():
    found = silhouette_vertices(FRONT, STRIP, 8)
    assert found[0].nonzero()[:, 0].tolist() == [2, 6]


def test_the_published_form_finds_none():
    assert not silhouette_vertices(FRONT, STRIP, 8, "count").any()


def _arguments(silhouette):
    verts = torch.tensor((((0.0, 0.0), (10.0, 0.0), (20.0, 0.0), (0.0, 9.0)),), requires_grad=True)
    target = torch.tensor((((1.0, 0.0), (18.0, 0.0)),))
    facing = torch.tensor(((True, False),))
    return verts, (verts[:, :2], facing, target, verts, silhouette, torch.ones(1, 2))


def test_hidden_points_take_the_nearest_of_the_silhouette():
    verts, arguments = _arguments(torch.tensor(((False, False, True, True),)))
    value = contour_distance(*arguments, limit_px=9.0)
    value.sum().backward()
    assert_close(value, torch.tensor(((1.0 + 4.0) / 2,)))
    # The second landmark pulls the silhouette's vertex, not its own.
    assert not verts.grad[0, 1].any()
    assert_close(verts.grad[0, 2], torch.tensor((2.0, 0.0)))


def test_without_a_silhouette_the_cost_is_constant():
    verts, arguments = _arguments(torch.zeros(1, 4, dtype=torch.bool))
    value = contour_distance(*arguments, limit_px=9.0)
    value.sum().backward()
    assert_close(value, torch.tensor(((1.0 + 81.0) / 2,)))
    assert not verts.grad[0, 1:].any()


def test_what_is_too_far_does_not_pull():
    verts, arguments = _arguments(torch.tensor(((False, False, True, False),)))
    value = contour_distance(*arguments, limit_px=1.0)
    value.sum().backward()
    assert_close(value, torch.tensor((1.0,)))
    assert not verts.grad[0, 2].any()


def test_nothing_annotated_costs_nothing():
    _, arguments = _arguments(torch.ones(1, 4, dtype=torch.bool))
    assert_close(contour_distance(*arguments[:-1], torch.zeros(1, 2), limit_px=9.0), torch.zeros(1))
