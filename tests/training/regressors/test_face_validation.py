"""Validation of likeness: openings and identities, for a regressor that is told what to say."""

import numpy as np
import pytest
import torch
from synthetic_head import synthetic_head
from synthetic_packs import labelled_samples

from monoface.data.packs.photo_pack import CANVAS_PX, FACE_PX, Pack
from monoface.data.preparing.prepared import PreparedFolder
from monoface.facemodel import CoefficientLayout
from monoface.facemodel.fitting import project_points
from monoface.networks import Regressor, RegressorConfig, ResNetConfig
from monoface.training.regressors.face_validation import (
    FaceValidationSet,
    face_validation_sets,
    make_face_evaluate,
    openings_over_size,
)

CROP_PX = 32


def opened(lids, lips):
    """68 points of a face whose box is 100 high, with given gaps of lids and lips."""
    points = np.zeros((len(lids), 68, 2))
    points[:, 8, 1] = 100.0
    for rows, gaps in (((41, 40, 47, 46), lids), ((67, 66, 65), lips)):
        points[:, list(rows), 1] = np.asarray(gaps)[:, None]
    return points


def test_openings_by_hand():
    points = opened([2.0, 5.0], [30.0, 0.0])
    np.testing.assert_allclose(openings_over_size(points), [[0.02, 0.3], [0.05, 0.0]])
    np.testing.assert_allclose(openings_over_size(3 * points), openings_over_size(points))
    points[0, 40] = np.nan
    found = openings_over_size(points)
    assert np.isnan(found[0, 0])
    assert found[0, 1] == pytest.approx(0.3)


@pytest.fixture(scope="module")
def head():
    return synthetic_head()


@pytest.fixture(scope="module")
def layout(head):
    return CoefficientLayout.of(head)


@pytest.fixture
def known(head, layout):
    """Eight samples of noise with the points and identities of known faces that look at the camera."""
    outputs = torch.zeros(8, layout.size)
    rng = torch.Generator().manual_seed(0)
    outputs[:, : layout.identity] = torch.randn(8, layout.identity, generator=rng)
    expression = slice(layout.identity, layout.identity + layout.expression)
    outputs[:, expression] = torch.rand(8, layout.expression, generator=rng)
    basis = head.subset(head.landmarks("ibug68_reannotated"))
    points = project_points(basis, *layout.decode(outputs, CROP_PX)).numpy().astype(np.float64)
    crops = np.zeros((8, CROP_PX, CROP_PX, 3), np.uint8)
    return FaceValidationSet("known", crops, points, outputs[:, : layout.identity].numpy()), outputs


def told(layout, outputs):
    """A regressor that says the same of the same rows."""
    backbone = ResNetConfig(blocks=(1, 1, 1, 1), width=0.125)
    network = Regressor(RegressorConfig(layout.size, CROP_PX, backbone)).eval()
    network.forward = lambda image: (outputs[: len(image)], torch.zeros(len(image)))
    return {"regressor": network}


def test_the_truth_is_right(head, layout, known):
    one, outputs = known
    found = make_face_evaluate(head, [one], layout)(told(layout, outputs))
    assert found["known lips correlation"] == pytest.approx(1, abs=1e-4)
    assert found["known lips slope"] == pytest.approx(1, abs=1e-3)
    assert found["known lids slope"] == pytest.approx(1, abs=1e-3)
    assert found["known identity mm"] == pytest.approx(0, abs=1e-4)
    assert found["known spread mm"] > 0.1
    assert found["known mean mm"] > 0.1


def test_a_mean_face_for_everybody_knows_nobody(head, layout, known):
    one, outputs = known
    mean = make_face_evaluate(head, [one], layout)(told(layout, torch.zeros_like(outputs)))
    assert mean["known identity mm"] == pytest.approx(mean["known mean mm"])
    assert mean["known spread mm"] == pytest.approx(0, abs=1e-5)
    assert mean["known lips slope"] == pytest.approx(0, abs=1e-6)
    assert mean["known lips correlation"] == 0


def test_faces_that_look_aside_have_no_openings(head, layout, known):
    one, outputs = known
    aside = outputs.clone()
    # The first column of the rotation, of a head that looks to the side.
    aside[:, -9:-3] = torch.tensor([-1.0, 0.0, -1.0, 0.0, 0.0, 0.0])
    found = make_face_evaluate(head, [one], layout)(told(layout, aside))
    assert not any("lips" in name for name in found)
    assert "known identity mm" in found


def test_unknown_people_and_unmarked_photos_say_nothing(head, layout, known):
    one, outputs = known
    nothing = FaceValidationSet("known", one.crops, one.points_px * np.nan, one.identity * np.nan)
    assert make_face_evaluate(head, [nothing], layout)(told(layout, outputs)) == {}


def test_prepared_folders_give_sets(head, tmp_path):
    labelled = labelled_samples()
    margin = (CANVAS_PX - FACE_PX) / 2
    points = {"ibug68_reannotated": np.full((5, 68, 2), margin + 30, np.float32)}
    validation = Pack("people", labelled.canvases, points, labelled.outputs)
    empty = labelled.chosen("people", np.zeros(0, np.int64))
    folder = PreparedFolder(tmp_path / "people")
    folder.begin({"recipe": "r"})
    folder.save_shard(0, [], {"photos": labelled, "turned": empty, "validation": validation}, "r")
    folder.finish(1, {})
    (one,) = face_validation_sets([tmp_path / "people"], head, 60)
    assert one.crops.shape == (5, 60, 60, 3)
    np.testing.assert_allclose(one.points_px, 15)
    np.testing.assert_allclose(one.identity, labelled.outputs[:, : head.identity_size])
