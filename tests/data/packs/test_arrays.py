"""Folders of arrays: those that were written before there was one way to, and what a round trip keeps."""

import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from monoface.core.errors import DataError
from monoface.data.packs.detail_pack import DetailPack
from monoface.data.packs.identity_pack import IdentityFaces
from monoface.data.packs.parsing_pack import ParsingPack
from monoface.data.packs.photo_pack import Pack
from monoface.data.packs.view_pack import ViewPack

RNG = np.random.default_rng(3)
CANVASES = RNG.integers(0, 256, (2, 160, 160, 3), dtype=np.uint8)


def written(folder, header, name="pack.json", **arrays):
    """A folder as former versions wrote it, array by array."""
    folder.mkdir()
    for one, array in arrays.items():
        np.save(folder / f"{one.replace('__', '.')}.npy", array)
    (folder / name).write_text(json.dumps(header))
    return folder


def test_photo_packs_of_the_first_version_still_load(tmp_path):
    points, outputs = np.ones((2, 21, 2), np.float32), np.zeros((2, 7), np.float32)
    header = {"format": 1, "name": "aflw", "recipe": "r", "points": ["aflw21"]}
    arrays = {"canvases": CANVASES, "outputs": outputs, "points.aflw21": points}
    pack = Pack.load(written(tmp_path / "pack", header, **arrays), "r")
    assert (pack.name, pack.face_px, pack.synthetic, pack.trust) == ("aflw", 120, False, None)
    assert isinstance(pack.canvases, np.memmap)
    assert_array_equal(pack.canvases, CANVASES)
    assert_array_equal(pack.points_px["aflw21"], points)


def test_photo_packs_with_trust_still_load_and_leave_what_the_header_denies(tmp_path):
    header = {"format": 1, "name": "heads", "recipe": "r", "points": []}
    header |= {"face_px": 100, "drawn": True, "trust": True}
    arrays = {"canvases": CANVASES, "outputs": np.zeros((2, 7), np.float32), "trust": np.ones(2, np.float32)}
    pack = Pack.load(written(tmp_path / "one", header, **arrays))
    assert (pack.face_px, pack.synthetic, pack.trust.tolist()) == (100, True, [1, 1])
    assert Pack.load(written(tmp_path / "other", header | {"trust": False}, **arrays)).trust is None


def test_view_packs_still_load(tmp_path):
    header = {"format": 1, "name": "ytf", "recipe": "r", "points": []}
    header |= {"face_px": 120, "drawn": False, "trust": False}
    arrays = {
        "canvases": CANVASES,
        "outputs": np.zeros((2, 7), np.float32),
        "skin": CANVASES[..., 0],
        "albedo": np.zeros((2, 3), np.float32),
        "light": np.zeros((2, 9, 3), np.float32),
        "focal_per_size": np.full(2, np.nan, np.float32),
        "views": np.array([[0, 1, 0]]),
        "gate": np.array([2]),
    }
    pack = ViewPack.load(written(tmp_path / "pack", header, **arrays), "r")
    assert (pack.name, len(pack), pack.gate.tolist()) == ("ytf", 1, [2])
    assert isinstance(pack.skin, np.memmap)
    assert_array_equal(pack.frames.canvases, CANVASES)


def test_packs_of_the_other_kinds_still_load(tmp_path):
    classes = ["background", "skin", "hair", "eyes", "nose", "mouth", "occluder"]
    header = {"format": 1, "name": "fasseg", "recipe": "r", "classes": classes}
    folder = written(tmp_path / "parsing", header, canvases=CANVASES, masks=CANVASES[..., 0])
    assert_array_equal(ParsingPack.load(folder, "r").masks, CANVASES[..., 0])

    header = {"format": 1, "name": "lfw", "recipe": "r"}
    number, held_out = np.arange(2), np.array([True, False])
    arrays = {"canvases": CANVASES, "person": number, "clip": number, "held_out": held_out}
    faces = IdentityFaces.load(written(tmp_path / "faces", header, "faces.json", **arrays), "r")
    assert (faces.name, faces.held_out.tolist()) == ("lfw", [True, False])

    header = {"format": "monoface-detail-pack-1", "faces": 2}
    arrays = {
        "photo": np.zeros((2, 8, 8, 3), np.uint8),
        "seen": np.zeros((2, 8, 8), np.uint8),
        "verts_camera": np.zeros((2, 5, 3), np.float32),
        "rotation": np.zeros((2, 3, 3), np.float32),
        "albedo": np.zeros((2, 2), np.float32),
        "light": np.zeros((2, 9, 3), np.float32),
        "height_mm": np.zeros((2, 8, 8), np.float16),
        "paint": np.zeros((2, 8, 8), np.float16),
        "maps": np.zeros((2, 7, 8, 8), np.float16),
        "head": np.array([0, 0]),
    }
    folder = written(tmp_path / "detail", header, **arrays)
    assert len(DetailPack.load(folder)) == 2
    with pytest.raises(DataError, match="made by a version that does not say how"):
        DetailPack.load(folder, "r")


def test_views_come_back_with_their_frames(tmp_path):
    frames = Pack("ytf", CANVASES, {"flm18": np.ones((2, 18, 2), np.float32)}, np.zeros((2, 7), np.float32))
    albedo, light = np.zeros((2, 3), np.float32), np.zeros((2, 9, 3), np.float32)
    focal = np.ones(2, np.float32)
    pack = ViewPack(frames, CANVASES[..., 0], albedo, light, focal, np.array([[0, 1, 0]]), np.array([1]))
    pack.save(tmp_path / "pack", "r")
    back = ViewPack.load(tmp_path / "pack", "r")
    assert_array_equal(back.frames.points_px["flm18"], frames.points_px["flm18"])
    assert_array_equal(back.skin, pack.skin)
    assert not Pack.load(tmp_path / "pack").synthetic


def test_a_format_that_is_not_known_is_refused(tmp_path):
    header = {"format": 2, "name": "lfw", "recipe": "r"}
    with pytest.raises(DataError, match="made by another recipe"):
        IdentityFaces.load(written(tmp_path / "faces", header, "faces.json"), "r")
