import numpy as np
import pytest
from numpy.testing import assert_allclose

from monoface.evaluation.scans.mesh_checks import check_on_mesh, check_seven_landmarks, check_unit
from monoface.evaluation.scans.mesh_predictor import MeshPredictor
from monoface.geometry.surface import Surface


@pytest.fixture(scope="module")
def predictor():
    return MeshPredictor("pretrain")


@pytest.fixture(scope="module")
def photo(repository):
    return repository / "examples" / "astronaut.png"


def test_neutral_meshes_have_the_seven_landmarks_in_their_order(predictor, photo):
    mesh = predictor.neutral(photo)
    seven = mesh.landmarks
    surface = Surface(mesh.file.verts, mesh.file.faces)
    # The subject's right, -x, comes first; the eyes are above the nose, that above the mouth.
    assert (np.diff(seven[:4, 0]) > 0).all()
    assert seven[0, 0] < 0 < seven[3, 0]
    assert seven[:4, 1].min() > seven[4, 1] > seven[5:, 1].max()
    assert seven[5, 0] < seven[6, 0]
    assert check_on_mesh(seven, surface, "astronaut") == check_unit(seven, "mm", "astronaut") == []
    assert check_seven_landmarks(seven, 1.05 * seven[:, [0, 1, 2]], "astronaut") == []


def test_the_neutral_mesh_has_no_expression_and_the_posed_one_has(predictor, photo):
    neutral, posed = predictor.neutral(photo), predictor.posed(photo)
    face = predictor.largest(photo)
    assert_allclose(posed.file.verts, face.verts_mm, atol=1e-3)
    assert np.linalg.norm(posed.file.verts - neutral.file.verts, axis=1).max() > 1


def test_teeth_and_the_inside_of_the_mouth_are_not_what_a_scanner_sees(predictor):
    model = predictor.model
    parts = np.array(model.data.part_names)[np.unique(model.data.face_part.numpy())]
    assert {"teeth", "mouth"} <= set(parts)
    assert len(predictor.faces) < len(model.faces)
    assert len(predictor.faces) > 0.7 * len(model.faces)


def test_without_a_face_it_says_so(predictor):
    assert predictor.largest(np.zeros((64, 64, 3), np.uint8)) == "no face was found"
