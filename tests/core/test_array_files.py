"""Arrays of strangers: what numpy wrote comes back, and files that lie about themselves cost no memory."""

import io
import resource
import struct
import zipfile

import numpy as np
import pytest

from monoface.core import array_files
from monoface.core.array_files import open_npz, read_npy
from monoface.core.errors import DataError, ModelFileError

ARRAYS = {
    "numbers": np.asfortranarray(np.arange(24, dtype=np.float32).reshape(2, 3, 4)),
    "texts": np.array(["one", "three"]),
    "truth": np.array([True, False]),
    "one": np.array("recipe"),
    "half": np.ones((2, 2), np.float16),
    "nothing": np.zeros((0, 3), np.int64),
    "swapped": np.arange(3, dtype=">i4"),
}


def header(shape, kind="<f8", version=(1, 0)):
    """The head of an .npy file that claims a shape."""
    buffer = io.BytesIO()
    write = {(1, 0): np.lib.format.write_array_header_1_0, (2, 0): np.lib.format.write_array_header_2_0}
    write[version](buffer, {"descr": kind, "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def read(path, *names, what="arrays", **others):
    with open_npz(path, what, **others) as archive:
        return [archive[name] for name in names or archive.names]


def packed(path, compression=zipfile.ZIP_DEFLATED, **members):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_what_numpy_wrote_comes_back(save, tmp_path):
    save(tmp_path / "a.npz", **ARRAYS)
    with open_npz(tmp_path / "a.npz", "arrays") as archive:
        assert archive.names == list(ARRAYS)
        assert "numbers" in archive
        assert "other" not in archive
        assert archive.header("numbers").shape == (2, 3, 4)
        read = {name: archive[name] for name in archive.names}
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(read[name], array)
        assert read[name].dtype == array.dtype
        assert read[name].flags.writeable
        np.save(tmp_path / "a.npy", array)
        np.testing.assert_array_equal(read_npy(tmp_path / "a.npy", "an array"), array)


HOSTILE = [
    (header((10**12,)), "its header promises 8000000000000"),
    (header((10**6, 10**6, 10**6)), "its header promises 8000000000000000000"),
    (header((2**62, 4)) + bytes(8), "its header promises"),
    (header((-1,)), "expected numbers or texts, got float64 of the shape"),
    (header((4,), "|O"), "expected numbers or texts, got object"),
    (header((10**12,), "<U0"), "expected numbers or texts"),
    (header((4,), "<c16"), "expected numbers or texts, got complex128"),
    (header((4,), [("a", "<f4")]), "expected numbers or texts"),
    (header((4,), version=(2, 0)), "expected an array of format 1.0, got 2.0"),
    (b"\x93NUMPY\x01\x00" + struct.pack("<H", 40) + b"(" * 40, "cannot read it"),
    (b"\x93NUMPY\x01\x00" + struct.pack("<H", 3) + b"{'a", "cannot read it"),
    (header((4,)) + bytes(31), "cannot read it"),
    (b"no array at all", "cannot read it"),
    (b"", "cannot read it"),
]


@pytest.mark.parametrize(("content", "message"), HOSTILE)
def test_arrays_that_lie_about_themselves_are_refused(content, message, tmp_path):
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_npy(tmp_path / "a.npy", "an array")
    packed(tmp_path / "a.npz", a=content)
    with pytest.raises(ModelFileError, match=r"a.npz: expected a model, cannot read it .* Get it anew"):
        read(tmp_path / "a.npz", what="a model", error=ModelFileError, advice="Get it anew.")


def test_bombs_are_not_unfolded(tmp_path):
    """Little that would be much; and many members of which each alone may be read."""
    head, block = header((2**28 // 8,)), bytes(2**24)
    with (
        zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.npy", "w", force_zip64=True) as member,
    ):
        member.write(head)
        for _ in range(2**28 // len(block)):
            member.write(block)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataError, match="expected at most 10000000 bytes, its header promises 268435456"):
        read(tmp_path / "a.npz", most_bytes=10**7)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**16

    content = header((4096,)) + bytes(8 * 4096)
    packed(tmp_path / "b.npz", **{f"a{number}": content for number in range(9)})
    with pytest.raises(DataError, match=r"expected at most 16[0-9]* bytes, its header promises 32768"):
        read(tmp_path / "b.npz", most_bytes=180_000)


def test_files_that_are_not_compressed_may_be_of_any_size(tmp_path, monkeypatch):
    monkeypatch.setattr(array_files, "MAX_UNFOLDED_BYTES", 100)
    np.savez(tmp_path / "a.npz", a=np.ones(1000))
    assert read(tmp_path / "a.npz")[0].sum() == 1000


@pytest.mark.parametrize("content", [None, b"PK", b"no archive"])
def test_files_that_are_none_are_refused(content, tmp_path):
    if content is not None:
        (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"a.npz: expected arrays, cannot read it"):
        read(tmp_path / "a.npz")


def test_a_missing_array_and_a_locked_one_are_refused(tmp_path):
    path = packed(tmp_path / "a.npz", zipfile.ZIP_STORED, a=header((0,)))
    with pytest.raises(DataError, match=r"There is no item named 'b\.npy'"):
        read(path, "b")
    content = bytearray(path.read_bytes())
    # The flag that members are encrypted, in their own heads and in the directory.
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="encrypted"), open_npz(path, "arrays") as archive:
        archive["a"]


def test_an_array_that_is_packed_in_an_unknown_way_is_refused(tmp_path):
    path = tmp_path / "arrays.npz"
    np.savez(path, points=np.zeros(3))
    content = path.read_bytes()
    # The method stands ten bytes into the entry of the directory, and eight into the member's own header.
    entry = content.index(b"PK\x01\x02")
    strange = struct.pack("<H", 99)
    path.write_bytes(content[:8] + strange + content[10 : entry + 10] + strange + content[entry + 12 :])
    with pytest.raises(DataError, match=r"expected arrays, cannot read it \(points: .*compression"):
        read(path, "points")
