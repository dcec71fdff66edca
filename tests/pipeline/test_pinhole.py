"""Faces seen by a pinhole of known focal length: where they were, as large, and in every file."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from PIL import ExifTags, Image
from torch.testing import assert_close

from monoface.core.errors import ConfigError
from monoface.export import read_glb
from monoface.facemodel import FaceCoefficients
from monoface.facemodel.coefficients import white_light
from monoface.geometry.cameras import PerspectiveCamera, WeakPerspectiveCamera, transform_points
from monoface.geometry.rotations import angle_between, head_matrix_from_angles, head_to_camera
from monoface.pipeline import Reconstructor, ReconstructorConfig, WeakPerspective
from monoface.pipeline.pinhole import seen_by_pinhole

MIDDLE = torch.tensor([[320.0, 240.0]])


def posed(yaw_rad: float = 0.3) -> FaceCoefficients:
    angle = torch.tensor([yaw_rad])
    rotation = head_to_camera(head_matrix_from_angles(angle, torch.zeros(1), torch.zeros(1)))
    none = torch.zeros(1, 0)
    light = white_light(none)[None] + torch.randn(1, 9, 3, generator=torch.Generator().manual_seed(1))
    return FaceCoefficients(none, none, none, rotation, torch.tensor([[20.0, -5.0, 1000.0]]), light)


def points(rng) -> torch.Tensor:
    return 50 * torch.randn(1, 40, 3, generator=rng)


def pinhole(focal_px: float) -> PerspectiveCamera:
    return PerspectiveCamera(torch.tensor([focal_px]), MIDDLE)


def pixels(coefficients, camera, points_mm):
    placed = transform_points(coefficients.rotation, coefficients.translation_mm, points_mm)
    return camera.project(placed)[0]


def test_from_far_away_a_pinhole_sees_the_same(rng):
    weak = WeakPerspectiveCamera(torch.tensor([1.3]), torch.tensor([[120.0, 400.0]]))
    points_mm, camera = points(rng), pinhole(1e6)
    found = seen_by_pinhole(posed(), weak, points_mm, camera)
    assert_close(pixels(found, camera, points_mm), pixels(posed(), weak, points_mm), rtol=0, atol=0.2)
    assert_close(angle_between(found.rotation, posed().rotation), torch.zeros(1), atol=1e-3, rtol=0)


def test_on_the_axis_the_distance_is_focal_length_over_scale(rng):
    weak = WeakPerspectiveCamera(torch.tensor([2.0]), MIDDLE)
    points_mm = points(rng)
    points_mm = points_mm - points_mm.mean(dim=1, keepdim=True)
    centred = replace(posed(), translation_mm=torch.tensor([[0.0, 0.0, 1000.0]]))
    found = seen_by_pinhole(centred, weak, points_mm, pinhole(900.0))
    assert_close(found.translation_mm, torch.tensor([[0.0, 0.0, 450.0]]), rtol=1e-4, atol=1e-3)
    assert_close(found.rotation, centred.rotation)
    assert_close(found.light, centred.light, rtol=1e-4, atol=1e-4)


def test_off_the_axis_the_head_turns_with_the_line_of_sight(rng):
    """The pinhole then sees the side of the head that the crop showed, and the light comes along."""
    weak = WeakPerspectiveCamera(torch.tensor([1.0]), torch.tensor([[20.0, 240.0]]))
    points_mm = points(rng)
    points_mm = points_mm - points_mm.mean(dim=1, keepdim=True)
    before = replace(posed(0.0), translation_mm=torch.tensor([[0.0, 0.0, 1000.0]]))
    found = seen_by_pinhole(before, weak, points_mm, pinhole(600.0))
    assert_close(angle_between(found.rotation, before.rotation), torch.atan(torch.tensor([0.5])))
    sight = found.translation_mm / found.translation_mm.norm(dim=-1)
    assert_close(found.rotation @ torch.tensor([0.0, 0.0, -1.0]), sight, rtol=1e-5, atol=1e-5)
    shown = transform_points(found.rotation.mT, torch.zeros(1, 3), torch.eye(3)[None])
    assert_close(shown.norm(dim=-1), torch.ones(1, 3))
    assert_close(found.light[:, 0], before.light[:, 0], rtol=1e-4, atol=1e-4)
    assert not torch.allclose(found.light, before.light, atol=1e-2)
    # Sizes, in the mean over both directions of the picture, stay what they were.
    areas = [pixels(one, camera, points_mm)[0].var(dim=0).prod() for one, camera in
             ((before, weak), (found, pinhole(600.0)))]  # fmt: skip
    assert float(areas[1] / areas[0]) == pytest.approx(1, abs=0.15)


def test_a_pinhole_seen_by_itself_does_not_change(rng):
    camera, points_mm = pinhole(5000.0), points(rng)
    points_mm = points_mm - points_mm.mean(dim=1, keepdim=True)
    before = replace(posed(), translation_mm=torch.tensor([[0.0, 0.0, 4000.0]]))
    found = seen_by_pinhole(before, camera, points_mm, camera)
    assert_close(found.rotation, before.rotation)
    assert_close(found.translation_mm, before.translation_mm, rtol=1e-4, atol=1e-2)


@pytest.fixture(scope="module")
def seen(toy_reconstructor, told_detector, photo_array):
    """The toy's face with the camera of its weights, and in a photo of 40 degrees."""
    results = []
    for angle in (None, 40.0):
        reconstructor = Reconstructor(replace(toy_reconstructor.config, field_of_view_deg=angle))
        reconstructor.detector = told_detector((70, 40, 130, 110))
        results.append(reconstructor.reconstruct(photo_array))
    return results


