"""Files that other programs open: binary glTF with a rig, OBJ and PLY."""

from monoface.export._glb_camera import camera_to_gltf as camera_to_gltf
from monoface.export.glb import encode_glb, write_glb
from monoface.export.glb_reader import GlbCamera, GlbHead, read_glb
from monoface.export.mesh import write_obj, write_ply
from monoface.export.parts import WholeMesh, part_vertices, split_into_parts
from monoface.export.scene import (
    ExportError,
    EyeNode,
    Material,
    MeshPart,
    OrthographicCameraNode,
    PerspectiveCameraNode,
    RiggedHead,
)

__all__ = [
    "ExportError",
    "EyeNode",
    "GlbCamera",
    "GlbHead",
    "Material",
    "MeshPart",
    "OrthographicCameraNode",
    "PerspectiveCameraNode",
    "RiggedHead",
    "WholeMesh",
    "encode_glb",
    "part_vertices",
    "read_glb",
    "split_into_parts",
    "write_glb",
    "write_obj",
    "write_ply",
]
