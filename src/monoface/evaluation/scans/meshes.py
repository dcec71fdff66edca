"""Meshes and their landmarks as files: OBJ, PLY, and landmarks as .npy, .txt or MeshLab's .pp.

OBJ is read here rather than through trimesh, because that reorders and merges vertices, so that indices of
landmarks are lost, and because the mistakes of the field sit there: a line of a vertex may hold its colour
too, and a polygon may have more than three corners.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from monoface.core.array_files import read_npy
from monoface.core.errors import ConfigError, DataError

_PICKED_POINT = re.compile(r"<point\b[^>]*>")
_ATTRIBUTE = re.compile(r'\b([xyz])="([^"]*)"')


@dataclass(frozen=True, eq=False)
class MeshFile:
    """A mesh as its file has it: vertices in their order, polygons cut into triangles.

    Attributes:
        path: The file.
        verts: In the file's unit.
        faces: Vertex indices.
        coloured: Whether the lines of vertices hold colours too, which are not read.
    """

    path: Path
    verts: Float64[np.ndarray, "verts 3"]
    faces: Int64[np.ndarray, "faces 3"]
    coloured: bool = False


def read_mesh(path: Path) -> MeshFile:
    """Read an .obj or .ply file.

    Raises:
        DataError: If the file cannot be read, or is no mesh.
        ConfigError: If its suffix is another one, or trimesh, which reads .ply, is not installed.
    """
    match path.suffix.lower():
        case ".obj":
            return _read_obj(path)
        case ".ply":
            return _read_ply(path)
    raise ConfigError(f"{path}: expected a mesh as .obj or .ply.")


def find_mesh(stem: Path) -> Path | None:
    """The .obj or .ply file of that name without suffix; None if there is neither."""
    for suffix in (".obj", ".ply"):
        path = stem.with_name(stem.name + suffix)
        if path.is_file():
            return path
    return None


def read_points(path: Path) -> Float64[np.ndarray, "points 3"]:
    """Landmarks from an .npy file, a .txt file of three numbers a line, or a .pp file of MeshLab.

    Raises:
        DataError: If the file cannot be read, or holds something else.
    """
    try:
        match path.suffix.lower():
            case ".npy":
                points = read_npy(path, "landmarks")
            case ".pp":
                points = _picked_points(path.read_text(encoding="utf-8"))
            case _:
                points = np.loadtxt(path, ndmin=2, delimiter="," if "," in path.read_text() else None)
    except (OSError, ValueError, EOFError, KeyError) as error:
        raise DataError(f"{path}: expected landmarks, cannot read them ({error}).") from error
    if not isinstance(points, np.ndarray) or points.ndim != 2 or points.shape[1] != 3:
        raise DataError(f"{path}: expected landmarks of the shape (points, 3), got {np.shape(points)}.")
    return points.astype(np.float64)


def find_points(stem: Path) -> Path | None:
    """The .npy or .txt file of that name without suffix; None if there is neither."""
    for suffix in (".npy", ".txt"):
        path = stem.with_name(stem.name + suffix)
        if path.is_file():
            return path
    return None


def _read_obj(path: Path) -> MeshFile:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise DataError(f"{path}: expected a mesh, cannot read it ({error.strerror}).") from error
    vertex_lines = [line[2:] for line in lines if line.startswith("v ")]
    face_lines = [line[2:] for line in lines if line.startswith("f ")]
    if not vertex_lines:
        raise DataError(f"{path}: expected lines of vertices, found none.")
    columns = len(vertex_lines[0].split())
    try:
        numbers = np.array(" ".join(vertex_lines).split(), dtype=np.float64)
        if columns < 3 or numbers.size != columns * len(vertex_lines):
            raise ValueError("lines of different lengths")
        verts = numbers.reshape(-1, columns)[:, :3].copy()
        faces = _triangles(face_lines, len(verts))
    except ValueError as error:
        raise DataError(f"{path}: expected lines of numbers, cannot read them ({error}).") from error
    return MeshFile(path, verts, faces, coloured=columns >= 6)


def _triangles(face_lines: list[str], verts: int) -> Int64[np.ndarray, "faces 3"]:
    """Corners counted from 0; polygons are cut like a fan. What follows a slash is no vertex."""
    corners = [[corner.partition("/")[0] for corner in line.split()] for line in face_lines]
    if not corners:
        return np.zeros((0, 3), dtype=np.int64)
    if all(len(corner) == 3 for corner in corners):
        indices = np.array(corners, dtype=np.int64)
    else:
        fans = [(c[0], c[i], c[i + 1]) for c in corners for i in range(1, len(c) - 1)]
        indices = np.array(fans, dtype=np.int64).reshape(-1, 3)
    # Negative ones count back from the last vertex; files that mix both kinds have all vertices first.
    faces = np.where(indices < 0, indices + verts, indices - 1)
    if faces.min(initial=0) < 0 or faces.max(initial=0) >= verts:
        raise ValueError(f"a polygon of vertex {int(faces.max()) + 1} of {verts}")
    return faces


def _read_ply(path: Path) -> MeshFile:
    try:
        import trimesh
    except ImportError as error:
        raise ConfigError(
            "reading .ply needs trimesh, which is not installed. Install it with: pip install "
            "'monoface[eval]'"
        ) from error
    try:
        mesh: Any = trimesh.load(path, process=False, force="mesh")
        verts = np.array(mesh.vertices, dtype=np.float64)
        faces = np.array(mesh.faces, dtype=np.int64).reshape(-1, 3)
    except (OSError, ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        raise DataError(f"{path}: expected a mesh, cannot read it ({error}).") from error
    if not len(verts):
        raise DataError(f"{path}: expected vertices, found none.")
    return MeshFile(path, verts, faces)


def _picked_points(text: str) -> np.ndarray:
    rows = []
    for point in _PICKED_POINT.findall(text):
        place = dict(_ATTRIBUTE.findall(point))
        rows.append([float(place[axis]) for axis in "xyz"])
    return np.array(rows, dtype=np.float64)
