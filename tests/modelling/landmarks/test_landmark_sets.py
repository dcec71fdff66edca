"""Calibrated landmark sets: known points of the head are found from their projections alone."""

import pytest
import torch
from synthetic_head import synthetic_head
from torch.testing import assert_close

from monoface.facemodel import CoefficientLayout, LandmarkSet
from monoface.facemodel.fitting import project_points
from monoface.modelling.landmarks.landmark_sets import calibrate_landmarks


@pytest.fixture(scope="module")
def head():
    return synthetic_head()


@pytest.fixture(scope="module")
def fitted(head):
    """Twenty faces of different shape and pose."""
    rng = torch.Generator().manual_seed(5)
    layout = CoefficientLayout.of(head)
    output = 0.3 * torch.randn(20, layout.size, generator=rng)
    return layout.decode(output, 120)


@pytest.fixture(scope="module")
def candidates(head):
    return head.data.regions["narrow_face"]


def projected(head, points, fitted):
    return project_points(head.subset(points), *fitted)


def test_vertices_are_found(head, fitted, candidates):
    vertices = candidates.nonzero()[::29, 0]
    points = projected(head, LandmarkSet.from_vertices(vertices.numpy()), fitted)
    found = calibrate_landmarks(head, *fitted, points, candidates)
    places = found.points.points(head.mean_mm[None])[0]
    assert_close(places, head.mean_mm[vertices], rtol=0, atol=1e-2)
    assert (found.error_percent < 0.01).all()
    assert found.count.tolist() == [20] * len(vertices)


def test_points_within_triangles_are_found(head, fitted, candidates):
    inside = head.faces[candidates[head.faces].all(dim=1)][::31]
    truth = LandmarkSet(inside, torch.tensor([0.5, 0.25, 0.25]).expand(len(inside), 3))
    found = calibrate_landmarks(head, *fitted, projected(head, truth, fitted), candidates)
    places = [points.points(head.mean_mm[None])[0] for points in (found.points, truth)]
    assert_close(places[0], places[1], rtol=0, atol=1e-2)


def test_missing_and_wrong_annotations_do_not_matter(head, fitted, candidates):
    vertices = candidates.nonzero()[::50, 0]
    points = projected(head, LandmarkSet.from_vertices(vertices.numpy()), fitted)
    points[:6] = torch.nan
    points[6:9] += 50
    found = calibrate_landmarks(head, *fitted, points, candidates)
    places = found.points.points(head.mean_mm[None])[0]
    assert_close(places, head.mean_mm[vertices], rtol=0, atol=1e-2)
    assert found.count.tolist() == [14] * len(vertices)


def test_a_landmark_that_nobody_annotated_has_no_place(head, fitted, candidates):
    found = calibrate_landmarks(head, *fitted, torch.full((20, 1, 2), torch.nan), candidates)
    assert found.error_percent.isinf().all()
    assert found.count.tolist() == [0]


def test_errors_are_in_percent_of_the_face(head, fitted, candidates):
    vertices = candidates.nonzero()[:1, 0]
    points = projected(head, LandmarkSet.from_vertices(vertices.numpy()), fitted)
    narrow = head.mean_mm[candidates][:, :2]
    extent = (narrow.amax(dim=0) - narrow.amin(dim=0)).prod().sqrt()
    rng = torch.Generator().manual_seed(0)
    directions = torch.nn.functional.normalize(torch.randn(20, 1, 2, generator=rng), dim=-1)
    points += 0.02 * directions * (fitted[1].scale_px_per_mm * extent)[:, None, None]
    found = calibrate_landmarks(head, *fitted, points, candidates)
    assert found.error_percent.item() == pytest.approx(2.0, rel=0.3)
