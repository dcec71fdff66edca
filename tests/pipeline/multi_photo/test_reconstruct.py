"""Several photos of one person, with a small face model and a network of random weights."""

import json
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from monoface.core.errors import ConfigError, ImageError
from monoface.photos.filed import FiledImage
from monoface.pipeline import SharedFace, TogetherConfig, reconstruct_together
from monoface.pipeline.multi_photo import many_photos, reconstruct, shared_face

BLACK = np.zeros((50, 40, 3), np.uint8)


@pytest.fixture(scope="module")
def photos(photo_array):
    return [photo_array, np.ascontiguousarray(photo_array[:, ::-1]), photo_array // 2]


@pytest.fixture(scope="module")
def result(toy_reconstructor, photos):
    return reconstruct_together([photos[0], BLACK, photos[1], "missing.jpg", photos[2]], toy_reconstructor)


def test_every_photo_has_a_status(result):
    assert result.status == "ok"
    assert result.reason == "3 of 5 photos used"
    assert [photo.status for photo in result.photos] == ["ok", "no_face", "ok", "unreadable", "ok"]
    assert [len(photo.faces) for photo in result.photos] == [1, 0, 1, 0, 1]


def test_faces_share_shape_albedo_and_texture_alone(result):
    first, *others = result.faces
    for face in others:
        assert isinstance(face, SharedFace)
        assert_allclose(face.posed.coefficients.identity, first.posed.coefficients.identity)
        assert_allclose(face.skin.appearance.albedo, first.skin.appearance.albedo)
        assert face.texture is first.texture
        assert abs(face.skin.appearance.light - first.skin.appearance.light).max() > 1e-3
    assert result.face in result.faces


def test_each_face_lies_where_it_was(result, toy_reconstructor, photos):
    for photo, face in zip(photos, result.faces, strict=True):
        alone = toy_reconstructor.reconstruct(photo).faces[0]
        size_px = np.ptp(alone.landmarks68_px, axis=0).max()
        away_px = np.linalg.norm(face.landmarks68_px - alone.landmarks68_px, axis=1).mean()
        assert away_px < 0.05 * size_px
        assert_allclose(face.landmarks68_px, _project(face), atol=1e-2)


def _project(face):
    return face.project(face.skin.model.landmarks("ibug68").points(face_verts(face))[0])


def face_verts(face):
    return face.skin.model.shape(face.posed.coefficients.identity, face.posed.coefficients.expression)


def test_one_photo_is_reconstructed_as_alone(toy_reconstructor, photos, toy_face):
    together = reconstruct_together(photos[:1], toy_reconstructor)
    assert_allclose(together.face.landmarks68_px, toy_face.landmarks68_px, atol=1e-2)
    difference = together.face.texture.astype(int) - toy_face.texture
    assert abs(difference).max() <= 2


def test_photos_beyond_a_bound_stay_in_their_files(toy_reconstructor, photos, tmp_path, monkeypatch):
    """Defect: all photos were held, and for each the part that shows the face in four times the memory."""
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path, photo in zip(paths, photos, strict=True):
        Image.fromarray(photo).save(path)
    held = reconstruct_together(paths, toy_reconstructor)
    monkeypatch.setattr(many_photos, "_MOST_HELD_BYTES", photos[0].nbytes)
    filed = reconstruct_together(paths, toy_reconstructor)
    assert [isinstance(photo.photo, FiledImage) for photo in filed.photos] == [False, True, True]
    assert_array_equal(filed.face.texture, held.face.texture)
    assert filed.report() == held.report()
    assert not any("placed_mesh" in vars(skin) for skin in filed.faces[0].skin.shared._skins)
    filed.photos[1].save(tmp_path / "overlay.png")
    again = pickle.loads(pickle.dumps(filed))
    paths[1].unlink()
    assert_array_equal(again.photos[1].photo.image_srgb, photos[1])
    with pytest.raises(ImageError, match="no such file"):
        filed.photos[1].photo.image_srgb  # noqa: B018


def test_a_texture_is_merged_from_a_bounded_number_of_photos(toy_reconstructor, photos, monkeypatch):
    for module in (reconstruct, shared_face):
        monkeypatch.setattr(module, "MOST_MERGED", 2)
    result = reconstruct_together(photos, toy_reconstructor)
    assert result.reason == "3 of 3 photos used, the texture merged from 2 that show most of the face"
    shared = result.face.skin.shared
    assert len(shared.textured) == 2
    assert shared.reference in shared.textured
    assert result.face.texture.any()


def test_nothing_usable(toy_reconstructor, tmp_path):
    result = reconstruct_together([BLACK, "missing.jpg"], toy_reconstructor)
    assert result.status == "nothing_usable"
    assert result.face is None
    assert result.faces == ()
    result.save(tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text())["shared"] is None
    with pytest.raises(ConfigError, match="no photo was usable"):
        result.save(tmp_path / "face.glb")


def test_report_and_head_are_written(result, tmp_path):
    result.save(tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["format"] == "monoface-together-1"
    assert [photo["status"] for photo in report["photos"]] == [photo.status for photo in result.photos]
    found = [face for photo in report["photos"] for face in photo["faces"]]
    identities = [face["coefficients"]["identity"] for face in found]
    assert identities == [report["shared"]["identity"]] * 3
    reference = report["photos"][report["shared"]["reference_photo"]]
    assert reference["faces"][0]["yaw_deg"] == pytest.approx(result.face.yaw_deg, abs=1e-3)
    result.save(tmp_path / "face.glb")
    assert (tmp_path / "face.glb").read_bytes()[:4] == b"glTF"
    with pytest.raises(ConfigError, match="suffix"):
        result.save(tmp_path / "face.fbx")


def test_photos_of_another_person_are_warned_of(toy_reconstructor, photos, tmp_path):
    likeness = np.array([[1, 0.7, 0.0], [0.7, 1, 0.1], [0.0, 0.1, 1]])
    seen = []

    def compare(faces):
        seen.append(len(faces))
        return likeness

    result = reconstruct_together(photos, toy_reconstructor, TogetherConfig(compare=compare))
    assert seen == [3]
    assert len(result.warnings) == 1
    assert "likeness 0.05" in result.warnings[0]
    assert [photo.reason.partition(";")[0] for photo in result.photos] == ["1 face"] * 3
    assert result.photos[2].reason.endswith("may show another person than the other photos (likeness 0.05)")
    result.save(tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text())["warnings"] == list(result.warnings)
    alone = reconstruct_together(photos, toy_reconstructor, TogetherConfig(compare=None))
    assert alone.warnings == ()
    assert_array_equal(likeness.diagonal(), 1)


def test_a_likeness_that_no_cosine_has_is_refused():
    with pytest.raises(ConfigError, match="min_likeness"):
        TogetherConfig(min_likeness=2)
