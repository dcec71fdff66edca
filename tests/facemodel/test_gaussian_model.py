"""A face model with Gaussian expressions and names of its own: fits, mirror images, files."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from gaussian_face import EXPRESSION_NAMES, gaussian_data, gaussian_model
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

from monoface.core.arrays import in_numpy
from monoface.core.errors import ModelFileError
from monoface.facemodel import (
    CoefficientLayout,
    FaceModel,
    LandmarkSet,
    load_face_model_data,
    save_face_model,
)
from monoface.facemodel.blendshape_scale import BlendshapeScale
from monoface.facemodel.fitting import correct_fit, fit_landmarks, project_points
from monoface.facemodel.formulas.mirrored_modes import expression_mirror, mirror_vertices
from monoface.facemodel.mirroring import CoefficientMirror
from monoface.facemodel.parts import eye_height_mm, skin_parts, skin_triangles
from monoface.facemodel.shared_fitting import fit_shared_identity

SIZE_PX = 120


@pytest.fixture(scope="module")
def model():
    return gaussian_model()


@pytest.fixture(scope="module")
def basis(model):
    """Every seventh vertex of the face, enough to tell all coefficients."""
    face = model.data.regions["face"].nonzero()[::7, 0]
    return model.subset(LandmarkSet.from_vertices(face.numpy()))


@pytest.fixture(scope="module")
def truth(model):
    """Three photos of one person; expressions on both sides of zero, beyond one."""
    rng = torch.Generator().manual_seed(3)
    layout = CoefficientLayout.of(model)
    outputs = torch.zeros(3, layout.size)
    outputs[:, :6] = 0.7 * torch.randn(6, generator=rng)
    outputs[:, 6:11] = 1.2 * torch.randn(3, 5, generator=rng)
    outputs[:, 11:] = 0.15 * torch.randn(3, 9, generator=rng)
    assert outputs[:, 6:11].min() < -0.5
    assert outputs[:, 6:11].max() > 1.2
    return outputs


@pytest.fixture(scope="module")
def points(basis, truth):
    return project_points(basis, *CoefficientLayout.of(basis).decode(truth, SIZE_PX))


def test_layouts_of_the_model_and_of_its_points_agree(model, basis):
    layout = CoefficientLayout.of(basis)
    assert layout == CoefficientLayout.of(model) == CoefficientLayout(6, 5, bounded=False)
    assert basis.moved(torch.zeros_like(basis.mean_mm)).bounded is False


def test_a_fit_finds_expressions_on_both_sides_of_zero(basis, truth, points):
    fit = fit_landmarks(basis, points, torch.ones(points.shape[:2]), SIZE_PX)
    assert (fit.error_percent < 0.5).all()
    assert not fit.layout.bounded
    assert_close(fit.coefficients.expression, truth[:, 6:11], rtol=0, atol=0.5)
    assert fit.coefficients.expression.min() < -0.5


def test_a_correction_keeps_a_guess_outside_of_the_range_of_blendshapes(basis, truth, points):
    fit = correct_fit(basis, truth, points, torch.ones(points.shape[:2]), SIZE_PX)
    assert_close(fit.coefficients.expression, truth[:, 6:11], rtol=0, atol=0.05)
    assert (fit.error_percent < 0.3).all()


def test_a_shared_fit_does_not_clamp(basis, truth, points):
    weights = torch.full(points.shape[:2], 1 / points.shape[1])
    start = truth.clone()
    start[:, :6] += 0.3
    output = fit_shared_identity(basis, start, start[0, :6], points, weights, SIZE_PX)
    found = project_points(basis, *CoefficientLayout.of(basis).decode(output, SIZE_PX))
    assert (found - points).norm(dim=-1).mean() < 0.5
    assert_close(output[:, 6:11], truth[:, 6:11], rtol=0, atol=0.2)


@pytest.mark.parametrize("symmetric", [True, False])
def test_mirror_images_are_solved_for_on_the_mesh(model, truth, symmetric):
    """With and without stated mirror images; eyeballs turn to the other side."""
    data = model.data
    if not symmetric:
        data = replace(data, mirror=torch.arange(len(data.mirror)))
    coefficients, _ = CoefficientLayout.of(model).decode(truth, SIZE_PX)
    mirrored = CoefficientMirror(FaceModel(data))(coefficients, torch.ones(3, dtype=torch.bool))
    verts = model.shape(coefficients.identity, coefficients.expression)
    found = model.shape(mirrored.identity, mirrored.expression)
    expected = verts[:, model.data.mirror] * torch.tensor([-1.0, 1.0, 1.0])
    # Turns of the eyes are no linear motion.
    assert (found - expected).norm(dim=-1).max() < 0.1
    assert (mirrored.expression - coefficients.expression).abs().max() > 0.5


def test_mirror_partners_are_found_where_none_are_stated(model):
    data = replace(model.data, mirror=torch.arange(len(model.data.mirror)))
    places = data.mean_mm * torch.tensor([-1.0, 1.0, 1.0])
    assert_close(data.mean_mm[mirror_vertices(in_numpy(data))], places, rtol=0, atol=1e-3)


def test_blendshapes_are_exchanged_by_what_they_do(head_data, head):
    """Not by their names, and exactly."""
    names = tuple(f"shape{number}" for number in range(head.expression_size))
    found = torch.from_numpy(expression_mirror(in_numpy(replace(head_data, expression_names=names))))
    partner = [
        head.expression_names.index(
            name.replace("Left", "Right") if "Left" in name else name.replace("Right", "Left")
        )
        for name in head.expression_names
    ]
    assert torch.equal(found, torch.eye(len(names))[partner])


def test_blendshapes_of_one_side_stay_in_their_range(head_data):
    """A model whose right half has no smile cannot show the mirror image of the left one."""
    kept = [row for row, name in enumerate(head_data.expression_names) if name != "mouthSmileRight"]
    data = replace(
        head_data,
        expression_basis_mm=head_data.expression_basis_mm[kept],
        expression_names=tuple(head_data.expression_names[row] for row in kept),
        eyes={name: replace(eye, gaze_rad=eye.gaze_rad[kept]) for name, eye in head_data.eyes.items()},
    )
    model = FaceModel(data)
    layout = CoefficientLayout.of(model)
    output = torch.zeros(2, layout.size)
    output[:, 4 : 4 + len(kept)] = torch.rand(2, len(kept), generator=torch.Generator().manual_seed(0))
    coefficients, _ = layout.decode(output, SIZE_PX)
    mirrored = CoefficientMirror(model)(coefficients, torch.tensor([True, True]))
    assert mirrored.expression.isfinite().all()
    assert mirrored.expression.min() >= 0
    assert mirrored.expression.max() <= 1


def test_skin_and_eyes_are_found_without_their_names(model, head_data):
    assert skin_parts(model.data) == ("outside",)
    assert torch.equal(skin_triangles(model.data), model.data.face_part == 0)
    assert eye_height_mm(model) == pytest.approx(25, abs=0.5)
    assert skin_parts(head_data) == ("skin",)
    without = FaceModel(replace(model.data, eyes={}))
    assert eye_height_mm(without) == pytest.approx(25, abs=4)


def test_files_keep_what_is_unusual(model, tmp_path):
    path = tmp_path / "gaussian.safetensors"
    save_face_model(model.data, path)
    again = load_face_model_data(path)
    assert again.expression_bounds is None
    assert again.expression_names == EXPRESSION_NAMES
    assert again.part_names == ("outside", "ball_1", "ball_2")
    assert again.regions.keys() == {"face", "narrow_face", "top"}
    assert not FaceModel(again).bounded
    assert CoefficientLayout.of(FaceModel(again)) == CoefficientLayout.of(model)


def test_coefficients_are_handed_on_as_they_are():
    weights = np.array([[-2.0, 0.5, 3.0]])
    assert np.array_equal(BlendshapeScale.unchanged(3)(weights), weights)


def test_other_bounds_are_refused():
    with pytest.raises(ModelFileError, match=r"expression bounds of \(0, 1\), or none .* got \(-1.0, 1.0\)"):
        replace(gaussian_data(), expression_bounds=(-1.0, 1.0))


def test_eyes_that_are_no_parts_are_refused():
    data = gaussian_data()
    with pytest.raises(ModelFileError, match=r"expected eyes that are parts .* got other"):
        replace(data, eyes={"other": data.eyes["ball_1"]})


@pytest.mark.usefixtures("as_installed")
def test_shapes_in_files_are_checked(model, tmp_path):
    """Empty tensors may have any length on their other axes, and would ask for that much memory later."""
    path = tmp_path / "hostile.safetensors"
    save_face_model(model.data, path)
    with safe_open(path, framework="pt") as file:
        header = file.metadata()
    kept = load_file(path)
    wrong = {
        "mean_mm": torch.zeros(len(model.mean_mm), 2),
        "identity_basis_mm": torch.zeros(10**7, 0, 3),
        "albedo_basis": torch.zeros(10**9, 0),
        "faces": torch.zeros(10**9, 0, dtype=torch.int32),
        "uv": torch.zeros(len(model.mean_mm), 3),
        "landmark.ibug68.index": torch.zeros(10**9, 0, dtype=torch.int32),
    }
    for name, tensor in wrong.items():
        save_file(kept | {name: tensor}, path, header)
        with pytest.raises(ModelFileError, match=r"face model: expected .*, got|expected .* vertices in"):
            load_face_model_data(path)


@pytest.mark.usefixtures("as_installed")
def test_a_model_without_vertices_is_refused(model):
    with pytest.raises(ModelFileError, match="expected vertices and triangles, got 0 and"):
        replace(model.data, mean_mm=torch.zeros(0, 3))
