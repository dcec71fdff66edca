from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from PIL import Image

from monoface.core.errors import ConfigError, ModelFileError
from monoface.geometry.crops import photo_to_crop
from monoface.geometry.roi import box_of_points, next_roi, roi_of_box
from monoface.pipeline import Reconstructor, ReconstructorConfig


@pytest.fixture
def reconstructor_told(toy_reconstructor, told_detector):
    """Makes a reconstructor whose detector reports given boxes."""

    def make(*boxes, **changes):
        reconstructor = Reconstructor(replace(toy_reconstructor.config, **changes))
        reconstructor.detector = told_detector(*boxes)
        return reconstructor

    return make


def test_every_kind_of_source_gives_the_same(toy_reconstructor, toy_result, photo_array, tmp_path):
    Image.fromarray(photo_array).save(tmp_path / "photo.png")
    sources = [
        tmp_path / "photo.png",
        str(tmp_path / "photo.png"),
        Image.fromarray(photo_array),
        torch.from_numpy(photo_array).permute(2, 0, 1),
        photo_array.astype(np.float32) / 255,
    ]
    for source in sources:
        result = toy_reconstructor.reconstruct(source)
        assert result.status == "ok"
        assert_allclose(result.faces[0].landmarks68_px, toy_result.faces[0].landmarks68_px, atol=0.05)


def test_a_list_gives_a_list_in_order(toy_reconstructor, photo_array):
    black = np.zeros((50, 40, 3), np.uint8)
    photos = [photo_array, black, "missing.jpg", photo_array[:, ::-1]]
    results = list(toy_reconstructor.reconstruct_many(photos))
    assert [result.status for result in results] == ["ok", "no_face", "unreadable", "ok"]
    assert results[1].reason == "no face was found"
    assert "missing" not in results[2].reason
    assert not results[2].all_faces


def test_batches_do_not_matter(toy_reconstructor, toy_face, photo_array):
    results = list(toy_reconstructor.reconstruct_many([photo_array] * 7))
    for result in results:
        assert_allclose(result.faces[0].landmarks68_px, toy_face.landmarks68_px, atol=1e-2)


def test_enlarged_photo_gives_enlarged_landmarks(reconstructor_told, toy_face, photo_array):
    large = np.asarray(Image.fromarray(photo_array).resize((600, 480), Image.Resampling.BICUBIC))
    face = reconstructor_told(3 * toy_face.box).reconstruct(large).faces[0]
    assert_allclose(face.landmarks68_px, 3 * toy_face.landmarks68_px, atol=2)
    assert face.yaw_deg == pytest.approx(toy_face.yaw_deg, abs=2)


def test_results_of_a_reduced_photo_are_in_its_original_pixels(reconstructor_told, photo_array):
    reconstructor = reconstructor_told((70, 20, 110, 60))
    result = reconstructor.reconstruct(np.tile(photo_array, (1, 30, 1)))
    scale = result.photo.scale
    assert reconstructor.detector.seen_sizes == [(round(160 * scale), 4096)]
    assert result.photo.original_size_px == (6000, 160)
    assert_allclose(result.faces[0].box * scale, [70, 20, 110, 60], rtol=1e-6)
    left, top, right, bottom = box_of_points(result.faces[0].landmarks68_px) * scale
    assert 30 < (left + right) / 2 < 150
    assert 0 < (top + bottom) / 2 < 90


def test_two_detections_of_one_face_are_one_face(reconstructor_told, photo_array, toy_face):
    reconstructor = reconstructor_told(toy_face.box, toy_face.box + 1, toy_face.box * 0.3)
    faces = reconstructor.reconstruct(photo_array).faces
    assert len(faces) == 2
    assert np.prod(faces[0].box[2:] - faces[0].box[:2]) > np.prod(faces[1].box[2:] - faces[1].box[:2])


def test_most_faces_and_least_confidence(reconstructor_told, photo_array, toy_face):
    reconstructor = reconstructor_told(toy_face.box * 0.3, toy_face.box, max_faces=1, min_confidence=0.9)
    result = reconstructor.reconstruct(photo_array)
    assert result.status == "low_confidence"
    assert result.faces == ()
    assert_allclose(result.doubtful[0].box, toy_face.box)
    assert "0.50" in result.reason
    assert result.reason.endswith("; 1 smaller ones left out by max_faces")


def test_a_face_beyond_the_border_is_reconstructed(reconstructor_told, photo_array):
    face = reconstructor_told((-40, -30, 40, 50)).reconstruct(photo_array).faces[0]
    assert face.landmarks68_px.min() < 0
    assert face.texture.shape == (64, 64, 3)
    outside = (face.dense_landmarks_px < 0).any(axis=1)
    assert not face.visibility[outside].any()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_faces", 0),
        ("passes", 0),
        ("texture_size", 0),
        ("texture_size", 1024 * 1024),
        ("detail_size", 8192),
        ("batch_size", 0),
        ("threads", 0),
        ("min_confidence", 2),
    ],
)
def test_configurations_that_make_no_sense_are_refused(name, value):
    with pytest.raises(ConfigError, match=name):
        ReconstructorConfig(**{name: value})


