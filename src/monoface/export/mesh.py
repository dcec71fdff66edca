"""Write the posed face as OBJ with texture, or as PLY with vertex colours, in millimetres.

Neither format knows units or morphs: both hold the photo's expression, in the model frame (+x towards the
subject's left, +y up, +z out of the face), and say so in a comment. Vertices that are doubled along
texture seams are written once, so that other programs see a closed surface.

Written here rather than through trimesh: that writes seams doubled and no comment of ours, and importing
it takes longer than writing a dozen heads.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image

from monoface.core.file_sets import write_together
from monoface.core.files import Content, write_atomically
from monoface.core.names import result_stem
from monoface.core.version import VERSION
from monoface.export.scene import Material, MeshPart, RiggedHead

_FRAME = "millimetres; +x towards the subject's left, +y up, +z out of the face"


@dataclass(frozen=True, eq=False)
class _WeldedPart:
    """A posed part whose seam vertices are merged; `rows` leads from its vertices to the merged ones."""

    verts_mm: Float[np.ndarray, "welded 3"]
    normals: Float[np.ndarray, "welded 3"]
    kept: Int[np.ndarray, " welded"]
    rows: Int[np.ndarray, " verts"]


def write_obj(head: RiggedHead, path: Path, *, overwrite: bool = False) -> tuple[Path, ...]:
    """Write an .obj file, its .mtl, and a .png for each texture, named after it: `STEM.MATERIAL.png`.

    The .obj comes last, so that one that exists is complete.

    Returns:
        All files written.

    Raises:
        OutputExistsError: If one of them exists and `overwrite` is false; then none is written.
    """
    # What an .obj refers to is named in lines of text, so these names hold no line breaks and are UTF-8.
    beside = path.with_name(result_stem(path.stem))
    textures = _texture_paths(head, beside)
    material_path = beside.with_name(f"{beside.name}.mtl")
    files: dict[Path, Content] = {
        textures[material.name]: _encode_png(material.texture_srgb)
        for material in head.materials
        if material.texture_srgb is not None
    }
    files[material_path] = _material_library(head, textures)
    files[path] = _object_text(head, material_path.name)
    write_together(files, overwrite=overwrite)
    return tuple(files)


def write_ply(head: RiggedHead, path: Path, *, overwrite: bool = False) -> None:
    """Write a binary .ply file with normals and 8-bit sRGB vertex colours, looked up in the textures.

    Numbers of vertices that all parts have (`MeshPart.numbers`) become float properties after the colours.

    Raises:
        OutputExistsError: If the file exists and `overwrite` is false.
    """
    welded = [_weld(head, part) for part in head.parts]
    starts = np.cumsum([0, *(len(part.verts_mm) for part in welded)])
    names = [name for name in head.parts[0].numbers if all(name in part.numbers for part in head.parts)]
    layout = [("xyz", "<f4", (3,)), ("normal", "<f4", (3,)), ("rgb", "u1", (3,))]
    rows = np.zeros(starts[-1], dtype=[*layout, ("numbers", "<f4", (len(names),))])
    rows["xyz"] = np.concatenate([part.verts_mm for part in welded])
    rows["normal"] = np.concatenate([part.normals for part in welded])
    rows["rgb"] = np.concatenate(
        [
            _colors_at(head.material_of(part), part.uv[merged.kept])
            for part, merged in zip(head.parts, welded, strict=True)
        ]
    )
    for column, name in enumerate(names):
        pairs = zip(head.parts, welded, strict=True)
        rows["numbers"][:, column] = np.concatenate([part.numbers[name][one.kept] for part, one in pairs])
    triangles = np.concatenate(
        [
            merged.rows[part.faces] + start
            for part, merged, start in zip(head.parts, welded, starts[:-1], strict=True)
        ]
    )
    faces = np.zeros(len(triangles), dtype=[("count", "u1"), ("index", "<i4", 3)])
    faces["count"], faces["index"] = 3, triangles
    header = _ply_header(len(rows), len(faces), names).encode("ascii")
    write_atomically(path, header + rows.tobytes() + faces.tobytes(), overwrite=overwrite)


def _weld(head: RiggedHead, part: MeshPart) -> _WeldedPart:
    verts_mm = head.posed_verts_mm(part)
    representative = np.arange(len(verts_mm)) if part.weld is None else part.weld
    _, kept, rows = np.unique(representative, return_index=True, return_inverse=True)
    return _WeldedPart(verts_mm[kept], part.normals_at(verts_mm)[kept], kept, rows)


def _object_text(head: RiggedHead, library: str) -> str:
    lines = [f"# monoface {VERSION}; {_FRAME}", f"mtllib {library}"]
    first_vertex, first_uv = 1, 1
    for part in head.parts:
        merged = _weld(head, part)
        # Origin bottom left, as OBJ has it.
        uv = np.stack((part.uv[:, 0], 1 - part.uv[:, 1]), axis=1)
        vertex, corner_uv = merged.rows[part.faces] + first_vertex, part.faces + first_uv
        corners = np.stack((vertex, corner_uv, vertex), axis=2).reshape(len(part.faces), 9)
        lines += [
            f"o {_word(part.name)}",
            _format_rows("v %.4f %.4f %.4f", merged.verts_mm),
            _format_rows("vt %.6f %.6f", uv),
            _format_rows("vn %.4f %.4f %.4f", merged.normals),
            f"usemtl {_word(part.material)}",
            "s 1",
            _format_rows("f %d/%d/%d %d/%d/%d %d/%d/%d", corners),
        ]
        first_vertex += len(merged.verts_mm)
        first_uv += len(uv)
    return "\n".join(lines) + "\n"


def _format_rows(pattern: str, rows: np.ndarray) -> str:
    """One line a row. One formatting operation for all is three times as fast as one a line."""
    return "\n".join([pattern] * len(rows)) % tuple(rows.ravel().tolist())


def _material_library(head: RiggedHead, textures: dict[str, Path]) -> str:
    lines = [f"# monoface {VERSION}; colours already hold the photo's light"]
    for material in head.materials:
        red, green, blue = material.color
        # Diffuse only, no highlight.
        lines += [
            f"newmtl {_word(material.name)}",
            f"Kd {red:.4f} {green:.4f} {blue:.4f}",
            "Ks 0 0 0",
            "illum 1",
        ]
        if material.name in textures:
            lines.append(f"map_Kd {textures[material.name].name}")
            if material.see_through:
                lines.append(f"map_d -imfchan m {textures[material.name].name}")
    return "\n".join(lines) + "\n"


def _word(name: str) -> str:
    """A name of a part or material, as one line and a part of a file's name can hold it."""
    return result_stem(name).replace("/", "%2F")


