"""Read our GLB files back: where its vertices and its camera really are, by glTF's own rules.

This is how a written file is checked against the photo. It shares no code with the writer but the names
of the format's constants, and it reads what the writer uses: one buffer, floats, morphs, node transforms.
"""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from monoface.core.json_text import parse_json
from monoface.core.names import said_of
from monoface.export._gltf import (
    BINARY_CHUNK,
    FLOAT,
    GLB_MAGIC,
    JSON_CHUNK,
    UNSIGNED_INT,
    UNSIGNED_SHORT,
    Json,
)
from monoface.export.scene import ExportError

_MM_PER_METRE = 1e3
_DTYPES = {FLOAT: "<f4", UNSIGNED_SHORT: "<u2", UNSIGNED_INT: "<u4"}
_AXES = {"SCALAR": 1, "VEC2": 2, "VEC3": 3}


@dataclass(frozen=True, eq=False)
class GlbCamera:
    """Camera of a GLB file.

    Attributes:
        T_clip_model: From glTF's world in metres to clip space.
        view_px: Left, top, width and height of what it shows, in pixels of the photo.
        size_px: Width and height of the photo.
    """

    T_clip_model: Float[np.ndarray, "4 4"]
    view_px: tuple[float, float, float, float]
    size_px: tuple[int, int]

    def project(self, points_mm: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, "points 2"]:
        """Pixels of the photo of points in the model frame."""
        rows = np.concatenate((points_mm / _MM_PER_METRE, np.ones((len(points_mm), 1))), axis=1)
        clip = rows @ self.T_clip_model.T
        right, up = (clip[:, :2] / clip[:, 3:]).T
        left, top, width, height = self.view_px
        return np.stack((left + (1 + right) / 2 * width, top + (1 - up) / 2 * height), axis=1)


@dataclass(frozen=True, eq=False)
class GlbPart:
    """A mesh of a GLB file as its weights and nodes pose it.

    Attributes:
        verts_mm: Vertices in the model frame, with the morphs' default weights and the node's transform.
        faces: Triangles.
        uv: Texture coordinates, origin top left.
        morphs: Weight by morph name, in the file's order.
    """

    verts_mm: Float[np.ndarray, "verts 3"]
    faces: Int[np.ndarray, "faces 3"]
    uv: Float[np.ndarray, "verts 2"]
    morphs: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class GlbHead:
    """What a GLB file of ours shows.

    Attributes:
        parts: Meshes by node name.
        camera: The photo's camera, if the file has one.
        extras: What the root node says about the head.
    """

    parts: Mapping[str, GlbPart]
    camera: GlbCamera | None
    extras: Mapping[str, Any]


def read_glb(path: Path) -> GlbHead:
    """Read a GLB file that `write_glb` wrote.

    Raises:
        ExportError: If the file is no GLB, is cut short, or uses what we do not write.
        OSError: If the file cannot be read.
    """
    data = path.read_bytes()
    try:
        return _Document(*_split_chunks(data)).to_head()
    except (KeyError, IndexError, ValueError, struct.error) as error:
        raise ExportError(
            f"{path}: expected a GLB file written by monoface; cannot read it ({said_of(error)})."
        ) from error


def _split_chunks(data: bytes) -> tuple[Json, bytes]:
    magic, version, length = struct.unpack_from("<4sII", data)
    if (magic, version) != (GLB_MAGIC, 2) or length != len(data):
        raise ValueError(f"header says {magic!r}, version {version}, {length} of {len(data)} bytes")
    chunks: dict[bytes, bytes] = {}
    offset = 12
    while offset < length:
        size, kind = struct.unpack_from("<I4s", data, offset)
        chunks[kind] = data[offset + 8 : offset + 8 + size]
        offset += 8 + size
    return parse_json(chunks[JSON_CHUNK]), chunks[BINARY_CHUNK]