def test_landmarks_stay_nearly_where_they_were(seen):
    weak, found = (result.all_faces[0] for result in seen)
    size_px = np.ptp(weak.landmarks68_px, axis=0).max()
    moved = np.linalg.norm(found.landmarks68_px - weak.landmarks68_px, axis=1)
    assert 0 < moved.mean() < 0.05 * size_px
    assert_allclose(found.landmarks68_px.mean(axis=0), weak.landmarks68_px.mean(axis=0), atol=0.05 * size_px)
    assert_allclose(found.verts_mm, weak.verts_mm)


def test_all_files_agree_about_the_camera(seen, photo_array, tmp_path):
    found = seen[1].all_faces[0]
    focal_px = 100 / np.tan(np.deg2rad(20))
    found.save(tmp_path / "face.json")
    report = json.loads((tmp_path / "face.json").read_text())
    assert report["camera"]["type"] == "perspective"
    assert report["camera"]["focal_px"] == pytest.approx(focal_px, rel=1e-4)
    assert report["camera"]["principal_px"] == [100.0, 80.0]
    assert_allclose(report["T_camera_model"], found.T_camera_model, atol=1e-4)
    found.save(tmp_path / "face.glb")
    camera = read_glb(tmp_path / "face.glb").camera
    assert_allclose(camera.project(found.verts_mm), found.project(found.verts_mm), atol=0.05)
    drawn = []
    for number, result in enumerate(seen):
        result.save(tmp_path / f"{number}.png")
        overlay = np.asarray(Image.open(tmp_path / f"{number}.png").resize((200, 160)), dtype=int)
        drawn.append(np.abs(overlay[..., :3] - photo_array).max(axis=2) > 10)
    assert (drawn[0] & drawn[1]).sum() > 0.7 * (drawn[0] | drawn[1]).sum()
    assert found.texture.shape == (64, 64, 3)


def test_exif_comes_first_and_its_absence_is_told(toy_reconstructor, told_detector, photo_array):
    def look(picture, **options):
        reconstructor = Reconstructor(replace(toy_reconstructor.config, focal="exif", **options))
        reconstructor.detector = told_detector((70, 40, 130, 110))
        return reconstructor.reconstruct(picture)

    plain, tagged = Image.fromarray(photo_array), Image.fromarray(photo_array)
    tagged.getexif().get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FocalLengthIn35mmFilm] = 50
    focal_px = 50 * np.hypot(200, 160) / np.hypot(36, 24)
    result = look(tagged, field_of_view_deg=30.0)
    assert result.all_faces[0].lens.focal_px == pytest.approx(focal_px, rel=1e-5)
    assert "EXIF" not in result.reason
    without = look(plain)
    assert isinstance(without.all_faces[0].lens, WeakPerspective)
    assert without.reason.endswith("; EXIF tells no focal length")
    other = look(plain, field_of_view_deg=30.0)
    assert other.all_faces[0].lens.focal_px == pytest.approx(100 / np.tan(np.deg2rad(15)), rel=1e-5)


def test_impossible_angles_are_refused():
    with pytest.raises(ConfigError, match="expected 1 to 140 degrees"):
        ReconstructorConfig(field_of_view_deg=200.0)