def _texture_paths(head: RiggedHead, beside: Path) -> dict[str, Path]:
    """Texture file by material name; materials that share an array share the file of the first."""
    first_name: dict[int, str] = {}
    for material in head.materials:
        if material.texture_srgb is not None:
            first_name.setdefault(id(material.texture_srgb), material.name)
    return {
        material.name: beside.with_name(f"{beside.name}.{_word(first_name[id(material.texture_srgb)])}.png")
        for material in head.materials
        if material.texture_srgb is not None
    }


def _encode_png(image_srgb: UInt8[np.ndarray, "height width channels"]) -> bytes:
    file = io.BytesIO()
    # A higher level takes three times as long for a few percent.
    Image.fromarray(image_srgb).save(file, "PNG", compress_level=3)
    return file.getvalue()


def _colors_at(material: Material, uv: Float[np.ndarray, "verts 2"]) -> UInt8[np.ndarray, "verts 3"]:
    """Bilinear lookup in sRGB, the edge repeated."""
    if material.texture_srgb is None:
        return np.tile(_srgb_bytes(np.array(material.color)), (len(uv), 1))
    height, width, _ = material.texture_srgb.shape
    size = np.array((width, height))
    place = np.clip(uv * size - 0.5, 0, size - 1)
    low = np.minimum(place.astype(np.int64), np.maximum(size - 2, 0))
    high = np.minimum(low + 1, size - 1)
    (x0, y0), (x1, y1) = low.T, high.T
    across, down = (place - low).T[..., None]
    texels = material.texture_srgb.astype(np.float64)
    upper = texels[y0, x0] * (1 - across) + texels[y0, x1] * across
    lower = texels[y1, x0] * (1 - across) + texels[y1, x1] * across
    return np.rint(upper * (1 - down) + lower * down).astype(np.uint8)


def _srgb_bytes(linear: Float[np.ndarray, " 3"]) -> UInt8[np.ndarray, " 3"]:
    """IEC 61966-2-1."""
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055)
    return np.rint(255 * np.clip(curved, 0, 1)).astype(np.uint8)


def _ply_header(verts: int, faces: int, numbers: Sequence[str]) -> str:
    properties = [f"property float {name}" for name in ("x", "y", "z", "nx", "ny", "nz")]
    properties += [f"property uchar {name}" for name in ("red", "green", "blue")]
    properties += [f"property float {name}" for name in numbers]
    lines = [
        "ply",
        "format binary_little_endian 1.0",
        f"comment monoface {VERSION}; {_FRAME}",
        f"element vertex {verts}",
        *properties,
        f"element face {faces}",
        "property list uchar int vertex_indices",
        "end_header",
    ]
    return "\n".join(lines) + "\n"
