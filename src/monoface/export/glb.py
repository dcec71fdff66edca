"""Write a rigged head as binary glTF 2.0, which Blender, Unity, Unreal, Godot and browsers open.

Metres, +Y up, the face looks along +Z: the model frame is glTF's, but for the unit. The scene has a node
`head`, from which the skeleton hangs, one named node and mesh for each part, and `photo_camera` with the
photo's pose. Parts that follow no bone are children of `head`; those that do stand beside it, as glTF wants
it. Bones are at rest: what the photo's expression is, morphs say. Every mesh that moves lists all morphs of
the head in one order, under the names in `mesh.extras.targetNames`, set to the photo's expression.

Offsets of normals are left out: the material is unlit, so nothing shows them, they would double the file,
and Blender computes its own.
"""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from monoface.core.files import write_atomically
from monoface.core.version import VERSION
from monoface.export._glb_camera import METRES_PER_MM, camera_to_gltf, quaternion_from_matrix
from monoface.export._glb_skin import joint_nodes, skin_of
from monoface.export._gltf import BufferWriter, Json, pack_glb
from monoface.export.animation import HeadAnimation, animation_json
from monoface.export.scene import EyeNode, Material, MeshPart, RiggedHead
from monoface.export.skeleton import strongest_influences

ROOT_NODE_NAME = "head"
_UNLIT = "KHR_materials_unlit"
_JPEG_QUALITY = 95

