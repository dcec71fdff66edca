"""Files of strangers are read within bounds."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from monoface.core.errors import DataError, ImageError
from monoface.data.packing.bounded_files import (
    MAX_TEXT_BYTES,
    pictures_in,
    read_lines,
    read_npy,
    read_npz,
    read_picture,
)


def header(shape, kind="<f8"):
    """The head of an .npy file that claims a shape."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": kind, "fortran_order": False, "shape": shape})
    return buffer.getvalue()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", [np.uint16, np.float32, np.int64])
def test_arrays_are_read_as_numpy_wrote_them(tmp_path, order, kind):
    array = np.asarray(np.arange(24).reshape(2, 3, 4), dtype=kind, order=order)
    np.save(tmp_path / "a.npy", array)
    np.savez_compressed(tmp_path / "a.npz", first=array, second=array[0])
    np.testing.assert_array_equal(read_npy(tmp_path / "a.npy", (2, None, 4)), array)
    read = read_npz(tmp_path / "a.npz", {"first": (None, 3, 4), "second": (3, 4)})
    np.testing.assert_array_equal(read["first"], array)
    assert read["second"].dtype == kind


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (header((-1,)), "expected numbers or texts"),
        (header((2, 2)) + bytes(32), "expected numbers of shape"),
        (header((4,), "|O"), "expected numbers or texts"),
        (header((4,), "<U9") + bytes(144), "expected numbers of shape"),
        (header((2**30,)), "expected at most"),
        (header((4,)) + bytes(31), "expected 32 bytes, got 31"),
        (b"", "expected a readable array"),
        (b"no array at all", "expected a readable array"),
    ],
)
def test_arrays_that_lie_about_themselves_are_refused(tmp_path, content, message):
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_npy(tmp_path / "a.npy", (None,))


def test_archives_that_are_none_or_lack_an_array_are_refused(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"PK")
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as archive:
        archive.writestr("other.npy", header((0,)))
    for name in ("a.npz", "b.npz", "missing.npz"):
        with pytest.raises(DataError, match="expected a readable"):
            read_npz(tmp_path / name, {"wanted": (None,)})


def test_texts_are_small_and_texts(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(" 1 2 \n\n3 4\n")
    assert read_lines(path) == ["1 2", "3 4"]
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="expected a text file"):
        read_lines(path)
    path.write_bytes(b" " * (MAX_TEXT_BYTES + 1))
    with pytest.raises(DataError, match="expected a text of at most"):
        read_lines(path)


def test_pictures_are_read_as_stored_not_turned_by_exif(tmp_path):
    picture = Image.fromarray(np.zeros((4, 6, 3), np.uint8))
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(tmp_path / "a.jpg", exif=exif)
    assert read_picture(tmp_path / "a.jpg").shape == (4, 6, 3)
    (tmp_path / "b.jpg").write_bytes(b"no picture")
    with pytest.raises(ImageError, match="expected a picture"):
        read_picture(tmp_path / "b.jpg")
    with pytest.raises(DataError, match="cannot open it"):
        read_picture(tmp_path / "c.jpg")


def test_links_and_other_files_are_no_pictures(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"")
    (tmp_path / "b.txt").write_bytes(b"")
    (tmp_path / "c.png").symlink_to(tmp_path / "b.txt")
    assert pictures_in(tmp_path) == [tmp_path / "a.jpg"]
