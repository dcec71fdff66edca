import io
import pickle
import tarfile

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from monoface.core.errors import DataError
from monoface.data.sources.archive import (
    FolderImages,
    LabelSpec,
    TarImages,
    decode_class_indices,
    read_labels,
    to_pixel_centre_convention,
)


def picture_bytes(array, image_format="webp"):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, format=image_format, lossless=True)
    return buffer.getvalue()


def write_tar(path, members):
    with tarfile.open(path, "w") as archive:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


@pytest.fixture
def pictures():
    generator = np.random.default_rng(0)
    return {f"{n}.webp": generator.integers(0, 256, (6, 9, 3), dtype=np.uint8) for n in range(5)}


@pytest.fixture
def folder(tmp_path, pictures):
    members = [(name, picture_bytes(array)) for name, array in pictures.items()]
    write_tar(tmp_path / "images-0.tar", members[:3])
    write_tar(tmp_path / "images-1.tar", members[3:])
    return tmp_path


def test_members_of_all_archives_are_found_and_decoded(folder, pictures):
    archive = TarImages(folder)
    assert archive.names == tuple(pictures)
    assert len(archive) == 5
    assert "3.webp" in archive
    for name in reversed(pictures):
        assert_array_equal(archive.decode(name), pictures[name])


def test_an_archive_can_be_sent_to_another_process(folder, pictures):
    archive = pickle.loads(pickle.dumps(TarImages(folder)))
    assert_array_equal(archive.decode("4.webp"), pictures["4.webp"])


def test_grey_pictures_come_out_in_three_channels(tmp_path):
    write_tar(tmp_path / "images-0.tar", [("a.png", picture_bytes(np.full((4, 5), 7, np.uint8), "png"))])
    assert_array_equal(TarImages(tmp_path).decode("a.png"), np.full((4, 5, 3), 7))


def test_a_folder_without_archives_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"expected images-0\.tar"):
        TarImages(tmp_path)


@pytest.mark.parametrize("name", ["../a.webp", "/a.webp", "sub/a.webp", ".hidden", "a\\b.webp"])
def test_members_with_paths_are_refused(tmp_path, name):
    write_tar(tmp_path / "images-0.tar", [(name, b"x")])
    with pytest.raises(DataError, match="expected plain files at the top"):
        TarImages(tmp_path)


def test_links_are_refused(tmp_path):
    with tarfile.open(tmp_path / "images-0.tar", "w") as archive:
        entry = tarfile.TarInfo("a.webp")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(entry)
    with pytest.raises(DataError, match="expected plain files"):
        TarImages(tmp_path)


def test_a_name_that_occurs_twice_is_refused(folder):
    write_tar(folder / "images-2.tar", [("1.webp", b"x")])
    with pytest.raises(DataError, match=r"'1.webp' occurs twice \(first in images-0.tar\)"):
        TarImages(folder)


@pytest.mark.parametrize("kept_bytes", [0, 100, 600, 1024, 1500])
def test_a_truncated_archive_is_refused(folder, kept_bytes):
    path = folder / "images-0.tar"
    path.write_bytes(path.read_bytes()[:kept_bytes])
    with pytest.raises(DataError, match=r"images-0\.tar: (ends|expected a plain tar)"):
        TarImages(folder)


def test_an_archive_that_shrinks_later_is_noticed(folder):
    archive = TarImages(folder)
    (folder / "images-0.tar").write_bytes(b"")
    with pytest.raises(DataError, match=r"expected [0-9]+ bytes, got 0"):
        archive.decode("0.webp")


def test_what_is_no_picture_is_refused_by_name(tmp_path):
    write_tar(tmp_path / "images-0.tar", [("a.webp", b"RIFF no picture"), ("b.webp", b"")])
    archive = TarImages(tmp_path)
    for name in archive.names:
        with pytest.raises(DataError, match=f"{name}: expected a picture"):
            archive.decode(name)
    with pytest.raises(DataError, match="not in the archive, which has 2 members"):
        archive.decode("c.webp")


def test_files_of_a_folder_are_decoded_by_name(tmp_path, pictures):
    (tmp_path / "0.png").write_bytes(picture_bytes(pictures["0.webp"], "png"))
    assert_array_equal(FolderImages(tmp_path).decode("0.png"), pictures["0.webp"])
    with pytest.raises(DataError, match="expected a picture, cannot read it"):
        FolderImages(tmp_path).decode("1.png")


def test_class_indices_are_not_converted():
    indices = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert_array_equal(decode_class_indices(picture_bytes(indices, "png"), "m"), indices)
    with pytest.raises(DataError, match="expected one channel of 8 bits"):
        decode_class_indices(picture_bytes(np.zeros((2, 3, 3), np.uint8), "png"), "m")


def test_labels_are_read_and_others_ignored(tmp_path):
    path = tmp_path / "labels.npz"
    np.savez(
        path, key=np.array(["a", "b"]), person=np.array([3, 4]), other=np.zeros(7), classes=np.array(["x"])
    )
    specs = {"person": LabelSpec("i"), "classes": LabelSpec("U", (1,), per_photo=False)}
    labels = read_labels(path, specs)
    assert sorted(labels) == ["classes", "key", "person"]
    assert labels["person"].tolist() == [3, 4]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"key": np.array(["a", "b"])}, r"lacks \['person'\]"),
        ({"key": np.array(["a", "b"]), "person": np.zeros(2)}, "person: expected kind 'i'"),
        ({"key": np.array(["a", "b"]), "person": np.zeros(3, int)}, r"shape \(2,\), got int64 and \(3,\)"),
        ({"key": np.array(["a", "a"]), "person": np.zeros(2, int)}, "some keys repeat"),
        ({"key": np.array(["a", None], dtype=object), "person": np.zeros(2, int)}, "plain arrays"),
    ],
)
def test_labels_of_another_layout_are_refused(tmp_path, arrays, message):
    path = tmp_path / "labels.npz"
    np.savez(path, **arrays)
    with pytest.raises(DataError, match=message):
        read_labels(path, {"person": LabelSpec("i")})


def test_label_files_that_are_missing_or_damaged_are_refused(tmp_path):
    for content in (None, b"", b"PK\x03\x04 damaged", b"no archive at all"):
        path = tmp_path / "labels.npz"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(DataError, match=r"labels\.npz: expected a readable \.npz"):
            read_labels(path, {})


def test_half_a_pixel_is_added_to_x_and_y_only():
    points = np.array([[1.0, 2.0, 3.0], [np.nan, np.nan, 0.0]])
    assert_array_equal(to_pixel_centre_convention(points), [[1.5, 2.5, 3.0], [np.nan, np.nan, 0.0]])
    assert points[0, 0] == 1.0
