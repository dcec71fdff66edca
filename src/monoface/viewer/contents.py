"""What a page shows, as plain data. `web/src/page/contents.ts` is its twin in the page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import UInt8

PictureOfPage = UInt8[np.ndarray, "height width 3"]
"""A picture in sRGB."""


@dataclass(frozen=True, eq=False)
class PagePhoto:
    """A photo.

    Attributes:
        name: What it is called.
        size_px: Width and height of the upright original, whose pixels everything else is told in.
        picture: The photo, of any size.
        overlay: The photo with what was found drawn on it, of any size.
    """

    name: str
    size_px: tuple[int, int]
    picture: PictureOfPage
    overlay: UInt8[np.ndarray, "rows columns 3"] | None = None


@dataclass(frozen=True, eq=False)
class PageFace:
    """A head.

    Attributes:
        label: What it is called.
        glb: Its GLB file. Faces may share one array of bytes; it is stored once.
        file_name: What that file is called when it is saved.
        photo: Which of the photos shows it.
        report: What the JSON report says of it.
        camera: The photo's camera as glTF has it (`lens` and `node`), where it is not that of the file.
        expression: Weight of each morph in the photo, where it is not that of the file.
    """

    label: str
    glb: bytes
    file_name: str
    photo: int | None = None
    report: Mapping[str, Any] | None = None
    camera: Mapping[str, Any] | None = None
    expression: Mapping[str, float] | None = None


@dataclass(frozen=True, eq=False)
class PageContents:
    """All that a page shows.

    Attributes:
        title: What the page is about.
        status: What became of it; empty for a file without a report.
        reason: One line that says more.
        photos: The photos.
        faces: The heads, the one that is shown first first.
        warnings: What may be wrong.
        report: The whole JSON report, to be saved from the page.
        report_name: What its file is called then.
    """

    title: str
    status: str = ""
    reason: str = ""
    photos: tuple[PagePhoto, ...] = ()
    faces: tuple[PageFace, ...] = ()
    warnings: tuple[str, ...] = ()
    report: Mapping[str, Any] | None = None
    report_name: str = "result.json"
