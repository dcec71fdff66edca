"""What the page of a result shows: the photo, what was found drawn on it, and the heads."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from monoface.core.files import write_atomically
from monoface.export import encode_glb
from monoface.photos.reading import LoadedImage
from monoface.pipeline.face_skin import FaceSkin
from monoface.pipeline.writing.overlay import draw_faces
from monoface.pipeline.writing.scene import rigged_head
from monoface.viewer import MOST_HEADS, PageContents, PageFace, PagePhoto, encode_page, shared_face

# As long as the overlay is.
_LONGEST_PX = 1600


def page_photo(
    name: str, photo: LoadedImage, faces: Sequence[FaceSkin], doubtful: Sequence[FaceSkin]
) -> PagePhoto:
    """A photo of a page, with its overlay if there is anything to draw."""
    overlay = draw_faces(photo, faces, doubtful) if faces or doubtful else None
    return PagePhoto(Path(name).name, photo.original_size_px, _reduced(photo), overlay)


def photo_page(
    report: dict[str, Any],
    photo: LoadedImage | None,
    faces: Sequence[FaceSkin],
    doubtful: Sequence[FaceSkin],
    stem: str,
) -> PageContents:
    """What the page of one photo shows.

    Args:
        report: The photo's report.
        photo: The photo; None if it cannot be read.
        faces: Its faces, largest first.
        doubtful: Those of too little confidence.
        stem: What names of files that are saved from the page begin with.
    """
    name = str(report["photo"]["name"])
    heads = tuple(
        PageFace(
            f"Face {number + 1}",
            encode_glb(rigged_head(skin.posed, skin)) if number < MOST_HEADS else b"",
            f"{stem}.face{number}.glb",
            photo=0,
            report=report["faces"][number],
        )
        for number, skin in enumerate(faces)
    )
    return PageContents(
        title=name,
        status=str(report["status"]),
        reason=str(report["reason"]),
        photos=() if photo is None else (page_photo(name, photo, faces, doubtful),),
        faces=heads,
        report=report,
        report_name=f"{stem}.json",
    )


def face_page(report: dict[str, Any], face: FaceSkin) -> PageContents:
    """What the page of one face shows: the photo with this face alone drawn on it.

    Args:
        report: The face's report.
        face: The face.
    """
    glb = encode_glb(rigged_head(face.posed, face))
    return PageContents(
        title="Face",
        photos=(page_photo("Photo", face.photo, [face], []),),
        faces=(PageFace("Face", glb, "face.glb", photo=0, report=report),),
        report=report,
        report_name="face.json",
    )


def together_page(
    report: dict[str, Any],
    photos: Sequence[PagePhoto | None],
    face: FaceSkin | None,
    stem: str,
) -> PageContents:
    """What the page of several photos of one person shows: one head, posed as each photo has it.

    Args:
        report: The report on all photos.
        photos: Each photo; None for those that cannot be read.
        face: The face that they share; None if there is none.
        stem: What names of files that are saved from the page begin with.
    """
    shown = [photo for photo in photos if photo is not None]
    heads: list[PageFace] = []
    if face is not None:
        glb, file_name = encode_glb(rigged_head(face.posed, face)), f"{stem}.glb"
        reference = photos[report["shared"]["reference_photo"]]
        for photo, told in zip(photos, report["photos"], strict=True):
            if photo is not None and told["faces"]:
                heads.append(shared_face(glb, file_name, photo, shown.index(photo), told["faces"][0]))
        heads.sort(key=lambda head: shown[head.photo or 0] is not reference)
    return PageContents(
        title=stem,
        status=str(report["status"]),
        reason=str(report["reason"]),
        photos=tuple(shown),
        faces=tuple(heads),
        warnings=tuple(report["warnings"]),
        report=report,
        report_name=f"{stem}.json",
    )


def save_page(contents: PageContents, path: Path, *, overwrite: bool) -> None:
    """Write a page as `.html`.

    Raises:
        OutputExistsError: If the file exists and `overwrite` is false.
        OSError: If it cannot be written.
    """
    write_atomically(path, encode_page(contents), overwrite=overwrite)


def _reduced(photo: LoadedImage) -> UInt8[np.ndarray, "height width 3"]:
    image = Image.fromarray(photo.image_srgb)
    image.thumbnail((_LONGEST_PX, _LONGEST_PX), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return np.asarray(image)
