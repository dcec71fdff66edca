"""Validation: errors by hand for a regressor whose output is told, and sets from small folders."""

import io
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image
from synthetic_head import synthetic_head

from monoface.data.packs.photo_pack import CANVAS_PX, FACE_PX, Pack
from monoface.data.preparing.prepared import PreparedFolder
from monoface.data.sources.aflw2000 import compute_roi_box
from monoface.facemodel import CoefficientLayout
from monoface.facemodel.fitting import project_points
from monoface.networks import LandmarkMapConfig, Regressor, RegressorConfig, ResNetConfig
from monoface.training.regressors.validation import (
    ValidationSet,
    make_evaluate,
    prepared_validation_sets,
    validation_errors,
    validation_sets,
)

CROP_PX = 32
LOG_ERROR = -3.0


@pytest.fixture(scope="module")
def head():
    return synthetic_head()


@pytest.fixture(scope="module")
def regressor(head):
    """Says for every crop: a mean face in the middle, log error -3."""
    backbone = ResNetConfig(blocks=(1, 1, 1, 1), width=0.125)
    network = Regressor(RegressorConfig(CoefficientLayout.of(head).size, CROP_PX, backbone)).eval()
    with torch.no_grad():
        network.head.weight.zero_()
        network.error_head.weight.zero_()
        network.error_head.bias.fill_(LOG_ERROR)
    return network


def mean_points(head, name):
    """Where the mean face in the middle of a crop has its points."""
    layout = CoefficientLayout.of(head)
    located = layout.decode(torch.zeros(1, layout.size), CROP_PX)
    return project_points(head.subset(head.landmarks(name)), *located).numpy().astype(np.float64)


def a_set(head, offsets_px, yaw_deg=None, normaliser_px=10.0):
    """Photos whose points all lie (3, 4) times a number from those of the mean face."""
    offsets = np.asarray(offsets_px, dtype=np.float64)[:, None, None] * (3, 4)
    crops = np.zeros((len(offsets), CROP_PX, CROP_PX, 3), np.uint8)
    points = mean_points(head, "aflw21") + offsets
    return ValidationSet("told", "aflw21", crops, points, normaliser_px, yaw_deg)


def test_errors_by_hand(head, regressor):
    errors, logs = validation_errors(regressor, head, a_set(head, [0.0, 0.1, 1.0]))
    np.testing.assert_allclose(errors, [0, 0.05, 0.5], atol=1e-6)
    assert logs.tolist() == [LOG_ERROR] * 3


def test_networks_with_a_map_look_again_with_what_they_found(head):
    backbone = ResNetConfig(blocks=(1, 1, 1, 1), width=0.125, in_channels=4)
    layout = CoefficientLayout.of(head)
    config = RegressorConfig(layout.size, CROP_PX, backbone, LandmarkMapConfig())
    network = Regressor(config).eval()

    def forward(image):
        """Shifted by a pixel where a map shows anything."""
        output = torch.zeros(len(image), layout.size)
        output[:, -2] = image[:, 3].amax(dim=(1, 2)).gt(0.5) / (layout.SHIFT_PER_SIZE * CROP_PX)
        return output, torch.zeros(len(image))

    network.forward = forward
    one = a_set(head, [0.0, 0.0])
    np.testing.assert_allclose(validation_errors(network, head, one)[0], 0, atol=1e-6)
    np.testing.assert_allclose(validation_errors(network, head, one, looks=2)[0], 0.1, atol=1e-5)
    found = make_evaluate(head, [one])({"regressor": network})
    assert found == {"told": pytest.approx(0, abs=1e-4), "told second look": pytest.approx(10, abs=1e-3)}


def test_more_photos_than_a_batch_keep_their_order(head, regressor):
    offsets = np.linspace(0, 2, 230)
    errors, logs = validation_errors(regressor, head, a_set(head, offsets))
    np.testing.assert_allclose(errors, offsets / 2, atol=1e-6)
    assert len(logs) == 230


def test_each_photo_has_its_own_normaliser(head, regressor):
    one = a_set(head, [1.0, 1.0], normaliser_px=np.array([10.0, 50.0]))
    np.testing.assert_allclose(validation_errors(regressor, head, one)[0], [0.5, 0.1], atol=1e-6)


def test_missing_points_are_skipped(head, regressor):
    one = a_set(head, [1.0, 1.0])
    one.points_px[0, :5] = np.nan
    one.points_px[1, 3] += (0, 21)
    expected = [0.5, (20 * 5 + np.hypot(3, 25)) / 21 / 10]
    np.testing.assert_allclose(validation_errors(regressor, head, one)[0], expected, atol=1e-6)


