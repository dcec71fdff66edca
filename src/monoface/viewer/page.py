"""Write a page: the template that `web/` builds, with what it shows put into it.

The template's Content-Security-Policy allows its own script and style by their digests, and no request to
anywhere. What is put in is no script: JSON, and base 64, in elements that no browser runs.
"""

import base64
import html
import json
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any

from monoface.core.names import encodable
from monoface.viewer.contents import PageContents
from monoface.viewer.pictures import encode_pictures

PAGE_FORMAT = "monoface-page-1"

MOST_HEADS = 12
"""Heads that a page holds: each takes some 5 MB of it."""

_TITLE, _CONTENTS = "<!--monoface:title-->", "<!--monoface:contents-->"
_JPEG, _GLB = "image/jpeg", "model/gltf-binary"


def encode_page(contents: PageContents) -> bytes:
    """HTML file that shows the contents, and loads nothing; the same for the same contents.

    Of more than `MOST_HEADS` faces the first ones are taken, and the page says so.
    """
    elements = list(_elements(contents))
    head, title, rest = _template().partition(_TITLE)
    before, place, after = rest.partition(_CONTENTS)
    if not title or not place:
        raise ValueError("viewer/bundle/page.html: expected places for a title and contents")
    text = encodable(contents.title)
    return "".join((head, html.escape(text), before, *elements, after)).encode()


@cache
def _template() -> str:
    return resources.files("monoface.viewer").joinpath("bundle/page.html").read_text(encoding="utf-8")


def _elements(contents: PageContents) -> Iterator[str]:
    """The elements that hold what the page shows: pictures, files, and what says which is which."""
    pictures = [picture for photo in contents.photos for picture in (photo.picture, photo.overlay)]
    shown = [picture for picture in pictures if picture is not None]
    encoded = iter(encode_pictures(shown))
    photos = []
    for number, photo in enumerate(contents.photos):
        ids = {
            "picture": f"photo-{number}",
            "overlay": None if photo.overlay is None else f"overlay-{number}",
        }
        for one in filter(None, ids.values()):
            yield _embedded(one, _JPEG, next(encoded))
        photos.append({"name": encodable(photo.name), "size_px": list(photo.size_px), **ids})
    faces = []
    models: dict[int, str] = {}
    for face in contents.faces[:MOST_HEADS]:
        model = models.get(id(face.glb))
        if model is None:
            model = models[id(face.glb)] = f"model-{len(models)}"
            yield _embedded(model, _GLB, face.glb)
        faces.append(
            {
                "label": face.label,
                "model": model,
                "file_name": encodable(face.file_name),
                "photo": face.photo,
                "report": face.report,
                "camera": face.camera,
                "expression": face.expression,
            }
        )
    yield _json_element(_told(contents, photos, faces))


def _told(contents: PageContents, photos: list[Any], faces: list[Any]) -> dict[str, Any]:
    warnings = [encodable(warning) for warning in contents.warnings]
    if len(contents.faces) > MOST_HEADS:
        warnings.append(f"This page holds {MOST_HEADS} of {len(contents.faces)} faces, the largest ones.")
    report = None
    if contents.report is not None:
        report = {"file_name": encodable(contents.report_name), "values": contents.report}
    return {
        "format": PAGE_FORMAT,
        "title": encodable(contents.title),
        "status": contents.status,
        "reason": encodable(contents.reason),
        "warnings": warnings,
        "photos": photos,
        "faces": faces,
        "report": report,
    }


def _embedded(element_id: str, kind: str, content: bytes) -> str:
    text = base64.b64encode(content).decode()
    return f'<script type="text/plain" id="{element_id}" data-type="{kind}">{text}</script>\n'


def _json_element(values: dict[str, Any]) -> str:
    # "<" begins a tag or a comment for HTML; in JSON it may be written as an escape wherever it stands.
    text = json.dumps(values, ensure_ascii=True, allow_nan=False, separators=(",", ":")).replace(
        "<", "\\u003c"
    )
    return f'<script type="application/json" id="contents">{text}</script>\n'
