import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from monoface.export import ExportError, encode_glb, read_glb, write_glb


def test_reading_gives_back_the_posed_head(head, tmp_path):
    path = tmp_path / "head.glb"
    write_glb(head, path)
    read = read_glb(path)
    assert list(read.parts) == ["skin", "teeth", "eye_left"]
    for part in head.parts:
        assert_allclose(read.parts[part.name].verts_mm, head.posed_verts_mm(part), atol=0.002)
        assert_array_equal(read.parts[part.name].faces, part.faces)
        assert_allclose(read.parts[part.name].uv, part.uv, atol=1e-7)
    assert read.parts["skin"].morphs == {"jawOpen": 0.5, "mouthSmileLeft": 0.25, "eyeBlinkRight": 1.0}
    assert read.parts["eye_left"].morphs == {}
    assert read.extras == {"confidence": 0.75, "weights": "pretrain"}


def test_points_of_the_face_land_on_their_pixels_in_the_photo(head, tmp_path):
    path = tmp_path / "head.glb"
    write_glb(head, path)
    read = read_glb(path)
    camera = head.camera
    for part in head.parts:
        posed = head.posed_verts_mm(part)
        in_camera = posed @ camera.T_camera_model[:3, :3].T + camera.T_camera_model[:3, 3]
        expected = camera.scale_px_per_mm * in_camera[:, :2] + camera.principal_px
        assert_allclose(read.camera.project(read.parts[part.name].verts_mm), expected, atol=0.01)
    assert read.camera.size_px == (640, 480)


@pytest.mark.parametrize("length", [0, 11, 16, 500, -4])
def test_files_cut_short_are_refused(head, tmp_path, length):
    path = tmp_path / "cut.glb"
    path.write_bytes(encode_glb(head)[:length])
    with pytest.raises(ExportError, match=r"cut\.glb: expected a GLB file written by monoface"):
        read_glb(path)


def test_files_of_another_kind_are_refused(tmp_path):
    path = tmp_path / "photo.glb"
    path.write_bytes(b"\xff\xd8\xff\xe0" + bytes(np.arange(100, dtype=np.uint8)))
    with pytest.raises(ExportError, match="header says"):
        read_glb(path)
