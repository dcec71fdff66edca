"""What several photos of one person become: one result for all of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from monoface.core.errors import ConfigError
from monoface.pipeline.multi_photo.shared_face import SharedFace
from monoface.pipeline.results import PhotoResult
from monoface.pipeline.writing.json_report import together_report
from monoface.pipeline.writing.result_page import page_photo, save_page, together_page
from monoface.pipeline.writing.save import save_report
from monoface.viewer import PageContents, PagePhoto, embed_page, show_page


@dataclass(frozen=True, eq=False, repr=False)
class TogetherResult:
    """What became of several photos of one person.

    Attributes:
        status: `ok`: at least one photo was used. `nothing_usable`: none.
        reason: One line that says more.
        photos: One result for each photo, in their order. Those that were used have one face, a
            `SharedFace`, with the shape of all photos; the others say why they were not.
        face: The face as the reference photo shows it, the one that shows most of it and most surely; None
            if no photo was used.
        warnings: What may be wrong, such as photos of different people.
    """

    status: Literal["ok", "nothing_usable"]
    reason: str
    photos: tuple[PhotoResult, ...]
    face: SharedFace | None
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"TogetherResult({self.status!r}, {self.reason!r})"

    @property
    def faces(self) -> tuple[SharedFace, ...]:
        """The face in each photo that was used."""
        found = [face for result in self.photos for face in result.faces]
        return tuple(face for face in found if isinstance(face, SharedFace))

    def report(self) -> dict[str, Any]:
        """What the JSON file of the photos says, as JSON values."""
        face = self.face
        reference = None if face is None else [face in one.faces for one in self.photos].index(True)
        return together_report(
            status=self.status,
            reason=self.reason,
            warnings=self.warnings,
            face=None if face is None else face.skin,
            reference_photo=reference,
            photos=[photo.report() for photo in self.photos],
        )

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the face as `.glb`, `.obj` or `.ply`, the report as `.json`, or a page as `.html`.

        The page is one file that shows the head as each photo has it in a browser, without a network.

        Raises:
            ConfigError: If the suffix is another one, or there is no face to write.
            OutputExistsError: If the file exists and `overwrite` is false.
            OSError: If it cannot be written.
        """
        path = Path(path)
        if path.suffix.lower() == ".json":
            save_report(self.report(), path, overwrite=overwrite)
        elif path.suffix.lower() == ".html":
            save_page(self._page(path.stem), path, overwrite=overwrite)
        elif self.face is None:
            raise ConfigError(f"{path}: expected a face to write, but no photo was usable.")
        else:
            self.face.save(path, overwrite=overwrite)

    def show(self) -> Path | None:
        """Show photos and head in the notebook that runs this, or else in the browser.

        Returns:
            The page that was opened, which stays in the folder for temporary files; None in a notebook.
        """
        return show_page(self._page("together"))

    def _repr_html_(self) -> str:
        """What notebooks show of a result: an overlay, and the head to turn."""
        return embed_page(self._page("together"))

    def _page(self, stem: str) -> PageContents:
        face = None if self.face is None else self.face.skin
        return together_page(self.report(), self._page_photos(), face, stem)

    def _page_photos(self) -> list[PagePhoto | None]:
        return [
            None
            if one.photo is None
            else page_photo(
                one.name, one.photo, [face.skin for face in one.faces], [face.skin for face in one.doubtful]
            )
            for one in self.photos
        ]
