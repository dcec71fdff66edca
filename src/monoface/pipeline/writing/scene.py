"""From a reconstructed face to the head that exporters write: parts, morphs, eyes, texture and camera."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from monoface.core.arrays import in_torch, numpy_of
from monoface.core.errors import ConfigError
from monoface.export import (
    Material,
    MeshPart,
    OrthographicCameraNode,
    PerspectiveCameraNode,
    RiggedHead,
    WholeMesh,
    split_into_parts,
)
from monoface.facemodel import NumpyFaceModel
from monoface.facemodel.parts import skin_parts
from monoface.pipeline.face_skin import FaceSkin
from monoface.pipeline.posed_face import Pinhole, PosedFace
from monoface.rigging.mouth_texture import inside_uv, shaded
from monoface.rigging.rig import INSIDE, LASHES

# The mouth's own texture gets no more and no less light than this.
_LIGHT_RANGE = (0.35, 1.25)


def rigged_head(posed: PosedFace, skin: FaceSkin) -> RiggedHead:
    """Head of a face: this person's neutral shape, its morphs set to the photo's expression.

    Morphs do all that the expression does: they turn eyes and open the jaw, so programs that drive morphs
    alone need no bones; the bones are at rest, and turn eyes, jaw, head and neck besides. Teeth, gums and
    tongue lie where the lips show them (`rigging.mouth`), the bust is cut on a plane, and `tongueOut` comes
    after the face model's morphs, at weight 0.

    Parts share the face's texture, but for the inside of the mouth and the lashes; each has a material of its
    own, so that it can be exchanged. With detail, the skin has a normal map, and everything is lit by the
    viewer, or the map would not show: then the texture is albedo, without the photo's light.
    """
    model, found, rig = skin.model, posed.coefficients, skin.assets.rig
    neutral_mm = model.shape(found.identity, np.zeros_like(found.expression))[0]
    numbers = {} if skin.vertex_sigma_mm is None else {"sigma_mm": skin.vertex_sigma_mm}
    mesh = rig.mesh(neutral_mm, model.expression_basis_for(found.identity)[0], numbers)
    materials = _material_names(rig.part_names, model)
    more = len(rig.morph_names) - len(posed.expression)
    return RiggedHead(
        parts=tuple(_with_own_uv(part) for part in split_into_parts(mesh, materials)),
        materials=_materials(skin, materials.values()),
        morph_names=rig.morph_names,
        morph_weights=np.concatenate((posed.expression, np.zeros(more, dtype=posed.expression.dtype))),
        camera=_camera_node(posed),
        extras={"confidence": round(posed.confidence, 4), "weights": posed.made_with.weights},
        skeleton=rig.skeleton(neutral_mm),
    )


def plain_head(posed: PosedFace, skin: FaceSkin) -> RiggedHead:
    """The face model's own mesh in the photo's expression, vertex for vertex: to measure, not to animate."""
    model, verts_mm = skin.model, posed.verts_mm
    numbers = {} if skin.vertex_sigma_mm is None else {"sigma_mm": skin.vertex_sigma_mm}
    mesh = replace(
        _whole_mesh(model, verts_mm, np.zeros((0, len(verts_mm), 3), np.float32), ()), numbers=numbers
    )
    materials = _material_names(model.data.part_names, model)
    names = dict.fromkeys(materials.values())
    return RiggedHead(
        parts=split_into_parts(mesh, materials),
        materials=tuple(
            Material(name, skin.albedo_texture if skin.detail else skin.texture) for name in names
        ),
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
    materials = _material_names(model.data.part_names, model)
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
    detail, rig = skin.detail, skin.assets.rig
    lit = detail is not None
    maps = dict.fromkeys(skin_parts(skin.model.data), detail.normal_map) if detail is not None else {}
    textures: dict[str, np.ndarray] = {}
    if rig.mouth_texture is not None:
        inside = shaded(rig.mouth_texture, np.ones(3) if lit else _light_on_face(skin))
        textures |= dict.fromkeys(INSIDE, inside)
    textures[LASHES] = rig.lash_texture
    texture = skin.albedo_texture if lit else skin.texture
    return tuple(
        Material(
            name,
            textures.get(name, texture),
            normal_map=maps.get(name),
            lit=lit,
            see_through=name == LASHES,
        )
        for name in dict.fromkeys(names)
    )


def _light_on_face(skin: FaceSkin) -> Float[np.ndarray, " 3"]:
    """Irradiance over pi, linear RGB, that the photo's light has on the face in the mean."""
    normals = skin.placed_mesh.normals[skin.model.data.regions["narrow_face"]]
    light = skin.fitted_appearance.irradiance(normals).mean(axis=0)
    return np.clip(light, *_LIGHT_RANGE)


def _with_own_uv(part: MeshPart) -> MeshPart:
    return replace(part, uv=inside_uv(part.uv)) if part.name in INSIDE else part


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


def _material_names(part_names: Iterable[str], model: NumpyFaceModel) -> dict[str, str]:
    """Material of each part: both eyes have one, any other part its own."""
    eyes = {"eye_left", "eye_right", *model.data.eyes}
    return {name: "eyes" if name in eyes else name for name in part_names}


def _camera_node(posed: PosedFace) -> OrthographicCameraNode | PerspectiveCameraNode:
    lens, transform, size_px = posed.lens, posed.T_camera_model, posed.photo_size_px
    if isinstance(lens, Pinhole):
        return PerspectiveCameraNode(transform, lens.focal_px, lens.principal_px, size_px)
    return OrthographicCameraNode(transform, lens.scale_px_per_mm, lens.principal_px, size_px)
