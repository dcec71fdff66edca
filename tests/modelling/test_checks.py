from dataclasses import replace

import numpy as np
import pytest
import torch

from monoface.modelling.checks import (
    FOLDING_BY_DESIGN,
    REWRITTEN,
    check_face_model,
    faces_are_symmetric,
    folded_triangles,
    mean_asymmetry,
    skin_loops,
    uv_overlaps,
)


def test_triangles_that_share_an_edge_do_not_overlap():
    uv = np.array(((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)))
    assert len(uv_overlaps(uv, np.array(((0, 1, 2), (0, 2, 3))))) == 0


def test_triangles_that_cross_or_contain_each_other_overlap():
    uv = np.array(
        ((0.1, 0.1), (0.9, 0.1), (0.5, 0.9), (0.4, 0.2), (0.6, 0.2), (0.5, 0.4), (0.45, 0.95), (0.55, 0.95))
    )
    faces = np.array(((0, 1, 2), (3, 4, 5), (5, 7, 6)))
    assert uv_overlaps(uv, faces).tolist() == [[0, 1], [0, 2]]


def test_overlaps_do_not_depend_on_winding():
    uv = np.array(((0.1, 0.1), (0.9, 0.1), (0.5, 0.9), (0.5, 0.5), (0.6, 0.5), (0.5, 0.6)))
    assert len(uv_overlaps(uv, np.array(((2, 1, 0), (3, 4, 5))))) == 1


def test_the_shipped_model_folds_nowhere_but_where_it_must(face_model):
    folded = folded_triangles(face_model.data)
    assert folded.keys() == {"neutral", *face_model.expression_names}
    assert {name for name, count in folded.items() if count} <= set(FOLDING_BY_DESIGN)


def test_the_shipped_model_is_symmetric(face_model):
    data = face_model.data
    assert mean_asymmetry(data) == 0
    assert faces_are_symmetric(data)
    mirrored = data.uv[data.mirror] * data.uv.new_tensor((-1.0, 1.0)) + data.uv.new_tensor((1.0, 0.0))
    torch.testing.assert_close(mirrored, data.uv, rtol=0, atol=1e-6)


def test_the_shipped_model_has_its_loops(face_model):
    # Lips, neck and two lids, each one closed curve; the lids are mirror images.
    loops = skin_loops(face_model.data)
    assert len(loops) == 4
    assert min(loops) >= 40
    assert loops[2] == loops[3]


def test_the_shipped_texture_has_no_overlaps(face_model):
    data = face_model.data
    assert len(uv_overlaps(data.uv.double().numpy(), data.faces.numpy())) == 0
    assert data.uv.min() >= 0
    assert data.uv.max() <= 1


def test_the_shipped_model_reproduces_its_source(face_model, data_dir):
    from monoface.facemodel import read_ict_facekit

    source = read_ict_facekit(data_dir / "ict_facekit" / "ict_facekit_light.npz")
    report = check_face_model(source, face_model.data, samples=500)
    # Identity parts no lips, which the source's does: that is most of the distance.
    assert report.identity_rms_mm.max() < 0.6
    assert max(error for name, error in report.expression_rms_mm.items() if name not in REWRITTEN) < 0.3


def test_a_fold_is_noticed(face_model):
    mean = face_model.mean_mm.clone()
    narrow = face_model.data.regions["narrow_face"].nonzero()[:, 0]
    corner = int(narrow[len(narrow) // 2])
    row = int((face_model.faces == corner).any(dim=1).nonzero()[0])
    others = [v for v in face_model.faces[row].tolist() if v != corner]
    mean[corner] = 2 * mean[others].mean(dim=0) - mean[corner]
    data = replace(face_model.data, mean_mm=mean)
    assert folded_triangles(data)["neutral"] > 0
    assert mean_asymmetry(data) == pytest.approx(
        float((mean[corner] - face_model.mean_mm[corner]).norm()), rel=1e-4
    )
