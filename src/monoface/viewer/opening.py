"""From files to a page: a GLB alone, or the JSON report of a result with the files that it lists."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from monoface.core.assets import sha256_of
from monoface.core.errors import ConfigError, ImageError
from monoface.core.json_text import parse_json
from monoface.photos.reading import read_image
from monoface.viewer.contents import PageContents, PageFace, PagePhoto
from monoface.viewer.photo_cameras import photo_camera

_PHOTO, _TOGETHER = "monoface-photo-1", "monoface-together-1"
_GLB_MAGIC = b"glTF"
_MOST_GLB_BYTES, _MOST_REPORT_BYTES = 2**28, 2**28
_LONGEST_PX = 1600


def open_file(path: Path, photo: Path | None = None) -> PageContents:
    """What a page of a file shows.

    Args:
        path: A `.glb` file of any program, or a `.json` report of a result whose other files lie beside it.
        photo: The photo that a report is of. Without it, a file of its name beside the report or in the
            present folder is taken if it has the digest that the report states; else the overlay is shown.

    Raises:
        ConfigError: If the file is neither.
        OSError: If a file cannot be read.
        ImageError: If the photo that was given cannot be read.
    """
    if path.suffix.lower() == ".glb":
        return PageContents(title=path.name, faces=(PageFace("Head", _read_glb(path), path.name),))
    if path.suffix.lower() != ".json":
        raise ConfigError(f"{path}: expected a .glb file or the .json report of a result.")
    report = _read_report(path)
    try:
        if report["format"] == _TOGETHER:
            return _together_contents(path, report)
        return _photo_contents(path, report, photo)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ConfigError(f"{path}: is no whole report of a result ({error!r}).") from error


def _photo_contents(path: Path, report: Mapping[str, Any], given: Path | None) -> PageContents:
    listed = _listed(path, report)
    photos = tuple(_photos(path, report, [name for name in listed if name.endswith(".overlay.png")], given))
    names = sorted(
        (name for name in listed if name.endswith(".glb") and not name.endswith(".dense.glb")), key=_number
    )
    faces = tuple(
        PageFace(
            f"Face {number + 1}",
            _read_glb(path.with_name(name)),
            name,
            photo=0 if photos else None,
            report=report["faces"][_number(name)],
        )
        for number, name in enumerate(names)
    )
    contents = _contents(path, report, photos, faces)
    return replace(contents, title=str(report["photo"]["name"]))


def _together_contents(path: Path, report: Mapping[str, Any]) -> PageContents:
    listed = _listed(path, report)
    glb_names = [name for name in listed if name.endswith(".glb")]
    photos: list[PagePhoto] = []
    faces: list[PageFace] = []
    taken = Counter(("together",))
    glb = _read_glb(path.with_name(glb_names[0])) if glb_names else b""
    for one in report["photos"]:
        stem = Path(one["photo"]["name"]).stem
        taken[stem.casefold()] += 1
        # As the command calls them: me, me-2, me-3.
        number = taken[stem.casefold()]
        overlay = f"{stem}{f'-{number}' if number > 1 else ''}.overlay.png"
        own = [overlay] if overlay in listed else []
        found = list(_photos(path, one, own, None))
        if glb and found and one["faces"]:
            faces.append(shared_face(glb, glb_names[0], found[0], len(photos), one["faces"][0]))
        photos += found
    reference = (report["shared"] or {}).get("reference_photo")
    faces.sort(key=lambda face: face.photo != reference)
    if glb and not faces:
        faces = [PageFace("Head", glb, glb_names[0])]
    return _contents(path, report, tuple(photos), tuple(faces))


def shared_face(
    glb: bytes, file_name: str, photo: PagePhoto, number: int, report: Mapping[str, Any]
) -> PageFace:
    """The face of several photos as one of them shows it.

    Args:
        glb: The file that all photos share.
        file_name: What it is called.
        photo: The photo.
        number: Which of the photos that is.
        report: What the report says of the face in it.
    """
    weights = report["coefficients"]["expression"]
    # Blendshapes are listed in the order of the weights, whose names they have.
    expression = dict(zip(report["blendshapes"], map(float, weights), strict=True))
    return PageFace(
        photo.name,
        glb,
        file_name,
        photo=number,
        report=report,
        camera=photo_camera(report, photo.size_px),
        expression=expression,
    )


def _contents(
    path: Path, report: Mapping[str, Any], photos: tuple[PagePhoto, ...], faces: tuple[PageFace, ...]
) -> PageContents:
    return PageContents(
        title=path.stem,
        status=str(report["status"]),
        reason=str(report["reason"]),
        photos=photos,
        faces=faces,
        warnings=tuple(map(str, report.get("warnings", ()))),
        report=report,
        report_name=path.name,
    )


def _photos(
    path: Path, report: Mapping[str, Any], overlays: list[str], given: Path | None
) -> Iterator[PagePhoto]:
    """The photo of a report, if there is something to show of it."""
    size = report["photo"]["size_px"]
    if size is None:
        return
    name, size_px = str(report["photo"]["name"]), (int(size[0]), int(size[1]))
    overlay = read_image(path.with_name(overlays[0]), max_side_px=_LONGEST_PX) if overlays else None
    found = given or _photo_file(path, name, report.get("photo_sha256"))
    if found is not None:
        picture = read_image(found, max_side_px=_LONGEST_PX)
        if not math.isclose(picture.size_px[0] * size_px[1], picture.size_px[1] * size_px[0], rel_tol=0.01):
            raise ImageError(
                f"{found}: is another photo than {name}, which has {size_px[0]} x {size_px[1]} px."
            )
        yield PagePhoto(name, size_px, picture.image_srgb, None if overlay is None else overlay.image_srgb)
    elif overlay is not None:
        yield PagePhoto(name, size_px, overlay.image_srgb)


def _photo_file(path: Path, name: str, sha256: Any) -> Path | None:
    """The file of a photo, if it is there and the same."""
    if name != Path(name).name or not isinstance(sha256, str):
        return None
    for found in (path.with_name(name), Path(name)):
        try:
            if found.is_file() and sha256_of(found) == sha256:
                return found
        except OSError:
            continue
    return None


def _listed(path: Path, report: Mapping[str, Any]) -> list[str]:
    """Files that a report lists and that are there: plain names, whoever wrote it."""
    files = report.get("files")
    names = files if isinstance(files, dict) else {}
    return [name for name in names if name == Path(name).name and path.with_name(name).is_file()]


def _number(name: str) -> int:
    """Which face a file is of: `STEM.face3.glb`."""
    return int(name.removesuffix(".glb").rpartition(".face")[2])


def _read_glb(path: Path) -> bytes:
    if path.stat().st_size > _MOST_GLB_BYTES:
        raise ConfigError(f"{path}: expected at most {_MOST_GLB_BYTES >> 20} MiB for a page, got more.")
    content = path.read_bytes()
    if content[:4] != _GLB_MAGIC:
        raise ConfigError(f"{path}: expected a binary glTF file, which begins with glTF.")
    return content


def _read_report(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > _MOST_REPORT_BYTES:
            raise ValueError("too large")
        report = parse_json(path.read_bytes())
    except ValueError as error:
        raise ConfigError(f"{path}: expected the JSON report of a result ({error}).") from error
    if not isinstance(report, dict) or report.get("format") not in (_PHOTO, _TOGETHER):
        raise ConfigError(f"{path}: expected the JSON report of a result; it has no such format.")
    return report