def test_reports_are_in_percent_by_name_and_yaw(head, regressor):
    plain = a_set(head, [0.1, 0.3])
    by_yaw = a_set(head, [0.1, 0.3, 0.4, 1.0], yaw_deg=np.array([0.0, -20, 45, -80]))
    named = ValidationSet(
        "turned", "aflw21", by_yaw.crops, by_yaw.points_px, by_yaw.normaliser_px, by_yaw.yaw_deg
    )
    report = make_evaluate(head, [plain, named])({"regressor": regressor})
    expected = {
        "told": 10, "turned": 40, "turned 0-30": 10, "turned 30-60": 20, "turned 60-90": 50 * 1.0,
    }  # fmt: skip
    expected["turned"] = (10 + 20 + 50) / 3
    assert report == pytest.approx(expected, rel=1e-5)


def test_a_photo_without_an_error_counts_as_wholly_wrong(head, regressor):
    one = a_set(head, [0.0, 0.0])
    one.points_px[1] = np.nan
    assert make_evaluate(head, [one])({"regressor": regressor}) == pytest.approx({"told": 50}, abs=1e-4)


def write_source(folder, images, **labels):
    folder.mkdir()
    keys = [f"{number:04}" for number in range(len(images))]
    with tarfile.open(folder / "images-0.tar", "w") as archive:
        for key, image in zip(keys, images, strict=True):
            buffer = io.BytesIO()
            Image.fromarray(image).save(buffer, format="webp", lossless=True)
            entry = tarfile.TarInfo(f"{key}.webp")
            entry.size = len(buffer.getvalue())
            archive.addfile(entry, io.BytesIO(buffer.getvalue()))
    np.savez(folder / "labels.npz", key=np.array(keys), **labels)


def pictures(count, height, width):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def test_no_folders_make_no_sets(tmp_path):
    assert validation_sets(tmp_path, 120, 10) == []


def test_aflw_gives_its_validation_part(tmp_path):
    images = pictures(3, 120, 120)
    points = np.full((3, 21, 2), 59.5, np.float32)
    split = np.array(["train", "val", "train"])
    write_source(tmp_path / "aflw", images, points21_px=points, split=split)
    (one,) = validation_sets(tmp_path, 120, 10)
    assert (one.name, one.landmark_set) == ("aflw", "aflw21")
    np.testing.assert_array_equal(one.crops, images[1:2])
    assert (one.points_px == 60).all()
    assert one.normaliser_px == pytest.approx(120 / np.sqrt(2))


def test_crops_of_aflw_are_resized_with_their_points(tmp_path):
    points = np.full((1, 21, 2), np.nan, np.float32)
    points[0, 4] = (60.0, 29.5)
    image = np.zeros((120, 120, 3), np.uint8)
    image[:60] = 200
    write_source(tmp_path / "aflw", [image], points21_px=points, split=np.array(["val"]))
    (one,) = validation_sets(tmp_path, 40, 10)
    assert one.crops.shape == (1, 40, 40, 3)
    # Beyond the picture it is black, which its outermost pixels take part in.
    assert one.crops[0, 2:18, 2:-2].min() > 180
    assert one.crops[0, 22:].max() < 20
    # Sources count from the centre of the first pixel.
    np.testing.assert_allclose(one.points_px[0, 4], (60.5 / 3, 10.0), atol=1e-5)
    assert one.normaliser_px == pytest.approx(40 / 2**0.5)


def test_ytf_gives_held_out_people_in_the_crop_of_their_points(tmp_path):
    # The box is 80 wide and 100 high around (112, 112); the crop's half side 100 / sqrt 2.
    points = np.full((3, 68, 2), 111.5, np.float32)
    points[:, 0], points[:, 67] = (71.5, 61.5), (151.5, 161.5)
    labels = {"points68_px": points, "person": np.array([1, 2, 3]), "clip": np.array(["a", "b", "c"])}
    write_source(tmp_path / "ytf", pictures(3, 224, 224), **labels)
    (one,) = validation_sets(tmp_path, 120, 2)
    assert (one.name, one.landmark_set) == ("ytf", "ibug68_contour")
    assert one.crops.shape == (2, 120, 120, 3)
    assert np.isnan(one.points_px[:, :17]).all()
    np.testing.assert_allclose(one.points_px[:, 17:67], 60, atol=1e-6)
    zoom = 120 / (2 * 100 / np.sqrt(2))
    np.testing.assert_allclose(one.points_px[:, 67], [[60 + 40 * zoom, 60 + 50 * zoom]] * 2, atol=1e-6)
    np.testing.assert_allclose(one.normaliser_px, np.sqrt(80 * 100) * zoom)


