"""The reader of ICT-FaceKit: both layouts agree, and damaged copies are refused."""

import json

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from monoface.core.errors import ModelFileError
from monoface.facemodel import FaceModel, read_ict_facekit
from monoface.facemodel.ict import VERTEX_COUNT, arkit_name


@pytest.fixture(scope="module")
def packed(data_dir):
    return read_ict_facekit(data_dir / "ict_facekit" / "ict_facekit_light.npz")


@pytest.fixture
def fake_folder(tmp_path):
    """A folder of the right file names with a mesh of three vertices."""
    mesh = "v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 0 1\nf 1/1 2/2 3/3\n"
    for name in ("generic_neutral_mesh", "identity000", "jawOpen"):
        (tmp_path / f"{name}.obj").write_text(mesh)
    info = {"idx_to_landmark_verts": [0] * 68, "expressions": ["jawOpen"]}
    (tmp_path / "vertex_indices.json").write_text(json.dumps(info))
    return tmp_path


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("browDown_L", "browDownLeft"),
        ("eyeLookIn_R", "eyeLookInRight"),
        ("browInnerUp_L", "browInnerUp"),
        ("cheekPuff_R", "cheekPuff"),
        ("jawOpen", "jawOpen"),
    ],
)
def test_names_are_arkits(source, expected):
    assert arkit_name(source) == expected


def test_the_packed_file_has_51_expressions_and_100_modes(packed):
    assert len(packed.expression_names) == len(set(packed.expression_names)) == 51
    assert packed.identity_basis_mm.shape[0] == 100
    assert not any(name.endswith(("_L", "_R")) for name in packed.expression_names)
    assert len(packed.mean_mm) > VERTEX_COUNT
    # A face is about 15 cm wide, in millimetres.
    extent = packed.mean_mm[packed.regions["narrow_face"]].amax(0) - packed.mean_mm[
        packed.regions["narrow_face"]
    ].amin(0)
    assert 100 < extent[0] < 200


def test_the_mean_and_the_modes_are_mirror_symmetric(packed):
    flip = torch.tensor([-1.0, 1.0, 1.0])
    paired = packed.mirror != packed.weld
    assert paired.float().mean() > 0.9
    assert_close(packed.mean_mm[packed.mirror[paired]], packed.mean_mm[paired] * flip, rtol=0, atol=2e-3)
    for mode in packed.identity_basis_mm[:5]:
        assert_close(mode[packed.mirror[paired]], mode[paired] * flip, rtol=0, atol=2e-2)


def test_seam_copies_lie_where_their_originals_do(packed):
    assert_close(packed.mean_mm[packed.weld], packed.mean_mm, rtol=0, atol=0)
    assert (packed.weld[:VERTEX_COUNT] == torch.arange(VERTEX_COUNT)).all()


def test_eyes_turn_about_their_centres(packed):
    model = FaceModel(packed)
    expression = torch.zeros(1, 51)
    expression[0, packed.expression_names.index("eyeLookOutLeft")] = 1.0
    eye = packed.eyes["eye_left"]
    centre = (eye.centre[:, None] * packed.mean_mm).sum(dim=0)
    turned = model.shape(torch.zeros(1, 100), expression)[0, eye.verts]
    still = packed.mean_mm[eye.verts]
    assert_close((turned - centre).norm(dim=1), (still - centre).norm(dim=1), rtol=0, atol=1e-2)
    assert (turned - still).norm(dim=1).max() > 3


def test_both_layouts_agree(data_dir, packed):
    folder = read_ict_facekit(data_dir / "ict_facekit" / "FaceXModel")
    assert_close(folder.mean_mm, packed.mean_mm, rtol=0, atol=2e-2)
    assert torch.equal(folder.faces, packed.faces)
    assert_close(folder.uv, packed.uv, rtol=0, atol=1e-4)
    assert torch.equal(folder.landmarks["ibug68_source"].index, packed.landmarks["ibug68_source"].index)
    count = len(folder.identity_basis_mm)
    assert_close(folder.identity_basis_mm, packed.identity_basis_mm[:count], rtol=0, atol=2e-2)
    assert set(folder.expression_names) <= set(packed.expression_names)
    for name, offsets in zip(folder.expression_names, folder.expression_basis_mm, strict=True):
        expected = packed.expression_basis_mm[packed.expression_names.index(name)]
        assert_close(offsets, expected, rtol=0, atol=3e-2)


def test_other_paths_are_refused(tmp_path):
    with pytest.raises(ModelFileError, match=r"expected the FaceXModel folder of ICT-FaceKit or an \.npz"):
        read_ict_facekit(tmp_path / "model.obj")


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(ModelFileError, match="not ICT-FaceKit's FaceXModel folder"):
        read_ict_facekit(tmp_path)


def test_another_mesh_is_refused(fake_folder):
    with pytest.raises(ModelFileError, match=f"expected {VERTEX_COUNT} vertices, got 3"):
        read_ict_facekit(fake_folder)


def test_a_folder_without_modes_is_refused(fake_folder):
    (fake_folder / "identity000.obj").unlink()
    with pytest.raises(ModelFileError, match="found too few"):
        read_ict_facekit(fake_folder)


@pytest.mark.parametrize("content", ["v 0 0 0\nv 1 0 0\n", "v a b c\n", "v 0 0\nv 1 2 3\n"])
def test_damaged_modes_are_refused(fake_folder, content):
    (fake_folder / "identity000.obj").write_text(content)
    with pytest.raises(ModelFileError, match=r"identity000\.obj"):
        read_ict_facekit(fake_folder)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_damaged_archives_are_refused(tmp_path, content):
    (tmp_path / "model.npz").write_bytes(content)
    with pytest.raises(ModelFileError, match="expected a packed ICT-FaceKit file"):
        read_ict_facekit(tmp_path / "model.npz")


def test_archives_of_other_arrays_are_refused(tmp_path):
    np.savez(tmp_path / "model.npz", neutral_cm=np.zeros((3, 3)))
    with pytest.raises(ModelFileError, match="expected a packed ICT-FaceKit file"):
        read_ict_facekit(tmp_path / "model.npz")
