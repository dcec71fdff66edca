"""From a photo to its files with a face model of Gaussian expressions and names of its own."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from gaussian_face import EXPRESSION_NAMES, EXPRESSIONS, gaussian_files, gaussian_model

from monoface.displacement.displacer import Displacer
from monoface.export.glb_reader import read_glb
from monoface.methods.detail import DetailConfig
from monoface.pipeline import Reconstructor, ReconstructorConfig
from monoface.pipeline.dense_skin import DenseSkin
from monoface.pipeline.multi_photo.reconstruct import bring_together
from monoface.pipeline.writing.scene import rigged_head
from monoface.texturing.filling import ColourSpreader


@pytest.fixture(scope="module")
def reconstructor(tmp_path_factory, told_detector):
    model, weights = gaussian_files(tmp_path_factory.mktemp("gaussian"))
    config = ReconstructorConfig(weights=str(weights), face_model=model, texture_size=64, min_confidence=0)
    reconstructor = Reconstructor(config)
    reconstructor.detector = told_detector((70, 40, 130, 110))
    return reconstructor


@pytest.fixture(scope="module")
def face(reconstructor, photo_array):
    return reconstructor.reconstruct(photo_array).faces[0]


def test_expressions_leave_the_range_of_blendshapes(face):
    expression = face.posed.coefficients.expression[0]
    assert expression.min() < -0.5
    assert expression.max() > 0.5
    assert np.isfinite(face.verts_mm).all()


def test_numbers_by_name_are_the_coefficients(face):
    assert tuple(face.blendshapes) == EXPRESSION_NAMES
    assert list(face.blendshapes.values()) == pytest.approx(face.posed.coefficients.expression[0].tolist())


def test_mirror_images_give_the_mirrored_face(reconstructor, photo_array, told_detector):
    """A photo and its mirror image are looked at both ways, so their faces are mirror images."""
    model = reconstructor.face_model
    found = []
    for photo, box in ((photo_array, (70, 40, 130, 110)), (photo_array[:, ::-1].copy(), (70, 40, 130, 110))):
        other = Reconstructor(replace(reconstructor.config, passes=1))
        other.detector = told_detector(box)
        found.append(other.reconstruct(photo).faces[0].verts_mm)
    mirrored = found[1][model.data.mirror] * (-1, 1, 1)
    np.testing.assert_allclose(mirrored, found[0], rtol=0, atol=0.1)


def test_the_texture_shows_the_photo_and_is_filled(face):
    assert face.texture.shape == (64, 64, 3)
    assert face.texture.std() > 0
    assert np.isfinite(face.skin.appearance.light).all()


def test_colours_are_spread_over_the_skin_alone():
    model = gaussian_model().in_numpy()
    spreader = ColourSpreader(model)
    ones = np.ones(len(model.mean_mm), np.float32)
    spread = spreader.spread(np.repeat(ones[:, None], 3, axis=1), ones)
    skin = np.zeros(len(ones), bool)
    skin[model.faces[model.data.face_part == 0]] = True
    np.testing.assert_allclose(spread[skin], 1, rtol=1e-5)
    assert (spread[~skin] == 0).all()


def test_a_glb_has_its_parts_morphs_and_turning_eyes(face, tmp_path):
    path = tmp_path / "face.glb"
    face.save(path)
    head = rigged_head(face.posed, face.skin)
    assert {part.name for part in head.parts} == {"outside", "ball_1", "ball_2"}
    assert {part.material for part in head.parts} == {"outside", "eyes"}
    assert head.morph_names == EXPRESSION_NAMES
    assert head.morph_weights.min() < -0.5
    morphs = read_glb(path).parts["outside"].morphs
    assert tuple(morphs) == EXPRESSION_NAMES
    assert list(morphs.values()) == pytest.approx(face.posed.coefficients.expression[0].tolist())


def test_a_report_tells_coefficients_by_name(reconstructor, photo_array, tmp_path):
    path = tmp_path / "face.json"
    reconstructor.reconstruct(photo_array).save(path)
    told = json.loads(path.read_text())["faces"][0]
    assert tuple(told["blendshapes"]) == EXPRESSION_NAMES
    assert min(told["blendshapes"].values()) < -0.5
    assert len(told["coefficients"]["expression"]) == EXPRESSIONS


def test_faces_of_one_person_get_one_identity(face):
    both = bring_together([face, face])
    np.testing.assert_array_equal(both[0].identity, both[1].identity)
    assert both[0].posed.coefficients.expression.min() < -0.5
    np.testing.assert_allclose(both[0].verts_mm, face.verts_mm, rtol=0, atol=1.0)


def test_fine_meshes_are_of_the_skin_alone():
    model = gaussian_model()
    displacer = Displacer(model, DetailConfig(), 64)
    dense = DenseSkin(model, displacer)
    assert len(dense.faces)
    points = dense.points(model.mean_mm, torch.zeros(64, 64))
    assert points.isfinite().all()
    # The balls' charts begin at 0.81.
    assert float(dense.uv[:, 1].max()) < 0.8
