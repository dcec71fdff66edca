"""Landmark sets: sparse rows of vertex weights, their groups and their mirror images."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from monoface.facemodel import LandmarkSet
from monoface.facemodel.landmarks import FLM18_GROUPS, INNER, JAW, JAW17, LEFT_RIGHT_21, LEFT_RIGHT_68
from monoface.facemodel.mirroring import mirror_order


@pytest.fixture
def verts():
    return torch.tensor([[[0.0, 0, 0], [3, 0, 0], [0, 6, 0], [0, 0, 9]]])


def test_a_point_is_the_weighted_mean_of_its_vertices(verts):
    points = LandmarkSet(torch.tensor([[0, 1], [2, 3]]), torch.tensor([[1.0, 0.0], [0.5, 0.5]]))
    assert_close(points.points(verts), torch.tensor([[[0.0, 0, 0], [0, 3, 4.5]]]))


def test_vertices_make_one_point_each(verts):
    points = LandmarkSet.from_vertices(np.array([3, 1]))
    assert len(points) == 2
    assert_close(points.points(verts), verts[:, [3, 1]])


def test_groups_are_plain_means_of_points(verts):
    points = LandmarkSet.from_vertices(np.arange(4)).grouped(((1,), (1, 2), (0, 2, 3)))
    expected = torch.stack((verts[0, 1], verts[0, [1, 2]].mean(dim=0), verts[0, [0, 2, 3]].mean(dim=0)))
    assert_close(points.points(verts)[0], expected)
    assert_close(points.weight.sum(dim=1), torch.ones(3))


def test_groups_of_barycentric_points_are_means_too(head):
    grouped = head.landmarks("ibug68").grouped(FLM18_GROUPS)
    points = head.landmarks("ibug68").points(head.mean_mm[None])[0]
    expected = torch.stack([points[list(group)].mean(dim=0) for group in FLM18_GROUPS])
    assert_close(grouped.points(head.mean_mm[None])[0], expected, rtol=1e-5, atol=1e-4)


def test_points_follow_the_precision_of_the_vertices(head):
    assert head.landmarks("aflw21").points(head.mean_mm[None].double()).dtype == torch.float64


def test_moving_to_a_device_keeps_the_points(verts):
    points = LandmarkSet.from_vertices(np.array([1, 2]))
    assert_close(points.to(torch.device("cpu")).points(verts), points.points(verts))


@pytest.mark.parametrize("partners", [LEFT_RIGHT_68, LEFT_RIGHT_21])
def test_mirroring_twice_renames_nothing(partners):
    assert [partners[partner] for partner in partners] == list(range(len(partners)))


@pytest.mark.parametrize(("name", "partners"), [("ibug68", LEFT_RIGHT_68), ("aflw21", LEFT_RIGHT_21)])
def test_partners_are_mirror_images_of_each_other(head, name, partners):
    points = head.landmarks(name).points(head.mean_mm[None])[0]
    assert_close(points[list(partners)], points * torch.tensor([-1.0, 1, 1]), rtol=0, atol=1e-3)


def test_jaw_and_inner_points_are_all_68():
    assert tuple(range(68)) == JAW + INNER


def test_outlines_begin_as_the_jaw(head):
    outline = head.landmarks(JAW17).points(head.mean_mm[None])
    assert_close(outline, head.landmarks("ibug68").points(head.mean_mm[None])[:, list(JAW)])
    # Mirroring exchanges the ears, and the chin stays.
    assert mirror_order(head, JAW17).tolist() == list(range(16, -1, -1))
