"""From a reconstructed face to the head that exporters write: parts, morphs, eyes, texture and camera."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from monoface.core.arrays import in_torch, numpy_of
from monoface.core.errors import ConfigError
from monoface.export import (
    EyeNode,
    Material,
    MeshPart,
    OrthographicCameraNode,
    PerspectiveCameraNode,
    RiggedHead,
    WholeMesh,
    split_into_parts,
)
from monoface.facemodel import EyeJoint, NumpyFaceModel
from monoface.facemodel.parts import skin_parts
from monoface.pipeline.face_skin import FaceSkin
from monoface.pipeline.posed_face import Pinhole, PosedFace


def rigged_head(posed: PosedFace, skin: FaceSkin) -> RiggedHead:
    """Head of a face: this person's neutral shape, its morphs set to the photo's expression.

    Eyes are turned by the morphs, so that programs that drive morphs alone turn them; their nodes, at the
    centres of the balls, look straight ahead and can be turned besides.

    All parts share the face's texture; each has a material of its own, so that it can be exchanged. With
    detail, the skin has a normal map, and everything is lit by the viewer, or the map would not show: then
    the texture is albedo, without the photo's light.
    """
    model, found = skin.model, posed.coefficients
    neutral_mm = model.shape(found.identity, np.zeros_like(found.expression))[0]
    numbers = {} if skin.vertex_sigma_mm is None else {"sigma_mm": skin.vertex_sigma_mm}
    basis_mm = model.expression_basis_for(found.identity)[0]
    mesh = replace(_whole_mesh(model, neutral_mm, basis_mm, model.expression_names), numbers=numbers)
    materials = _material_names(model)
    return RiggedHead(
        parts=split_into_parts(mesh, materials),
        materials=_materials(skin, materials.values()),
        morph_names=model.expression_names,
        morph_weights=posed.expression,
        eyes=tuple(_eye_node(name, eye, neutral_mm) for name, eye in model.data.eyes.items()),
        camera=_camera_node(posed),
        extras={"confidence": round(posed.confidence, 4), "weights": posed.made_with.weights},
    )


def dense_head(posed: PosedFace, skin: FaceSkin) -> RiggedHead:
    """Head in the photo's expression whose skin has one vertex a texel, displaced by the face's detail.

    Raises:
        ConfigError: If detail was not asked for.
    """
    detail = skin.detail
    if detail is None:
        raise ConfigError("dense mesh: expected a face with detail, got one without. Ask for detail too.")
    model, verts_mm = skin.model, posed.verts_mm
    materials = _material_names(model)
    skin_names = skin_parts(model.data)
    still = _whole_mesh(model, verts_mm, np.zeros((0, len(verts_mm), 3), np.float32), ())
    closed = detail.dense.closed(*in_torch((verts_mm, detail.height_mm)))
    displaced = MeshPart(
        name=skin_names[0],
        verts_mm=numpy_of(closed.points),
        faces=numpy_of(closed.faces),
        uv=numpy_of(closed.uv),
        material=materials[skin_names[0]],
        weld=numpy_of(closed.weld),
    )
    others = (part for part in split_into_parts(still, materials) if part.name not in skin_names)
    return RiggedHead(
        parts=(displaced, *others),
        materials=tuple(
            Material(name, skin.albedo_texture, lit=True) for name in dict.fromkeys(materials.values())
        ),
        camera=_camera_node(posed),
        extras={"confidence": round(posed.confidence, 4), "weights": posed.made_with.weights},
    )


def _materials(skin: FaceSkin, names: Iterable[str]) -> tuple[Material, ...]:
    detail = skin.detail
    lit = detail is not None
    maps = dict.fromkeys(skin_parts(skin.model.data), detail.normal_map) if detail is not None else {}
    texture = skin.albedo_texture if lit else skin.texture
    return tuple(Material(name, texture, normal_map=maps.get(name), lit=lit) for name in dict.fromkeys(names))


def _whole_mesh(
    model: NumpyFaceModel,
    neutral_mm: Float[np.ndarray, "verts 3"],
    morphs_mm: Float[np.ndarray, "morphs verts 3"],
    morph_names: tuple[str, ...],
) -> WholeMesh:
    return WholeMesh(
        verts_mm=neutral_mm,
        faces=model.faces,
        face_part=model.data.face_part,
        part_names=model.data.part_names,
        uv=model.uv,
        weld=model.weld,
        morphs_mm=morphs_mm,
        morph_names=morph_names,
    )


def _material_names(model: NumpyFaceModel) -> dict[str, str]:
    """Material of each part: both eyes have one, any other part its own."""
    eyes = {"eye_left", "eye_right", *model.data.eyes}
    return {name: "eyes" if name in eyes else name for name in model.data.part_names}


def _eye_node(part: str, eye: EyeJoint, neutral_mm: Float[np.ndarray, "verts 3"]) -> EyeNode:
    return EyeNode(part, eye.centre @ neutral_mm, np.eye(3))


def _camera_node(posed: PosedFace) -> OrthographicCameraNode | PerspectiveCameraNode:
    lens, transform, size_px = posed.lens, posed.T_camera_model, posed.photo_size_px
    if isinstance(lens, Pinhole):
        return PerspectiveCameraNode(transform, lens.focal_px, lens.principal_px, size_px)
    return OrthographicCameraNode(transform, lens.scale_px_per_mm, lens.principal_px, size_px)