@dataclass(frozen=True, eq=False)
class _Document:
    json: Json
    binary: bytes

    def to_head(self) -> GlbHead:
        transforms = self._world_transforms()
        parts, camera = {}, None
        for node, T_world_node in transforms.items():
            content = self.json["nodes"][node]
            if "mesh" in content:
                parts[content["name"]] = self._part(self.json["meshes"][content["mesh"]], T_world_node)
            if "camera" in content:
                camera = _camera(self.json["cameras"][content["camera"]], T_world_node)
        root = self.json["nodes"][self.json["scenes"][self.json["scene"]]["nodes"][0]]
        return GlbHead(parts, camera, root.get("extras", {}))

    def _world_transforms(self) -> dict[int, np.ndarray]:
        """Transform of every node that the scene shows, parents before children."""
        found = {}
        pending = [(node, np.eye(4)) for node in self.json["scenes"][self.json["scene"]]["nodes"]]
        while pending:
            number, T_world_parent = pending.pop(0)
            node = self.json["nodes"][number]
            found[number] = T_world_parent @ _local_transform(node)
            pending += [(child, found[number]) for child in node.get("children", ())]
        return found

    def _part(self, mesh: Json, T_world_node: np.ndarray) -> GlbPart:
        primitive = mesh["primitives"][0]
        attributes = primitive["attributes"]
        verts = self._accessor(attributes["POSITION"]).astype(np.float64)
        weights = mesh.get("weights", [])
        for weight, target in zip(weights, primitive.get("targets", []), strict=True):
            verts += weight * self._accessor(target["POSITION"])
        return GlbPart(
            verts_mm=_MM_PER_METRE * (verts @ T_world_node[:3, :3].T + T_world_node[:3, 3]),
            faces=self._accessor(primitive["indices"]).astype(np.int64).reshape(-1, 3),
            uv=self._accessor(attributes["TEXCOORD_0"]),
            morphs=dict(zip(mesh.get("extras", {}).get("targetNames", []), weights, strict=True)),
        )

    def _accessor(self, number: int) -> np.ndarray:
        accessor = self.json["accessors"][number]
        axes, count = _AXES[accessor["type"]], accessor["count"]
        values = self._view(accessor["bufferView"], accessor["componentType"], count * axes).reshape(
            count, axes
        )
        sparse = accessor.get("sparse")
        if sparse is not None:
            index, changed = sparse["indices"], sparse["values"]
            rows = self._view(index["bufferView"], index["componentType"], sparse["count"])
            values = values.copy()
            values[rows] = self._view(
                changed["bufferView"], accessor["componentType"], axes * sparse["count"]
            ).reshape(-1, axes)
        return values

    def _view(self, number: int, component: int, count: int) -> np.ndarray:
        offset = self.json["bufferViews"][number]["byteOffset"]
        return np.frombuffer(self.binary, _DTYPES[component], count, offset)


def _local_transform(node: Json) -> np.ndarray:
    x, y, z, w = node.get("rotation", (0.0, 0.0, 0.0, 1.0))
    transform = np.eye(4)
    transform[:3, :3] = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
        (2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
        (2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
    )
    transform[:3, 3] = node.get("translation", (0.0, 0.0, 0.0))
    return transform


def _camera(camera: Json, T_world_camera: np.ndarray) -> GlbCamera:
    """Projection matrices of section 3.10.3 of the glTF 2.0 specification."""
    T_clip_camera = np.zeros((4, 4))
    lens = camera[camera["type"]]
    near, far = lens["znear"], lens["zfar"]
    if camera["type"] == "orthographic":
        T_clip_camera[[0, 1, 3], [0, 1, 3]] = 1 / lens["xmag"], 1 / lens["ymag"], 1
        T_clip_camera[2, 2:] = 2 / (near - far), (far + near) / (near - far)
    else:
        height = math.tan(lens["yfov"] / 2)
        T_clip_camera[[0, 1], [0, 1]] = 1 / (lens["aspectRatio"] * height), 1 / height
        T_clip_camera[2, 2:] = (far + near) / (near - far), 2 * far * near / (near - far)
        T_clip_camera[3, 2] = -1
    extras = camera["extras"]
    left, top, width, height = extras["view_px"]
    return GlbCamera(
        T_clip_camera @ np.linalg.inv(T_world_camera),
        (left, top, width, height),
        (extras["width"], extras["height"]),
    )
