"""AFLW2000-3D in its two layouts."""

import io
import tarfile

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from scipy.io import savemat

from monoface.core.errors import DataError
from monoface.data.sources import Aflw2000
from monoface.data.sources.aflw2000 import compute_roi_box


@pytest.fixture
def annotations():
    generator = np.random.default_rng(2)
    points = generator.uniform(40, 150, (3, 68, 3)).astype(np.float32)
    points[2, :, 0] += 150
    return {
        "points68_px": points,
        "points68_reannotated_px": generator.uniform(40, 150, (3, 68, 2)).round().astype(np.float32),
        "yaw_deg": np.array([-75.0, 0.25, 40.5], dtype=np.float32),
    }


@pytest.fixture
def pictures():
    """Smooth pictures, not square, that JPEG changes little."""
    y, x = np.mgrid[:260, :320]
    return [np.stack([x / 320, y / 260, np.full(x.shape, k / 3)], -1) * 255 for k in range(3)]


KEYS = ["image00002", "image00013", "image04375"]


@pytest.fixture
def packed(tmp_path, annotations, pictures):
    folder = tmp_path / "packed"
    folder.mkdir()
    with tarfile.open(folder / "images-0.tar", "w") as archive:
        for key, picture in zip(KEYS, pictures, strict=True):
            buffer = io.BytesIO()
            Image.fromarray(picture.astype(np.uint8)).save(buffer, format="webp", lossless=True)
            entry = tarfile.TarInfo(f"{key}.webp")
            entry.size = len(buffer.getvalue())
            archive.addfile(entry, io.BytesIO(buffer.getvalue()))
    boxes = np.stack([compute_roi_box(p[:, :2] + 0.5, 320, 260) for p in annotations["points68_px"]])
    np.savez(folder / "labels.npz", key=np.array(KEYS), roi_box=boxes, **annotations)
    return folder


@pytest.fixture
def original(tmp_path, annotations, pictures):
    folder = tmp_path / "original"
    folder.mkdir()
    for index, (key, picture) in enumerate(zip(KEYS, pictures, strict=True)):
        Image.fromarray(picture.astype(np.uint8)).save(folder / f"{key}.jpg", quality=95)
        yaw_rad = np.radians(annotations["yaw_deg"][index])
        content = {
            "pt3d_68": annotations["points68_px"][index].T,
            "Pose_Para": np.array([[0.1, yaw_rad, -0.2, 100, 120, -60, 0.001]], dtype=np.float32),
            "Shape_Para": np.zeros((199, 1)),
        }
        savemat(folder / f"{key}.mat", content)
    return folder


def test_both_layouts_say_the_same(packed, original):
    first, second = Aflw2000.open(packed), Aflw2000.open(original)
    assert first.keys == second.keys == tuple(KEYS)
    for ours, theirs in zip(first, second, strict=True):
        assert_array_equal(ours.points68_px, theirs.points68_px)
        assert_array_equal(ours.roi_box, theirs.roi_box)
        assert_allclose(ours.yaw_deg, theirs.yaw_deg, rtol=1e-6)
        assert abs(ours.image.astype(int) - theirs.image).max() < 12
        assert theirs.points68_reannotated_px is None


def test_points_are_shifted_and_depth_is_not(packed, annotations):
    photo = Aflw2000.open(packed)[1]
    raw = annotations["points68_px"][1]
    assert_array_equal(photo.points68_px, np.concatenate([raw[:, :2] + np.float32(0.5), raw[:, 2:]], axis=1))
    assert_array_equal(photo.points68_reannotated_px, annotations["points68_reannotated_px"][1] + 0.5)


def test_a_packed_source_may_lack_the_reannotation(packed):
    labels = dict(np.load(packed / "labels.npz"))
    del labels["points68_reannotated_px"]
    np.savez(packed / "labels.npz", **labels)
    source = Aflw2000.open(packed)
    assert source.points68_reannotated_px is None
    assert source[0].points68_reannotated_px is None


def test_roi_box_by_hand():
    points = np.zeros((68, 2), dtype=np.float32)
    points[0] = (100, 60)
    points[1] = (200, 120)
    points[2:] = (150, 90)
    # Centre (150, 90), side 141.42: edges from 79.3 and 19.3; 0.5 is added as the convention has it.
    assert compute_roi_box(points + np.float32(0.5), 1000, 1000).tolist() == [79, 19, 220, 160]
    assert compute_roi_box(points + np.float32(0.5), 210, 150).tolist() == [79, 19, 210, 150]
    assert compute_roi_box(points - np.float32(79.5), 210, 150).tolist() == [0, 0, 140, 80]


def test_a_folder_with_neither_layout_is_refused(tmp_path):
    with pytest.raises(DataError, match="found neither"):
        Aflw2000.open(tmp_path)
    with pytest.raises(DataError, match=r"expected imageNNNNN\.mat, found none"):
        Aflw2000.from_original(tmp_path)


def test_damaged_annotations_are_refused(original):
    (original / "image00013.mat").write_bytes(b"no matlab file" * 40)
    with pytest.raises(DataError, match=r"image00013\.mat: expected a MATLAB"):
        Aflw2000.open(original)
    savemat(original / "image00013.mat", {"pt3d_68": np.zeros((2, 68))})
    with pytest.raises(DataError, match=r"expected pt3d_68 \(3, 68\) and Pose_Para \(1, 7\)"):
        Aflw2000.open(original)


def test_matlab_7_3_is_refused(original):
    header = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    (original / "image00013.mat").write_bytes(header + b"\x89HDF\r\n\x1a\n" * 50)
    with pytest.raises(DataError, match=r"got MATLAB 7\.3"):
        Aflw2000.open(original)


def test_a_missing_photo_is_refused(original):
    (original / "image00013.jpg").unlink()
    with pytest.raises(DataError, match=r"image00013\.jpg: expected a picture"):
        Aflw2000.open(original)


def test_the_packed_dev_set(data_dir):
    source = Aflw2000.open(data_dir / "aflw2000_dev")
    assert len(source) == 200
    assert source[0].image.shape == (450, 450, 3)
    # The formula gives every box exactly, so points and boxes are in the conventions we say they are.
    boxes = [compute_roi_box(points[:, :2], 450, 450) for points in source.points68_px]
    assert_array_equal(boxes, source.roi_box)
    # Positive yaw: the tip of the nose is left of the middle of the outer eye corners.
    nose = source.points68_px[:, 30, 0] - source.points68_px[:, [36, 45], 0].mean(axis=1)
    assert (nose[source.yaw_deg > 20] < 0).all()
    assert (nose[source.yaw_deg < -20] > 0).all()
    # Depth grows towards the camera: on frontal faces the nose has more of it than the jaw's ends.
    frontal = source.points68_px[abs(source.yaw_deg) < 10]
    assert (frontal[:, 30, 2] > frontal[:, [0, 16], 2].max(axis=1)).all()
