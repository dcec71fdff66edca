"""Where the results of each photo go, and how its files are written: whole, and never two in one place."""

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from monoface.core.errors import ConfigError
from monoface.core.files import write_atomically
from monoface.pipeline import Face, PhotoResult
from monoface.pipeline.writing.save import save_dense

Format = Literal["glb", "obj", "ply"]
FORMATS: tuple[str, ...] = get_args(Format)
DENSE_FORMATS = ("glb", "ply")


def parse_formats(text: str) -> tuple[str, ...]:
    """Formats from a list such as `glb,obj`, each once.

    Raises:
        ConfigError: If the list is empty or names another format.
    """
    formats = tuple(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        got = ", ".join(unknown) or "none"
        raise ConfigError(f"--formats: expected {', '.join(FORMATS)} or several, with commas; got {got}.")
    return formats


def distinct_stems(photos: Sequence[Path]) -> list[str]:
    """A name for the outputs of each photo: its stem, and from the second with that stem on a number.

    `a/me.jpg b/me.jpg c/me.png` give `me`, `me-2` and `me-3`. Case does not count as a difference, for some
    file systems do not know it. The names depend on the order of the photos alone.
    """
    taken: set[str] = set()
    stems = []
    for photo in photos:
        plain = photo.stem or "photo"
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
        formats: 3D formats to write for each face.
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

    def face(self, index: int, extension: str) -> Path:
        """One face in one format."""
        return self.folder / f"{self.stem}.face{index}.{extension}"

    def first_existing(self) -> Path | None:
        """A file that an earlier run left for this photo, or None."""
        plain = [path for path in (self.report, self.overlay) if path.exists() or path.is_symlink()]
        return next(iter(plain + self._faces_from(0)), None)

    def write(self, result: PhotoResult) -> None:
        """Write all files of a photo, replacing those of an earlier run. The report comes last.

        Files of faces that are no longer found are removed, so that what lies there belongs together.

        Raises:
            OSError: If a file cannot be written.
        """
        for index, face in enumerate(result.faces):
            for extension in self.formats:
                face.save(self.face(index, extension), overwrite=True)
            self._write_detail(index, face)
        if result.all_faces:
            result.save(self.overlay, overwrite=True)
        else:
            self.overlay.unlink(missing_ok=True)
        for path in self._faces_from(len(result.faces)):
            path.unlink()
        result.save(self.report, overwrite=True)

    def _write_detail(self, index: int, face: Face) -> None:
        """The displacement map, and the dense mesh in formats that it has; those of an earlier run go."""
        path = self.face(index, "displacement.png")
        dense = {extension: self.face(index, f"dense.{extension}") for extension in DENSE_FORMATS}
        for stale in (path, *dense.values()):
            stale.unlink(missing_ok=True)
        if face.detail is None:
            return
        write_atomically(path, face.detail.encode_png(), overwrite=True)
        for extension in self.formats:
            if self.dense and extension in dense:
                save_dense(face.posed, face.skin, dense[extension], overwrite=True)

    def _faces_from(self, index: int) -> list[Path]:
        """Files of faces from that number on, in whatever format, with materials and textures."""
        found: list[Path] = []
        while any(self.face(index, extension).exists() for extension in FORMATS):
            pattern = glob.escape(f"{self.stem}.face{index}.") + "*"
            found += sorted(self.folder.glob(pattern))
            index += 1
        return found
