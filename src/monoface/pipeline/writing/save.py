"""Write faces and photo results to files; the suffix chooses the format."""

import io
from pathlib import Path

from PIL import Image

from monoface.core.errors import ConfigError
from monoface.core.files import write_atomically
from monoface.export import write_glb, write_obj, write_ply
from monoface.pipeline.multi_photo.reconstruct import TogetherResult
from monoface.pipeline.results import Face, PhotoResult
from monoface.pipeline.writing.json_report import face_report, photo_report, to_json, together_report
from monoface.pipeline.writing.overlay import draw_faces
from monoface.pipeline.writing.scene import dense_head, rigged_head


def save_face(face: Face, path: Path, *, overwrite: bool) -> None:
    """Write a face as `.glb`, `.obj` (with its material and texture beside it), `.ply` or `.json`.

    Raises:
        ConfigError: If the suffix is another one.
        OutputExistsError: If the file exists and `overwrite` is false.
        OSError: If it cannot be written.
    """
    match path.suffix.lower():
        case ".glb":
            write_glb(rigged_head(face), path, overwrite=overwrite)
        case ".obj":
            write_obj(rigged_head(face), path, overwrite=overwrite)
        case ".ply":
            write_ply(rigged_head(face), path, overwrite=overwrite)
        case ".json":
            write_atomically(path, to_json(face_report(face)), overwrite=overwrite)
        case _:
            raise ConfigError(f"{path}: expected a suffix .glb, .obj, .ply or .json, got {path.suffix!r}.")


def save_dense(face: Face, path: Path, *, overwrite: bool) -> None:
    """Write a face's displaced dense mesh as `.glb` or `.ply`.

    Raises:
        ConfigError: If the suffix is another one, or the face has no detail.
        OutputExistsError: If the file exists and `overwrite` is false.
        OSError: If it cannot be written.
    """
    match path.suffix.lower():
        case ".glb":
            write_glb(dense_head(face), path, overwrite=overwrite)
        case ".ply":
            write_ply(dense_head(face), path, overwrite=overwrite)
        case _:
            raise ConfigError(f"{path}: expected a suffix .glb or .ply, got {path.suffix!r}.")


def save_photo_result(result: PhotoResult, path: Path, *, overwrite: bool) -> None:
    """Write the report of a photo as `.json`, or its overlay as `.png`.

    Raises:
        ConfigError: If the suffix is another one, or if there is no photo to draw on.
        OutputExistsError: If the file exists and `overwrite` is false.
        OSError: If it cannot be written.
    """
    match path.suffix.lower():
        case ".json":
            write_atomically(path, to_json(photo_report(result)), overwrite=overwrite)
        case ".png":
            if result.photo is None:
                raise ConfigError(f"{path}: expected a photo to draw on, but {result.name} was unreadable.")
            write_atomically(path, _encode_png(result), overwrite=overwrite)
        case _:
            raise ConfigError(f"{path}: expected a suffix .json or .png, got {path.suffix!r}.")


def save_together(result: TogetherResult, path: Path, *, overwrite: bool) -> None:
    """Write the face of several photos as `.glb`, `.obj` or `.ply`, or the report on them as `.json`.

    Raises:
        ConfigError: If the suffix is another one, or there is no face to write.
        OutputExistsError: If the file exists and `overwrite` is false.
        OSError: If it cannot be written.
    """
    if path.suffix.lower() == ".json":
        write_atomically(path, to_json(together_report(result)), overwrite=overwrite)
    elif result.face is None:
        raise ConfigError(f"{path}: expected a face to write, but no photo was usable.")
    else:
        save_face(result.face, path, overwrite=overwrite)


def _encode_png(result: PhotoResult) -> bytes:
    file = io.BytesIO()
    # A higher level takes three times as long for a few percent.
    Image.fromarray(draw_faces(result)).save(file, "PNG", compress_level=3)
    return file.getvalue()