# Linear filters with mipmaps; the edge is repeated, not the opposite one.
_SAMPLER = {"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071}


def write_glb(head: RiggedHead, path: Path, *, overwrite: bool = False) -> None:
    """Write a head to a .glb file, whole or not at all.

    Raises:
        OutputExistsError: If the file exists and `overwrite` is false.
    """
    write_atomically(path, encode_glb(head), overwrite=overwrite)


def encode_glb(
    head: RiggedHead,
    extend: Callable[[Json], Json] | None = None,
    animation: HeadAnimation | None = None,
) -> bytes:
    """Bytes of the .glb file of a head; the same for the same head.

    Args:
        head: The head.
        extend: What else the document says: from the finished document to what is merged into it.
        animation: How the head moves.
    """
    moving = (len(part.verts_mm) for part in head.parts if part.morphs_mm)
    buffer = BufferWriter(max(moving, default=0))
    document: Json = {"asset": {"version": "2.0", "generator": f"monoface {VERSION}"}, "scene": 0}
    document |= _scene(head, buffer)
    document["meshes"] = [_mesh(head, part, buffer) for part in head.parts]
    if not all(material.lit for material in head.materials):
        document["extensionsUsed"] = [_UNLIT]
    document |= _materials(head, buffer)
    if animation is not None:
        document |= animation_json(animation, head, buffer)
    binary = buffer.to_bytes()
    document |= {
        "accessors": buffer.accessors,
        "bufferViews": buffer.views,
        "buffers": [{"byteLength": len(binary)}],
    }
    return pack_glb(document if extend is None else document | extend(document), binary)


def _scene(head: RiggedHead, buffer: BufferWriter) -> Json:
    """Nodes: the head, its parts in their order, its joints in theirs, and the camera."""
    parts = range(1, 1 + len(head.parts))
    bound = [1 + number for number, part in enumerate(head.parts) if part.joint_weights is not None]
    children = [number for number in parts if number not in bound]
    first_joint = 1 + len(head.parts)
    root: Json = {"name": ROOT_NODE_NAME}
    nodes = [root, *(_part_node(head, number) for number in range(len(head.parts)))]
    scene: Json = {"name": "scene", "nodes": [0, *bound]}
    result: Json = {"scenes": [scene], "nodes": nodes}
    if head.skeleton is not None:
        children.append(first_joint)
        nodes += joint_nodes(head.skeleton, first_joint)
        result["skins"] = [skin_of(head.skeleton, first_joint, buffer)]
    if children:
        root["children"] = children
    if head.extras:
        root["extras"] = dict(head.extras)
    if head.camera is not None:
        verts_mm = np.concatenate([head.posed_verts_mm(part) for part in head.parts])
        camera, node = camera_to_gltf(head.camera, verts_mm)
        scene["nodes"].append(len(nodes))
        nodes.append(node)
        result["cameras"] = [camera]
    return result


def _part_node(head: RiggedHead, number: int) -> Json:
    part = head.parts[number]
    node: Json = {"name": part.name, "mesh": number}
    if part.joint_weights is not None:
        node["skin"] = 0
    eye = head.eye_of(part)
    if eye is not None:
        node["translation"] = (METRES_PER_MM * eye.pivot_mm.astype(np.float64)).tolist()
        node["rotation"] = quaternion_from_matrix(eye.rotation)
    return node


def _mesh(head: RiggedHead, part: MeshPart, buffer: BufferWriter) -> Json:
    attributes = {
        "POSITION": buffer.add_attribute(
            METRES_PER_MM * _local_verts_mm(part, head.eye_of(part)), bounds=True
        ),
        "NORMAL": buffer.add_attribute(part.neutral_normals()),
        "TEXCOORD_0": buffer.add_attribute(part.uv),
    }
    if head.material_of(part).normal_map is not None:
        # Given, so that every viewer has the frame that the map was made for.
        attributes["TANGENT"] = buffer.add_attribute(part.tangents())
    if part.joint_weights is not None:
        joints, weights = strongest_influences(part.joint_weights)
        attributes |= {"JOINTS_0": buffer.add_joints(joints), "WEIGHTS_0": buffer.add_attribute(weights)}
    # glTF keeps names that begin with an underscore for attributes of one's own.
    for name, values in part.numbers.items():
        attributes[f"_{name.upper()}"] = buffer.add_attribute(values[:, None])
    material = [material.name for material in head.materials].index(part.material)
    primitive: Json = {
        "attributes": attributes,
        "indices": buffer.add_triangles(part.faces),
        "material": material,
    }
    mesh: Json = {"name": part.name, "primitives": [primitive]}
    if part.morphs_mm:
        primitive["targets"] = _targets(head, part, buffer)
        mesh["weights"] = head.morph_weights.astype(np.float64).tolist()
        mesh["extras"] = {"targetNames": list(head.morph_names)}
    return mesh


def _targets(head: RiggedHead, part: MeshPart, buffer: BufferWriter) -> list[Json]:
    """One entry for each morph of the head; those that do not move the part share an accessor."""
    accessors = {name: buffer.add_morph(METRES_PER_MM * offsets) for name, offsets in part.morphs_mm.items()}
    still_names = [name for name in head.morph_names if name not in accessors]
    if still_names:
        accessors |= dict.fromkeys(still_names, buffer.add_still(len(part.verts_mm)))
    return [{"POSITION": accessors[name]} for name in head.morph_names]


def _local_verts_mm(part: MeshPart, eye: EyeNode | None) -> np.ndarray:
    verts_mm = part.verts_mm.astype(np.float64)
    return verts_mm if eye is None else verts_mm - eye.pivot_mm


def _materials(head: RiggedHead, buffer: BufferWriter) -> Json:
    """Materials, with textures and images where there are any; a shared array becomes one image."""
    colours = [material.texture_srgb for material in head.materials]
    normals = [material.normal_map for material in head.materials]
    images = {
        id(array): (array, _JPEG if array.shape[-1] == 3 else _PNG) for array in colours if array is not None
    }
    # A normal map is no picture: what JPEG does to it shows.
    images |= {id(array): (array, _PNG) for array in normals if array is not None}
    textures = {key: number for number, key in enumerate(images)}
    result: Json = {"materials": [_material(material, textures.get) for material in head.materials]}
    if images:
        result |= {
            "textures": [{"sampler": 0, "source": number} for number in textures.values()],
            "samplers": [_SAMPLER],
            "images": [
                {"mimeType": kind, "bufferView": buffer.add_view(_ENCODERS[kind](array))}
                for array, kind in images.values()
            ],
        }
    return result


def _material(material: Material, texture_of: Callable[[int], int | None]) -> Json:
    """Unlit, unless it is lit; importers that do not know the extension see a rough surface without metal."""
    surface: dict[str, Any] = {"metallicFactor": 0.0, "roughnessFactor": 1.0}
    texture = texture_of(id(material.texture_srgb))
    if texture is not None:
        surface["baseColorTexture"] = {"index": texture}
    else:
        surface["baseColorFactor"] = [*material.color, 1.0]
    result: Json = {"name": material.name, "pbrMetallicRoughness": surface}
    bumps = texture_of(id(material.normal_map))
    if bumps is not None:
        result["normalTexture"] = {"index": bumps}
    if material.see_through:
        result |= {"alphaMode": "BLEND", "doubleSided": True}
    return result if material.lit else result | {"extensions": {_UNLIT: {}}}


def _encode_png(image: UInt8[np.ndarray, "height width channels"]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def _encode_jpeg(image_srgb: UInt8[np.ndarray, "height width 3"]) -> bytes:
    """JPEG with full colour resolution: a third of a PNG's size, and ten times as fast to write."""
    file = io.BytesIO()
    Image.fromarray(image_srgb).save(file, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return file.getvalue()


_JPEG, _PNG = "image/jpeg", "image/png"
_ENCODERS = {_JPEG: _encode_jpeg, _PNG: _encode_png}
