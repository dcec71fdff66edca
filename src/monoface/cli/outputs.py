"""Where the results of each photo go, and how its files are written: whole, and never two in one place."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from monoface.core.errors import ConfigError
from monoface.core.file_sets import staged_in
from monoface.core.files import write_atomically
from monoface.core.names import result_stem
from monoface.export.usd import usd_is_installed
from monoface.pipeline import Face, PhotoResult
from monoface.pipeline.writing.json_report import PHOTO_FORMAT
from monoface.pipeline.writing.result_files import Existing, Origin, ResultFiles
from monoface.pipeline.writing.save import save_dense

if TYPE_CHECKING:
    from monoface.pipeline import FaceDetail

MeshFormat = Literal["glb", "vrm", "usdz", "obj", "ply"]
MESH_FORMATS: tuple[str, ...] = get_args(MeshFormat)
REPORT_FORMAT = "json"
"""The report, which is always written: on its own, it says that nothing else is."""
DENSE_FORMATS = ("glb", "ply")
PAGE = "html"
"""The format of which a photo has one file, not each face."""


def parse_formats(text: str, known: Sequence[str]) -> tuple[str, ...]:
    """Formats from a list such as `glb,obj` or `.glb`, each once.

    Args:
        text: The list.
        known: What it may name.

    Raises:
        ConfigError: If the list is empty or names another format.
    """
    formats = tuple(
        dict.fromkeys(part.strip().lower().removeprefix(".") for part in text.split(",") if part.strip())
    )
    unknown = [name for name in formats if name not in known]
    if unknown or not formats:
        got = ", ".join(unknown) or "none"
        raise ConfigError(f"--formats: expected {', '.join(known)} or several, with commas; got {got}.")
    if "usdz" in formats and not usd_is_installed():
        raise ConfigError(
            "--formats usdz: expected the package usd-core, found none. pip install 'monoface[usd]'"
        )
    return formats


def distinct_stems(photos: Sequence[Path]) -> list[str]:
    """A name for the outputs of each photo: its stem, and from the second with that stem on a number.

    `a/me.jpg b/me.jpg c/me.png` give `me`, `me-2` and `me-3`. Case does not count as a difference, for some
    file systems do not know it. Stems that are long or hold line breaks change as `result_stem` says. The
    names depend on the order of the photos alone.
    """
    taken: set[str] = set()
    stems = []
    for photo in photos:
        plain = result_stem(photo.stem) or "photo"
        stem, number = plain, 1
        while stem.casefold() in taken:
            number += 1
            stem = f"{plain}-{number}"
        taken.add(stem.casefold())
        stems.append(stem)
    return stems


@dataclass(frozen=True)
class PhotoOutputs:
    """The files of one photo.

    Attributes:
        folder: Where they go.
        stem: What their names begin with.
        formats: 3D formats to write for each face, with an overlay for the photo, and `html` for a page of
            it; none of these without any.
        dense: Whether to write displaced dense meshes too.
    """

    folder: Path
    stem: str
    formats: tuple[str, ...]
    dense: bool = False

    @property
    def report(self) -> Path:
        """The JSON report."""
        return self.folder / f"{self.stem}.json"

    @property
    def overlay(self) -> Path:
        """The picture of the mesh on the photo."""
        return self.folder / f"{self.stem}.overlay.png"

    @property
    def page(self) -> Path:
        """The page that shows all of it."""
        return self.folder / f"{self.stem}.{PAGE}"

    @property
    def face_formats(self) -> tuple[str, ...]:
        """Those formats of which each face has a file."""
        return tuple(name for name in self.formats if name != PAGE)

    def face(self, index: int, extension: str) -> Path:
        """One face in one format."""
        return self.folder / f"{self.stem}.face{index}.{extension}"

    def results(self, origin: Origin | None = None) -> ResultFiles:
        """The files as what belongs to one report."""
        return ResultFiles(self.report, PHOTO_FORMAT, origin)

    @property
    def certain_names(self) -> list[str]:
        """Names of files that are written for most photos: what can be said before a photo is looked at."""
        page = [self.page.name] if PAGE in self.formats else []
        meshes = [self.face(0, extension).name for extension in self.face_formats]
        return [self.overlay.name, *page, *meshes] if self.formats else []

    def write(self, result: PhotoResult, origin: Origin, existing: Existing = "keep") -> None:
        """Write all files of a photo: they appear together, or none does.

        Files of faces that are no longer found are removed, so that what lies there belongs together.

        Raises:
            OutputExistsError: If results are there that may not be replaced, or files of somebody else's.
            OSError: If a file cannot be written.
        """
        with staged_in(self.folder) as stage:
            replace(self, folder=stage)._write_beside_report(result)
            report = result.report() | origin.as_report()
            self.results(origin).publish(stage, report, existing)

    def _write_beside_report(self, result: PhotoResult) -> None:
        """Write all but the report, and keep of each face what that says: a crowd's textures are large."""
        # First, for it shows the pictures of all faces at once.
        if PAGE in self.formats and result.photo is not None:
            result.save(self.page, overwrite=True)
        for index, face in enumerate(result.all_faces):
            if index < len(result.faces):
                self._write_face(index, face)
            face.skin.forget_pictures()
        if result.all_faces and self.formats:
            result.save(self.overlay, overwrite=True)

    def _write_face(self, index: int, face: Face) -> None:
        for extension in self.face_formats:
            face.save(self.face(index, extension), overwrite=True)
        if face.detail is not None:
            self._write_detail(index, face, face.detail)

    def _write_detail(self, index: int, face: Face, detail: "FaceDetail") -> None:
        """The displacement map, and the dense mesh in formats that it has."""
        write_atomically(self.face(index, "displacement.png"), detail.encode_png(), overwrite=True)
        for extension in self.formats:
            if self.dense and extension in DENSE_FORMATS:
                path = self.face(index, f"dense.{extension}")
                save_dense(face.posed, face.skin, path, overwrite=True)
