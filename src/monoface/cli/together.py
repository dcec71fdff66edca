"""`monoface together PHOTO… --out DIR`: several photos of one person in, one 3D face out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from monoface.cli.batch import EarlierResults
from monoface.cli.console.progress import exit_code, make_folder, showing_photos
from monoface.cli.origins import origin_of
from monoface.cli.outputs import MESH_FORMATS, PAGE, distinct_stems, parse_formats
from monoface.core.errors import ConfigError, OutputExistsError
from monoface.core.file_sets import staged_in
from monoface.pipeline import Reconstructor, ReconstructorConfig, TogetherResult, reconstruct_together
from monoface.pipeline.writing.json_report import TOGETHER_FORMAT
from monoface.pipeline.writing.result_files import Existing, ResultFiles
from monoface.texturing.look import TextureKind

_NAME = "together"


@dataclass(frozen=True)
class TogetherArguments:
    """Turn several photos of one person into one posed, textured 3D face.

    together.glb is the face: one shape and albedo, the expression and pose of the photo that shows it best,
    and a texture merged from all photos. together.json says what became of each photo, with its own
    pose, expression and light; STEM.overlay.png shows the face drawn on it. The largest face of each photo
    is taken. A photo that seems to show another person is used all the same; its line and the report say so.

    A line for each photo says its status: ok, no_face, low_confidence or unreadable; the last three are
    left out. All files appear together; if they cannot be written, none does, and the status is failed.
    Exit code: 0 all photos used, 2 usage error, 3 some not used, 4 none.
    """

    photos: tyro.conf.Positional[Annotated[tuple[Path, ...], tyro.conf.arg(metavar="PHOTO…")]]
    """JPEG, PNG, WebP, TIFF and other pictures of one person."""
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """Folder for the results; it is made if it does not exist."""
    formats: str = "glb"
    """Formats, separated by commas: glb, vrm, usdz, obj, ply; html is a page that shows all of it in a
    browser."""
    weights: str = "monoface"
    """Regressor: the name of shipped weights, or the path of a .safetensors file."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where the regressor runs."""
    overwrite: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Replace results of an earlier run: the files that together.json lists, and no others."""
    resume: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Keep a face whose files are all there, made from the same photos with the same options and version;
    what an interrupted run left is made anew."""
    min_confidence: float = ReconstructorConfig.min_confidence
    """Photos whose faces have a lower confidence are left out."""
    texture: TextureKind = ReconstructorConfig.texture
    """clean takes of photos the face's own skin, and fills the rest with skin; photo takes what was seen,
    hair and glasses too; none takes the face model's colours."""
    texture_size: int = ReconstructorConfig.texture_size
    """Side of the texture in pixels, a multiple of 16."""
    refine: Literal["auto", "none"] = ReconstructorConfig.refine
    """none takes faces as the network says; auto measures them, with weights that are better for it."""


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    chosen = tyro.cli(TogetherArguments, prog="monoface together", args=list(arguments))
    if not chosen.photos:
        raise ConfigError("together: expected photos, got none. See monoface together --help.")
    formats = parse_formats(chosen.formats, (*MESH_FORMATS, PAGE))
    faces = [chosen.out / f"{_NAME}.{extension}" for extension in formats]
    # The first name is taken, for a photo may be called together too.
    stems = distinct_stems([Path(_NAME), *chosen.photos])[1:]
    overlays = [chosen.out / f"{stem}.overlay.png" for stem in stems]
    make_folder(chosen.out)
    written = [path.name for path in (*faces, *overlays)]
    earlier = EarlierResults(chosen.overwrite, chosen.resume)
    files = ResultFiles(chosen.out / f"{_NAME}.json", TOGETHER_FORMAT)
    if not chosen.resume:
        # Before networks are loaded.
        _check(files, written, earlier)
    reconstructor = Reconstructor(
        ReconstructorConfig(
            weights=chosen.weights,
            device=chosen.device,
            min_confidence=chosen.min_confidence,
            texture=chosen.texture,
            texture_size=chosen.texture_size,
            refine=chosen.refine,
        )
    )
    files = replace(files, origin=origin_of(chosen.photos, reconstructor, {"files": written}))
    if chosen.resume:
        finished = files.finished()
        if finished is not None:
            return _tell(chosen.photos, [_finished_before(photo) for photo in finished["photos"]])
        _check(files, written, earlier)
    result = reconstruct_together(chosen.photos, reconstructor)
    problem = _write(result, faces, overlays, files, earlier.existing)
    if problem:
        return _tell(chosen.photos, [("failed", problem)] * len(chosen.photos))
    return _tell(chosen.photos, [(photo.status, photo.reason) for photo in result.photos])


def _check(files: ResultFiles, names: Sequence[str], earlier: EarlierResults) -> None:
    try:
        files.check(names, earlier.existing)
    except OutputExistsError as error:
        raise OutputExistsError(earlier.advised(error)) from None


def _finished_before(photo: Mapping[str, Any]) -> tuple[str, str]:
    return photo["status"], f"{photo['reason']} (finished before)"


def _tell(photos: Sequence[Path], told: Sequence[tuple[str, str]]) -> int:
    """A line for each photo, with its status and the reason; returns the exit code."""
    with showing_photos(len(photos)) as lines:
        for path, (status, reason) in zip(photos, told, strict=True):
            lines.photo_done(path, status, reason)
    return exit_code(sum(status == "ok" for status, _ in told), len(photos))


def _write(
    result: TogetherResult,
    faces: Sequence[Path],
    overlays: Sequence[Path],
    files: ResultFiles,
    existing: Existing,
) -> str:
    """Write all files, or none; those of an earlier run that do not belong to it are removed.

    Returns:
        Why they cannot be written; empty if they are.
    """
    try:
        with staged_in(files.report.parent) as stage:
            for path in faces:
                if result.face is not None or path.suffix == f".{PAGE}":
                    result.save(stage / path.name, overwrite=True)
            for path, photo in zip(overlays, result.photos, strict=True):
                if photo.all_faces:
                    photo.save(stage / path.name, overwrite=True)
            report = result.report()
            if files.origin is not None:
                report |= files.origin.as_report() | {"made_with": files.origin.made_with}
            files.publish(stage, report, existing)
    except OSError as error:
        return f"the results cannot be written ({error.strerror or error})"
    return ""
