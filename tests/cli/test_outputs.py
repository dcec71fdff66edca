import json
import weakref
from dataclasses import replace
from pathlib import Path

import pytest

from monoface.cli.outputs import MESH_FORMATS, PhotoOutputs, distinct_stems, parse_formats
from monoface.core.errors import ConfigError
from monoface.pipeline.face import Face
from monoface.pipeline.face_skin import FaceSkin
from monoface.pipeline.writing.result_files import Origin
from monoface.texturing.texturer import Texturer


def test_equal_stems_are_numbered_in_order():
    photos = ["a/me.jpg", "b/me.jpg", "c/you.png", "ME.png", "me-2.jpg", "me.tar.gz", "."]
    assert distinct_stems([Path(photo) for photo in photos]) == [
        "me", "me-2", "you", "ME-3", "me-2-2", "me.tar", "photo",
    ]  # fmt: skip


def test_formats_are_read_once_each():
    assert parse_formats("glb", MESH_FORMATS) == ("glb",)
    assert parse_formats("PLY, obj,,ply", MESH_FORMATS) == ("ply", "obj")
    assert parse_formats(".glb,.OBJ", MESH_FORMATS) == ("glb", "obj")
    with pytest.raises(ConfigError, match="got fbx, stl"):
        parse_formats("fbx,glb,stl", MESH_FORMATS)


@pytest.mark.parametrize("trusted", [6, 2])
def test_a_crowd_is_written_with_the_pictures_of_one_face_at_a_time(
    warm_reconstructor, sample, tmp_path, monkeypatch, trusted
):
    found = warm_reconstructor.reconstruct(sample)
    face = found.faces[0]
    crowd = [Face(FaceSkin(face.posed, face.photo, face.skin.assets)) for _ in range(6)]
    result = replace(found, faces=tuple(crowd[:trusted]), doubtful=tuple(crowd[trusted:]))
    made, most_alive = [], 0
    texture = Texturer.texture

    def counted(*arguments):
        nonlocal most_alive
        most_alive = max(most_alive, sum(reference() is not None for reference in made))
        pixels = texture(*arguments)
        made.append(weakref.ref(pixels))
        return pixels

    monkeypatch.setattr(Texturer, "texture", counted)
    outputs = PhotoOutputs(tmp_path, "crowd", ("glb", "obj"))
    outputs.write(result, Origin(None, {}, {}))

    assert len(made) == trusted, "both formats share a texture"
    assert most_alive == 0
    assert not any("placed_mesh" in one.skin.__dict__ for one in crowd)
    told = json.loads(outputs.report.read_text())
    assert told["faces"] + told["doubtful_faces"] == json.loads(json.dumps([face.report()] * 6))
    # GLB, OBJ, MTL and three pictures.
    assert len(told["files"]) == 1 + 6 * trusted
