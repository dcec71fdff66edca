"""Write faces, reports and overlays to files; the suffix chooses the format."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from monoface.core.errors import ConfigError
from monoface.core.files import write_atomically
from monoface.export import write_glb, write_obj, write_ply
from monoface.export.usd import write_usdz
from monoface.export.vrm import VrmMeta, write_vrm
from monoface.photos.reading import LoadedImage
from monoface.pipeline.face_skin import FaceSkin
from monoface.pipeline.posed_face import PosedFace
from monoface.pipeline.writing.json_report import face_report, to_json
from monoface.pipeline.writing.overlay import draw_faces
from monoface.pipeline.writing.scene import dense_head, plain_head, rigged_head


def save_face(posed: PosedFace, skin: FaceSkin, path: Path, *, overwrite: bool) -> None:
    """Write a face as `.glb`, `.vrm`, `.usdz`, `.obj` (with its material and textures), `.ply` or `.json`.

    PLY has the face model's own mesh, the other formats have what animators want of it.

    Raises:
        ConfigError: If the suffix is another one.
        ExportError: If the format needs an extra that is not installed.
        OutputExistsError: If the file exists and `overwrite` is false.
        OSError: If it cannot be written.
    """
    match path.suffix.lower():
        case ".glb":
            write_glb(rigged_head(posed, skin), path, overwrite=overwrite)
        case ".obj":
            write_obj(rigged_head(posed, skin), path, overwrite=overwrite)
        case ".vrm":
            write_vrm(rigged_head(posed, skin), path, VrmMeta(name=path.stem), overwrite=overwrite)
        case ".usdz":
            write_usdz(rigged_head(posed, skin), path, overwrite=overwrite)
        case ".ply":
            write_ply(plain_head(posed, skin), path, overwrite=overwrite)
        case ".json":
            save_report(face_report(posed, skin), path, overwrite=overwrite)
        case _:
            raise ConfigError(
                f"{path}: expected a suffix .glb, .vrm, .usdz, .obj, .ply or .json, got {path.suffix!r}."
            )


def save_dense(posed: PosedFace, skin: FaceSkin, path: Path, *, overwrite: bool) -> None:
    """Write a face's displaced dense mesh as `.glb` or `.ply`.

    Raises:
        ConfigError: If the suffix is another one, or the face has no detail.
        OutputExistsError: If the file exists and `overwrite` is false.
        OSError: If it cannot be written.
    """
    match path.suffix.lower():
        case ".glb":
            write_glb(dense_head(posed, skin), path, overwrite=overwrite)
        case ".ply":
            write_ply(dense_head(posed, skin), path, overwrite=overwrite)
        case _:
            raise ConfigError(f"{path}: expected a suffix .glb or .ply, got {path.suffix!r}.")


def save_report(report: dict[str, Any], path: Path, *, overwrite: bool) -> None:
    """Write a report as JSON.

    Raises:
        OutputExistsError: If the file exists and `overwrite` is false.
        OSError: If it cannot be written.
    """
    write_atomically(path, to_json(report), overwrite=overwrite)


def save_overlay(
    photo: LoadedImage,
    faces: Sequence[FaceSkin],
    doubtful: Sequence[FaceSkin],
    path: Path,
    *,
    overwrite: bool,
) -> None:
    """Write a photo with its faces drawn on it, as `draw_faces` does, as PNG.

    Raises:
        OutputExistsError: If the file exists and `overwrite` is false.
        OSError: If it cannot be written.
    """
    file = io.BytesIO()
    # A higher level takes three times as long for a few percent.
    Image.fromarray(draw_faces(photo, faces, doubtful)).save(file, "PNG", compress_level=3)
    write_atomically(path, file.getvalue(), overwrite=overwrite)
