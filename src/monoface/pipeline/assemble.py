"""From a reconstructed face to the head that exporters write: parts, morphs, eyes, texture and camera."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from monoface.export import (
    EyeNode,
    Material,
    OrthographicCameraNode,
    PerspectiveCameraNode,
    RiggedHead,
    WholeMesh,
    split_into_parts,
)
from monoface.facemodel import EyeJoint, FaceModel
from monoface.geometry.cameras import PerspectiveCamera
from monoface.geometry.rotations import matrix_from_axis_angle
from monoface.pipeline.results import Face


@torch.no_grad()
def rigged_head(face: Face) -> RiggedHead:
    """Head of a face: this person's neutral shape, its morphs set to the photo's expression, eyes turned.

    All parts share the face's texture; each has a material of its own, so that it can be exchanged.
    """
    model, found = face.model, face.coefficients
    neutral_mm = model.shape(found.identity, torch.zeros_like(found.expression))[0]
    mesh = _whole_mesh(model, neutral_mm)
    materials = {name: _material_name(name) for name in model.data.part_names}
    return RiggedHead(
        parts=split_into_parts(mesh, materials, rigid=tuple(model.data.eyes)),
        materials=tuple(Material(name, face.texture) for name in dict.fromkeys(materials.values())),
        morph_names=model.expression_names,
        morph_weights=found.expression[0].numpy(),
        eyes=tuple(
            _eye_node(name, eye, neutral_mm, found.expression) for name, eye in model.data.eyes.items()
        ),
        camera=_camera_node(face),
        extras={"confidence": round(face.confidence, 4), "weights": face.made_with.weights},
    )


def _whole_mesh(model: FaceModel, neutral_mm: Float[Tensor, "verts 3"]) -> WholeMesh:
    return WholeMesh(
        verts_mm=neutral_mm.numpy(),
        faces=model.faces.numpy(),
        face_part=model.data.face_part.numpy(),
        part_names=model.data.part_names,
        uv=model.uv.numpy(),
        weld=model.weld.numpy(),
        morphs_mm=model.expression_basis_mm.numpy(),
        morph_names=model.expression_names,
    )


def _material_name(part: str) -> str:
    """Both eyes have one material; any other part has its own."""
    return "eyes" if part in ("eye_left", "eye_right") else part


def _eye_node(
    part: str,
    eye: EyeJoint,
    neutral_mm: Float[Tensor, "verts 3"],
    expression: Float[Tensor, "1 expressions"],
) -> EyeNode:
    turn = matrix_from_axis_angle((expression @ eye.gaze_rad.to(expression))[0])
    return EyeNode(part, (eye.centre.to(neutral_mm) @ neutral_mm).numpy(), turn.numpy())


def _camera_node(face: Face) -> OrthographicCameraNode | PerspectiveCameraNode:
    camera = face.camera
    x, y = np.asarray(camera.principal_px[0]).tolist()
    size_px = face.photo.original_size_px
    if isinstance(camera, PerspectiveCamera):
        return PerspectiveCameraNode(face.T_camera_model, float(camera.focal_px[0]), (x, y), size_px)
    return OrthographicCameraNode(face.T_camera_model, float(camera.scale_px_per_mm[0]), (x, y), size_px)
