"""The Khronos glTF validator on what we write. It needs node and the npm package gltf-validator."""

import json
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
import torch

from monoface.export import (
    EyeNode,
    Material,
    PerspectiveCameraNode,
    RiggedHead,
    WholeMesh,
    split_into_parts,
    write_glb,
)
from monoface.facemodel import FaceModel, read_ict_facekit

NOT_INSTALLED = 3
SEVERITIES = ("error", "warning", "information", "hint")


@pytest.fixture
def validate(repository):
    """Function from a file to the validator's issues, as (severity, code, where)."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("THE GLB FILES WERE NOT VALIDATED: node is not installed")

    def run(path):
        command = [node, str(repository / "tools" / "validate_glb.mjs"), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode == NOT_INSTALLED:
            pytest.skip(f"THE GLB FILES WERE NOT VALIDATED: {done.stderr.strip()}")
        assert done.returncode in (0, 1), done.stderr
        issues = json.loads(done.stdout)["issues"]
        return [(SEVERITIES[issue["severity"]], issue["code"], issue.get("pointer")) for issue in issues]

    return run


def expected_issues(head):
    """We keep texture coordinates where there is no texture yet, so that users can add one."""
    return [
        ("information", "UNUSED_OBJECT", f"/meshes/{number}/primitives/0/attributes/TEXCOORD_0")
        for number, part in enumerate(head.parts)
        if head.material_of(part).texture_srgb is None
    ]


def test_a_head_with_everything_passes(head, validate, tmp_path):
    write_glb(head, tmp_path / "head.glb")
    assert validate(tmp_path / "head.glb") == expected_issues(head)


def test_a_head_seen_by_a_pinhole_passes(head, validate, tmp_path):
    pinhole = PerspectiveCameraNode(head.camera.T_camera_model, 1200.0, (300.0, 200.0), (640, 480))
    write_glb(replace(head, camera=pinhole), tmp_path / "head.glb")
    assert validate(tmp_path / "head.glb") == expected_issues(head)


def test_a_head_without_morphs_and_camera_passes(head, validate, tmp_path):
    write_glb(RiggedHead(head.parts[2:], head.materials), tmp_path / "head.glb")
    issues = validate(tmp_path / "head.glb")
    assert not [issue for issue in issues if issue[0] in ("error", "warning")]


def test_the_validator_finds_what_is_wrong(head, validate, tmp_path):
    path = tmp_path / "head.glb"
    write_glb(head, path)
    path.write_bytes(path.read_bytes().replace(b'"componentType":5126', b'"componentType":5121'))
    assert any(severity == "error" for severity, *_ in validate(path))


def test_a_whole_face_model_passes(data_dir, validate, tmp_path, rng):
    model = FaceModel(read_ict_facekit(data_dir / "ict_facekit" / "ict_facekit_light.npz"))
    identity = torch.randn(1, model.identity_size, generator=rng)
    neutral_mm = model.shape(identity, torch.zeros(1, model.expression_size))[0].numpy()
    mesh = WholeMesh(
        verts_mm=neutral_mm,
        faces=model.faces.numpy(),
        face_part=model.data.face_part.numpy(),
        part_names=model.data.part_names,
        uv=model.uv.numpy(),
        weld=model.weld.numpy(),
        morphs_mm=model.expression_basis_mm.numpy(),
        morph_names=model.expression_names,
    )
    eyes = ("eye_left", "eye_right")
    parts = split_into_parts(mesh, dict.fromkeys(model.data.part_names, "plain"), rigid=eyes)
    head = RiggedHead(
        parts=parts,
        materials=(Material("plain", np.full((64, 64, 3), 128, dtype=np.uint8)),),
        morph_names=model.expression_names,
        morph_weights=np.linspace(0, 1, model.expression_size),
        eyes=tuple(
            EyeNode(name, neutral_mm[model.data.eyes[name].verts].mean(0), np.eye(3)) for name in eyes
        ),
    )
    write_glb(head, tmp_path / "head.glb")
    assert len(head.morph_names) == 51
    assert validate(tmp_path / "head.glb") == []
