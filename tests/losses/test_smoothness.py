import torch
from torch.autograd import gradcheck
from torch.testing import assert_close

from monoface.losses.smoothness import (
    adjacent_triangles,
    adjacent_triangles_difference,
    dead_zone,
    displacement_size,
    map_roughness,
    masked_mean,
    mesh_edges,
    neighbour_deviation,
    normal_change,
)

# A fan of four triangles around vertex 0.
FAN = torch.tensor(((0, 1, 2), (0, 2, 3), (0, 3, 4), (0, 4, 1)))


def test_masked_means_by_hand():
    values = torch.tensor(((1.0, 3.0), (5.0, 7.0)))
    mask = torch.tensor(((1.0, 1.0), (0.0, 0.0)))
    assert_close(masked_mean(values, mask), torch.tensor((2.0, 0.0)))


def test_nothing_valid_has_no_gradient():
    height = torch.ones(2, 3, 3, requires_grad=True)
    displacement_size(height, torch.zeros(2, 3, 3)).sum().backward()
    assert not height.grad.any()


def test_sizes_are_clipped():
    height = torch.tensor((((2.0, 100.0),),))
    assert_close(displacement_size(height, torch.ones(1, 1, 2)), torch.tensor((7.0,)))


def test_no_gradient_inside_the_dead_zone():
    squared = torch.tensor((0.1, 0.3), requires_grad=True)
    dead_zone(squared, 0.2).sum().backward()
    assert_close(squared.grad, torch.tensor((0.0, 1.0)))


def test_change_of_normals_is_a_mean_over_components():
    fine, coarse = torch.zeros(1, 4, 3), torch.zeros(1, 4, 3)
    fine[:, 0, 0] = 3.0
    assert_close(normal_change(fine, coarse, torch.ones(1, 4)), torch.tensor((9 / 12,)))


def test_edges_and_pairs_of_a_fan():
    assert len(mesh_edges(FAN)) == 8
    pairs = {tuple(sorted(pair)) for pair in adjacent_triangles(FAN).tolist()}
    assert pairs == {(0, 1), (1, 2), (2, 3), (0, 3)}


def test_deviation_agrees_with_a_loop(rng):
    values = torch.randn(2, 6, 3, dtype=torch.float64, generator=rng)
    neighbours = {0: (1, 2, 3, 4), 1: (0, 2, 4), 2: (0, 1, 3), 3: (0, 2, 4), 4: (0, 3, 1)}
    expected = torch.full_like(values, 0.2)
    for vertex, around in neighbours.items():
        mean = values[:, list(around)].mean(dim=1)
        expected[:, vertex] = (mean - values[:, vertex]).square().clamp_min(0.2)
    assert_close(neighbour_deviation(values, mesh_edges(FAN), 0.2), expected.flatten(1).mean(dim=1))


def test_a_plane_costs_the_dead_zone_and_pulls_nothing():
    corners = torch.tensor(((0.0, 0, 0), (1, 0, 0), (0, 1, 0), (-1, 0, 0), (0, -1, 0)), dtype=torch.float64)
    verts = (0.1 * corners)[None].requires_grad_()
    value = neighbour_deviation(verts, mesh_edges(FAN), 0.2)
    value.sum().backward()
    assert_close(value, torch.tensor((0.2,), dtype=torch.float64))
    assert not verts.grad.any()


def test_pairs_of_triangles_by_hand():
    normals = torch.tensor((((0.0, 0, 1), (0, 0, 3), (0, 0, 1), (0, 0, 1)),))
    found = adjacent_triangles_difference(normals, torch.tensor(((0, 1), (2, 3))), 0.5)
    # Components of both pairs: (0.5, 0.5, 4) and three times the threshold.
    assert_close(found, torch.tensor((6.5 / 6,)))


def test_roughness_by_hand():
    height = torch.tensor((((0.0, 1.0), (0.0, 1.0)),))
    # Across 1, down 0, both diagonals 1.
    assert_close(map_roughness(height), torch.tensor((3.0,)))


def test_gradients(rng):
    height = torch.randn(2, 4, 5, dtype=torch.float64, generator=rng, requires_grad=True)
    assert gradcheck(map_roughness, (height,))
