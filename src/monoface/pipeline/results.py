"""What a reconstruction gives: one `PhotoResult` for each photo, with a typed `Face` for each face in it."""

import html
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from monoface.core.errors import ConfigError
from monoface.photos.reading import LoadedImage
from monoface.pipeline.face import Face
from monoface.pipeline.posed_face import MadeWith
from monoface.pipeline.writing.json_report import photo_report
from monoface.pipeline.writing.result_page import photo_page, save_page
from monoface.pipeline.writing.save import save_overlay, save_report
from monoface.viewer import PageContents, embed_page, show_page

Status = Literal["ok", "no_face", "low_confidence", "unreadable"]


@dataclass(frozen=True, eq=False, repr=False)
class PhotoResult:
    """What became of one photo.

    Attributes:
        status: `ok`: at least one face. `no_face`: none was detected. `low_confidence`: those detected are
            all doubtful. `unreadable`: the photo cannot be read.
        reason: One line that says more.
        name: What the photo is called: its path, or what kind of object it was.
        faces: Reconstructed faces, largest first.
        doubtful: What was detected but reconstructed with too little confidence to be used, largest first.
        photo: The photo, as the pipeline works on it; None if unreadable.
        made_with: Versions and hashes.
    """

    status: Status
    reason: str
    name: str
    faces: tuple[Face, ...]
    doubtful: tuple[Face, ...]
    photo: LoadedImage | None
    made_with: MadeWith

    def __repr__(self) -> str:
        return f"PhotoResult({self.name!r}, {self.status!r}, {self.reason!r})"

    @property
    def all_faces(self) -> tuple[Face, ...]:
        """All faces, the doubtful ones last."""
        return self.faces + self.doubtful

    @property
    def found(self) -> tuple[Face, ...]:
        """Former name of `all_faces`."""
        warnings.warn("PhotoResult.found will go: use all_faces.", DeprecationWarning, stacklevel=2)
        return self.all_faces

    def report(self) -> dict[str, Any]:
        """What the JSON file of the photo says, as JSON values."""
        return photo_report(
            name=self.name,
            size_px=None if self.photo is None else self.photo.original_size_px,
            status=self.status,
            reason=self.reason,
            faces=[face.skin for face in self.faces],
            doubtful=[face.skin for face in self.doubtful],
            made_with=self.made_with,
        )

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the report as `.json`, the photo with its faces drawn on it as `.png`, or a page as `.html`.

        The page is one file that shows the photo and the heads in a browser, without a network.

        Raises:
            ConfigError: If the suffix is another one, or if there is no photo to draw on.
            OutputExistsError: If the file exists and `overwrite` is false.
            OSError: If it cannot be written.
        """
        path = Path(path)
        match path.suffix.lower():
            case ".json":
                save_report(self.report(), path, overwrite=overwrite)
            case ".png":
                if self.photo is None:
                    raise ConfigError(f"{path}: expected a photo to draw on, but {self.name} was unreadable.")
                faces, doubtful = ([face.skin for face in some] for some in (self.faces, self.doubtful))
                save_overlay(self.photo, faces, doubtful, path, overwrite=overwrite)
            case ".html":
                save_page(self._page(path.stem), path, overwrite=overwrite)
            case _:
                raise ConfigError(f"{path}: expected a suffix .json, .png or .html, got {path.suffix!r}.")

    def show(self) -> Path | None:
        """Show photo and heads in the notebook that runs this, or else in the browser.

        Returns:
            The page that was opened, which stays in the folder for temporary files; None in a notebook.
        """
        return show_page(self._page("result"))

    def _repr_html_(self) -> str:
        """What notebooks show of a result: the overlay, and the heads to turn; one line without a photo."""
        if self.photo is None:
            return f"<p>{html.escape(repr(self))}</p>"
        return embed_page(self._page("result"))

    def _page(self, stem: str) -> PageContents:
        faces, doubtful = ([face.skin for face in some] for some in (self.faces, self.doubtful))
        return photo_page(self.report(), self.photo, faces, doubtful, stem)


def photo_result(
    name: str,
    photo: LoadedImage | None,
    faces: tuple[Face, ...],
    doubtful: tuple[Face, ...],
    problem: str,
    made_with: MadeWith,
) -> PhotoResult:
    """Result of a photo, with the status and the reason that follow from what was found.

    Args:
        problem: Why the photo cannot be read, if it cannot.
    """
    status: Status = "ok"
    reason = _count(len(faces), "face")
    if photo is None:
        status, reason = "unreadable", problem
    elif not faces and not doubtful:
        status, reason = "no_face", "no face was found"
    elif not faces:
        best = max(face.confidence for face in doubtful)
        status, reason = "low_confidence", f"{_count(len(doubtful), 'face')}, confidence {best:.2f} at most"
    elif doubtful:
        reason += f", and {len(doubtful)} of too little confidence"
    return PhotoResult(status, reason, name, faces, doubtful, photo, made_with)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
