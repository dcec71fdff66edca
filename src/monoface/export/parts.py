"""Cut one mesh with numbered parts into separate meshes, each with the vertices it uses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from monoface.export.scene import ExportError, MeshPart
from monoface.geometry.triangles import vertex_normals


@dataclass(frozen=True, eq=False)
class WholeMesh:
    """All parts of a head over one list of vertices, as face models have it.

    Attributes:
        verts_mm: Vertices of this person's neutral face, model frame.
        faces: Triangles, counter-clockwise seen from outside.
        face_part: Number of each triangle's part in `part_names`.
        part_names: For instance skin, eye_left, teeth.
        uv: Texture coordinates, origin top left.
        weld: For each vertex the first vertex at the same place.
        morphs_mm: Offsets of vertices at weight 1, one row a morph.
        morph_names: One for each row.
        numbers: Of each vertex, by name.
        joint_weights: How far each vertex follows each joint of a skeleton; see `MeshPart`.
    """

    verts_mm: Float[np.ndarray, "verts 3"]
    faces: Int[np.ndarray, "faces 3"]
    face_part: Int[np.ndarray, " faces"]
    part_names: tuple[str, ...]
    uv: Float[np.ndarray, "verts 2"]
    weld: Int[np.ndarray, " verts"]
    morphs_mm: Float[np.ndarray, "morphs verts 3"]
    morph_names: tuple[str, ...]
    numbers: Mapping[str, Float[np.ndarray, " verts"]] = field(default_factory=dict)
    joint_weights: Float[np.ndarray, "verts joints"] | None = None

    def __post_init__(self) -> None:
        if len(self.morph_names) != len(self.morphs_mm):
            raise ExportError(
                f"mesh: expected {len(self.morphs_mm)} morph names, got {len(self.morph_names)}."
            )


def part_vertices(mesh: WholeMesh, name: str) -> Int[np.ndarray, " part"]:
    """Vertices of the whole mesh that a part's triangles use, ascending: row i of the part is entry i.

    Raises:
        ExportError: If the mesh has no such part.
    """
    if name not in mesh.part_names:
        raise ExportError(f"part {name}: the mesh has no such part; it has {', '.join(mesh.part_names)}.")
    return np.unique(mesh.faces[mesh.face_part == mesh.part_names.index(name)])


def split_into_parts(
    mesh: WholeMesh,
    materials: Mapping[str, str],
    *,
    rigid: Sequence[str] = (),
    still_mm: float = 1e-4,
) -> tuple[MeshPart, ...]:
    """Parts of a mesh, in the order of `materials`.

    Normals are those of the whole mesh, so neighbouring parts shade alike along their common border.

    Args:
        mesh: The mesh to cut.
        materials: Material name by part name. Parts without one are left out.
        rigid: Parts that get no morphs, for they turn or stand as a whole, such as eyes.
        still_mm: A morph that moves no vertex of a part further than this is left out of the part.

    Raises:
        ExportError: If the mesh lacks one of the parts, or the part has no triangle.
    """
    normals = vertex_normals(mesh.verts_mm, mesh.faces, mesh.weld)
    return tuple(
        _part(mesh, normals, name, material, () if name in rigid else mesh.morph_names, still_mm)
        for name, material in materials.items()
    )


def _part(
    mesh: WholeMesh,
    normals: np.ndarray,
    name: str,
    material: str,
    morph_names: Sequence[str],
    still_mm: float,
) -> MeshPart:
    index = part_vertices(mesh, name)
    local = np.full(len(mesh.verts_mm), -1, dtype=np.int64)
    local[index] = np.arange(len(index))
    # The first vertex at a place may belong to another part; then the first one of this part stands in.
    _, first, inverse = np.unique(mesh.weld[index], return_index=True, return_inverse=True)
    moved = {
        morph: offsets
        for morph, offsets in zip(morph_names, mesh.morphs_mm[:, index], strict=False)
        if np.abs(offsets).max(initial=0) > still_mm
    }
    return MeshPart(
        name=name,
        verts_mm=mesh.verts_mm[index],
        faces=local[mesh.faces[mesh.face_part == mesh.part_names.index(name)]],
        uv=mesh.uv[index],
        material=material,
        morphs_mm=moved,
        normals=normals[index],
        weld=first[inverse],
        numbers={label: values[index] for label, values in mesh.numbers.items()},
        joint_weights=None if mesh.joint_weights is None else mesh.joint_weights[index],
    )