def test_a_texture_that_does_not_fit_into_memory_is_refused(monkeypatch):
    monkeypatch.setattr("monoface.pipeline.reconstructor_config.available_bytes", lambda: 10**9)
    with pytest.raises(
        ConfigError, match=r"at most 3712 pixels, .* got 8192, which takes 4.8 GB of the 1.0 GB"
    ):
        Reconstructor(ReconstructorConfig(texture_size=8192))
    ReconstructorConfig(texture_size=3712).refuse_beyond_memory()
    monkeypatch.setattr("monoface.pipeline.reconstructor_config.available_bytes", lambda: None)
    ReconstructorConfig(texture_size=8192).refuse_beyond_memory()


def test_weights_of_another_face_model_are_refused(toy_files, toy_model_data, tmp_path):
    from monoface.facemodel import save_face_model

    _head, weights = toy_files
    other = replace(toy_model_data, identity_basis_mm=toy_model_data.identity_basis_mm.flip(0))
    save_face_model(other, tmp_path / "other.safetensors")
    with pytest.raises(ModelFileError, match="face model they were trained with"):
        Reconstructor(ReconstructorConfig(weights=str(weights), face_model=tmp_path / "other.safetensors"))
    with pytest.raises(ConfigError, match="found none"):
        Reconstructor(ReconstructorConfig(weights=str(weights), face_model=tmp_path / "nothing.safetensors"))


def test_the_last_pass_takes_the_mean_with_the_mirror_image(reconstructor_told, toy_face, photo_array):
    alone = reconstructor_told(toy_face.box, mirror=False).reconstruct(photo_array).faces[0]
    both = reconstructor_told(toy_face.box).reconstruct(photo_array).faces[0]
    mirrored = reconstructor_told(toy_face.box * (-1, 1, -1, 1) + (200, 0, 200, 0))
    mirrored.detector.boxes = [mirrored.detector.boxes[0][[2, 1, 0, 3]]]
    turned = mirrored.reconstruct(np.ascontiguousarray(photo_array[:, ::-1])).faces[0]
    # Heads are turned the other way in a mirror, but for what resampling does.
    assert turned.yaw_deg == pytest.approx(-both.yaw_deg, abs=2)
    assert abs(alone.yaw_deg - both.yaw_deg) > 0.1


def test_a_second_pass_shows_the_network_the_landmarks_it_found(
    reconstructor_told, mapped_weights, toy_face, photo_array, monkeypatch
):
    reconstructor = reconstructor_told(toy_face.box, weights=str(mapped_weights))
    seen, predict = [], reconstructor.regressor.predict

    def watched(crops, landmarks_px=None, **options):
        found = predict(crops, landmarks_px, **options)
        seen.append((landmarks_px, found))
        return found

    monkeypatch.setattr(reconstructor.regressor, "predict", watched)
    face = reconstructor.reconstruct(photo_array).all_faces[0]
    (nothing, first), (shown, second) = seen
    assert nothing is None
    rois = [roi_of_box(toy_face.box)]
    points = reconstructor.face_model.subset(reconstructor.face_model.landmarks("flm18"))
    in_photo = first.in_photo(np.stack(rois), 120).landmarks_px(points)
    landmarks68 = first.in_photo(np.stack(rois), 120).landmarks_px(reconstructor._points)[0]
    new_roi = next_roi(landmarks68, rois[0])
    assert_allclose(shown, photo_to_crop(in_photo, new_roi[None], 120), atol=1e-3)
    assert face.confidence == pytest.approx(float(second.confidence[0]), abs=1e-4)


def test_a_large_jpeg_is_decoded_for_its_texture_only(reconstructor_told, photo_array, tmp_path):
    large = Image.fromarray(photo_array).resize((2000, 1600), Image.Resampling.BICUBIC)
    large.save(tmp_path / "photo.jpg", quality=95)
    reconstructor = reconstructor_told(np.array((700.0, 400, 1300, 1100)))
    result = reconstructor.reconstruct(tmp_path / "photo.jpg")
    assert result.photo.size_px == (2000, 1600)
    assert "image_srgb" not in vars(result.photo)
    (face,) = result.all_faces
    (of_array,) = reconstructor.reconstruct(np.asarray(large)).all_faces
    assert_allclose(face.landmarks68_px, of_array.landmarks68_px, atol=2)
    assert_allclose(face.box, (700, 400, 1300, 1100))
    assert face.texture.shape == (64, 64, 3)
    assert result.photo.image_srgb.shape == (1600, 2000, 3)
    assert "image_srgb" in vars(result.photo)


def test_a_large_array_may_change_once_it_is_reconstructed(reconstructor_told):
    array = np.full((1600, 2000, 3), 90, dtype=np.uint8)
    result = reconstructor_told(np.array((700.0, 400, 1300, 1100))).reconstruct(array)
    array[:] = 0
    assert (result.photo.image_srgb == 90).all()
