from pathlib import Path

import pytest

from monoface.cli.outputs import MESH_FORMATS, distinct_stems, parse_formats
from monoface.core.errors import ConfigError


def test_equal_stems_are_numbered_in_order():
    photos = ["a/me.jpg", "b/me.jpg", "c/you.png", "ME.png", "me-2.jpg", "me.tar.gz", "."]
    assert distinct_stems([Path(photo) for photo in photos]) == [
        "me", "me-2", "you", "ME-3", "me-2-2", "me.tar", "photo",
    ]  # fmt: skip


def test_formats_are_read_once_each():
    assert parse_formats("glb", MESH_FORMATS) == ("glb",)
    assert parse_formats("PLY, obj,,ply", MESH_FORMATS) == ("ply", "obj")
    with pytest.raises(ConfigError, match="got fbx, stl"):
        parse_formats("fbx,glb,stl", MESH_FORMATS)
