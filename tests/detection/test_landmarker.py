"""The user's own file of the face landmarker: what is no such file is refused before any network is made."""

import zipfile

import pytest

from monoface.core.errors import ModelFileError
from monoface.detection.landmarker import FaceLandmarker

NAMES = ("face_landmarks_detector.tflite", "face_blendshapes.tflite")


def archive(path, names=NAMES, compression=zipfile.ZIP_DEFLATED, content=b"network " * 200):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name in names:
            file.writestr(name, content)
    return path


def refused(path):
    with pytest.raises(ModelFileError, match=r"Fetch Google's face_landmarker\.task") as caught:
        FaceLandmarker(path)
    return str(caught.value)


def test_a_missing_file_and_one_that_is_no_archive_are_refused(tmp_path):
    assert "No such file" in refused(tmp_path / "none.task")
    (tmp_path / "text.task").write_text("no archive")
    assert "not a zip file" in refused(tmp_path / "text.task")


def test_an_archive_without_one_of_the_networks_is_refused(tmp_path):
    assert NAMES[1] in refused(archive(tmp_path / "half.task", NAMES[:1]))


def test_damaged_contents_are_refused(tmp_path):
    path = archive(tmp_path / "damaged.task")
    content = bytearray(path.read_bytes())
    start = content.index(NAMES[0].encode()) + len(NAMES[0])
    content[start : start + 8] = b"\xff" * 8
    path.write_bytes(bytes(content))
    refused(path)


@pytest.mark.parametrize(("offset", "value"), [(8, 97), (6, 1)], ids=["unknown compression", "encrypted"])
def test_what_cannot_be_unpacked_is_refused(tmp_path, offset, value):
    """Compression 97, and the flag of encryption, in the local headers and in the directory."""
    path = archive(tmp_path / "odd.task")
    content = bytearray(path.read_bytes())
    for signature, shift in ((b"PK\x03\x04", 0), (b"PK\x01\x02", 2)):
        at = content.find(signature)
        while at >= 0:
            content[at + offset + shift] = value
            at = content.find(signature, at + 4)
    path.write_bytes(bytes(content))
    refused(path)
