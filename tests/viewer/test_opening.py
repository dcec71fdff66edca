import hashlib
import json

import numpy as np
import pytest
from PIL import Image

from monoface.core.errors import ConfigError, ImageError
from monoface.viewer import open_file


@pytest.fixture
def saved(tmp_path, glb, contents):
    """A result of one photo in a folder, with the photo beside it."""
    photo = contents.photos[0]
    Image.fromarray(photo.picture).save(tmp_path / "me.png")
    Image.fromarray(photo.overlay).save(tmp_path / "me.overlay.png")
    (tmp_path / "me.face0.glb").write_bytes(glb)
    report = {
        "format": "monoface-photo-1",
        "photo": {"name": "me.png", "size_px": list(photo.size_px)},
        "photo_sha256": hashlib.sha256((tmp_path / "me.png").read_bytes()).hexdigest(),
        "status": "ok",
        "reason": "1 face",
        "faces": [dict(contents.faces[0].report)],
        "doubtful_faces": [],
        "files": {"me.face0.glb": len(glb), "me.overlay.png": 1},
    }
    path = tmp_path / "me.json"

    def write(**changes):
        path.write_text(json.dumps(report | changes))
        return path

    return write


def colour(picture):
    return np.median(picture.reshape(-1, 3), axis=0).tolist()


def test_a_file_alone_is_a_head_without_a_photo(tmp_path, glb):
    path = tmp_path / "some head.glb"
    path.write_bytes(glb)
    found = open_file(path)
    assert (found.title, found.photos, found.faces[0].glb) == ("some head.glb", (), glb)


def test_a_result_shows_its_photo_and_its_overlay(saved):
    found = open_file(saved())
    assert (found.title, found.status, found.reason) == ("me.png", "ok", "1 face")
    assert colour(found.photos[0].picture) == [40, 90, 40]
    assert colour(found.photos[0].overlay) == [90, 40, 90]
    assert found.faces[0].report["yaw_deg"] == 12.34
    assert found.report_name == "me.json"


def test_another_photo_of_that_name_is_not_taken(saved):
    found = open_file(saved(photo_sha256="0" * 64))
    assert colour(found.photos[0].picture) == [90, 40, 90]
    assert found.photos[0].overlay is None


def test_the_photo_can_be_named(saved, tmp_path):
    Image.new("RGB", (320, 240), (1, 2, 3)).save(tmp_path / "elsewhere.png")
    found = open_file(saved(photo_sha256="0" * 64), tmp_path / "elsewhere.png")
    assert colour(found.photos[0].picture) == [1, 2, 3]


def test_a_photo_of_another_shape_is_refused(saved, tmp_path):
    Image.new("RGB", (320, 320)).save(tmp_path / "square.png")
    with pytest.raises(ImageError, match="another photo"):
        open_file(saved(), tmp_path / "square.png")


def test_files_in_other_folders_are_not_touched(saved, tmp_path):
    (tmp_path.parent / "outside.face0.glb").write_bytes(b"glTF")
    found = open_file(saved(files={"../outside.face0.glb": 1, "me.overlay.png": 1}))
    assert found.faces == ()


def test_several_photos_share_one_head(tmp_path, glb, contents):
    overlay = Image.fromarray(contents.photos[0].overlay)
    for name in ("a", "b"):
        overlay.save(tmp_path / f"{name}.overlay.png")
    (tmp_path / "together.glb").write_bytes(glb)
    photos = [
        {"photo": {"name": f"{name}.jpg", "size_px": [640, 480]}, "faces": [dict(contents.faces[0].report)]}
        for name in ("a", "b")
    ]
    report = {
        "format": "monoface-together-1",
        "status": "ok",
        "reason": "2 of 2 photos used",
        "warnings": ["b.jpg: may show another person"],
        "shared": {"reference_photo": 1},
        "photos": photos,
        "files": dict.fromkeys(("together.glb", "a.overlay.png", "b.overlay.png"), 1),
    }
    (tmp_path / "together.json").write_text(json.dumps(report))
    found = open_file(tmp_path / "together.json")
    assert [(face.label, face.photo) for face in found.faces] == [("b.jpg", 1), ("a.jpg", 0)]
    assert found.faces[0].expression["jawOpen"] == 0.25
    assert found.faces[0].camera["lens"]["type"] == "orthographic"
    assert found.warnings == ("b.jpg: may show another person",)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.obj", b"v 0 0 0", "expected a .glb file or the .json report"),
        ("a.glb", b"PK\3\4", "begins with glTF"),
        ("a.json", b"[1, 2]", "no such format"),
        ("a.json", b"{", "expected the JSON report"),
        ("a.json", b'{"format": "monoface-photo-1"}', "no whole report"),
        ("a.json", b'{"format": "monoface-together-1", "status": "ok", "photos": 3}', "no whole report"),
    ],
)
def test_what_is_neither_is_refused(tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=told):
        open_file(tmp_path / name)