@pytest.fixture
def aflw2000_labels():
    points = np.random.default_rng(1).uniform(70, 140, (3, 68, 3)).astype(np.float32)
    points[:, 0, :2], points[:, 1, :2] = 59.5, 149.5
    return {
        "points68_px": points,
        "points68_reannotated_px": points[..., :2] + 1,
        "yaw_deg": np.array([10.0, -45, 80], np.float32),
        "roi_box": np.stack([compute_roi_box(one[:, :2] + 0.5, 260, 220) for one in points]),
    }


def test_aflw2000_gives_both_annotations_in_the_usual_crop(tmp_path, aflw2000_labels):
    write_source(tmp_path / "aflw2000_dev", pictures(3, 220, 260), **aflw2000_labels)
    first, second = validation_sets(tmp_path, 120, 10)
    assert (first.name, first.landmark_set) == ("aflw2000", "ibug68")
    assert (second.name, second.landmark_set) == ("aflw2000_reannotated", "ibug68_reannotated")
    assert first.crops.shape == (3, 120, 120, 3)
    assert first.yaw_deg.tolist() == [10, -45, 80]
    # What is normalised does not depend on the crop: a pixel of the photo is a 90th of the box.
    difference = (second.points_px - first.points_px) / np.asarray(first.normaliser_px)[:, None, None]
    np.testing.assert_allclose(difference, 1 / 90, rtol=1e-4)
    assert first.points_px.min() > 0
    assert first.points_px.max() < 120


def test_aflw2000_without_reannotation_is_one_set(tmp_path, aflw2000_labels):
    del aflw2000_labels["points68_reannotated_px"]
    write_source(tmp_path / "aflw2000_dev", pictures(3, 220, 260), **aflw2000_labels)
    assert [one.name for one in validation_sets(tmp_path, 120, 10)] == ["aflw2000"]


def prepared_folder(path, points_px, known):
    """A folder of prepared photos: one shard, whose validation pack has these points."""
    count = len(next(iter(points_px.values())))
    canvases = np.random.default_rng(2).integers(0, 256, (count, CANVAS_PX, CANVAS_PX, 3), dtype=np.uint8)
    outputs = np.full((count, CoefficientLayout.of(synthetic_head()).size), np.nan, np.float32)
    validation = Pack("v", canvases, points_px, outputs)
    empty = Pack("e", canvases[:0], {}, outputs[:0])
    folder = PreparedFolder(path)
    folder.begin({"recipe": "r"})
    folder.save_shard(0, [], {"photos": empty, "turned": empty, "validation": validation}, "r")
    folder.finish(1, {})
    return canvases[known]


def test_prepared_photos_are_measured_against_annotated_points(tmp_path):
    points = np.full((3, 21, 2), 50, np.float32)
    points[1] = np.nan
    marks = np.full((3, 468, 2), 60, np.float32)
    canvases = prepared_folder(tmp_path / "mine", {"aflw21": points, "facemesh468": marks}, [0, 2])
    (one,) = prepared_validation_sets([tmp_path / "mine"], FACE_PX)
    assert (one.name, one.landmark_set, one.normaliser_px) == ("mine", "aflw21", FACE_PX / 2**0.5)
    # The crop is the middle of the canvas, pixel by pixel.
    np.testing.assert_array_equal(one.crops, canvases[:, 20:140, 20:140])
    np.testing.assert_allclose(one.points_px, np.full((2, 21, 2), 30.0))


def test_prepared_photos_without_annotation_are_measured_against_the_teacher(tmp_path):
    marks = np.full((2, 468, 2), 60, np.float32)
    unknown = np.full((2, 21, 2), np.nan, np.float32)
    prepared_folder(tmp_path / "mine", {"aflw21": unknown, "facemesh468": marks}, [0, 1])
    prepared_folder(tmp_path / "none", {"aflw21": unknown}, [0, 1])
    sets = prepared_validation_sets([tmp_path / "none", tmp_path / "mine"], 60)
    assert [(one.name, one.landmark_set, len(one.crops)) for one in sets] == [("mine", "facemesh468", 2)]
    np.testing.assert_allclose(sets[0].points_px, np.full((2, 468, 2), 20.0))
