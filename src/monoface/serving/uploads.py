"""Photos of a request: checked by what they are, kept in memory, never by the names that they come with."""

import base64
import binascii
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from monoface.core.errors import ImageError
from monoface.core.json_text import parse_json
from monoface.core.names import encodable, one_line
from monoface.photos.decoding import stored_size_px
from monoface.serving.limits import RefusedError, ServeLimits

Mode = Literal["each", "together"]
"""Each photo for itself, or all of them one face of one person."""

_MODES: tuple[str, ...] = get_args(Mode)
_LONGEST_NAME = 120


@dataclass(frozen=True)
class Upload:
    """What one request asks for.

    Attributes:
        mode: What the photos are to each other.
        names: What the photos are called, for people to read; no path is made of them.
        photos: The files.
    """

    mode: Mode
    names: tuple[str, ...]
    photos: tuple[bytes, ...]


async def read_upload(request: Request, limits: ServeLimits) -> Upload:
    """Read a request for a reconstruction, multipart or JSON.

    Raises:
        RefusedError: If it asks for what is not done: 413 too large or too many, 415 no picture or another
            kind of body, 422 not what was expected.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        upload = await _from_form(request, limits)
    elif kind == "application/json":
        upload = _from_json(await request.body())
    else:
        raise RefusedError(
            415, f"expected multipart/form-data or application/json, got {kind or 'no content type'}"
        )
    if not upload.photos:
        raise RefusedError(422, "expected at least one photo, in fields called photo")
    if len(upload.photos) > limits.photos:
        raise RefusedError(413, f"expected at most {limits.photos} photos, got {len(upload.photos)}")
    for name, photo in zip(upload.names, upload.photos, strict=True):
        _check_picture(name, photo, limits)
    return upload


async def _from_form(request: Request, limits: ServeLimits) -> Upload:
    try:
        # One more than allowed, so that too many are told from a damaged body.
        form = await request.form(max_files=limits.photos + 1, max_fields=8, max_part_size=4096)
    except HTTPException as error:
        status = 413 if "Too many" in error.detail else 422
        raise RefusedError(status, f"the form cannot be read: {error.detail}") from error
    try:
        files = [value for key, value in form.multi_items() if key == "photo"]
        photos = [file for file in files if isinstance(file, UploadFile)]
        if len(photos) < len(files):
            raise RefusedError(422, "photo: expected a file, got text")
        contents = [await photo.read() for photo in photos]
        names = [_readable(photo.filename or "photo") for photo in photos]
        return Upload(_mode(form.get("mode", "each")), tuple(names), tuple(contents))
    finally:
        await form.close()


def _from_json(body: bytes) -> Upload:
    try:
        told = parse_json(body)
    except ValueError as error:
        raise RefusedError(422, f"the body is no JSON: {error}") from error
    if not isinstance(told, Mapping) or not isinstance(told.get("photos"), list):
        raise RefusedError(422, 'expected {"photos": [{"name": ..., "data": base 64}], "mode": ...}')
    names, photos = [], []
    for photo in told["photos"]:
        if not isinstance(photo, Mapping) or not isinstance(photo.get("data"), str):
            raise RefusedError(422, "photos: expected objects with a text called data, in base 64")
        try:
            photos.append(base64.b64decode(photo["data"], validate=True))
        except (binascii.Error, ValueError) as error:
            raise RefusedError(422, f"data: expected base 64 ({error})") from error
        names.append(_readable(str(photo.get("name", "photo"))))
    return Upload(_mode(told.get("mode", "each")), tuple(names), tuple(photos))


def _mode(told: Any) -> Mode:
    for mode in get_args(Mode):
        if told == mode:
            return mode
    raise RefusedError(422, f"mode: expected {' or '.join(_MODES)}")


def _readable(name: str) -> str:
    """The last part of a name, as people see it: one line, and not long."""
    return one_line(encodable(name).replace("\\", "/").rpartition("/")[2])[:_LONGEST_NAME] or "photo"


def _check_picture(name: str, photo: bytes, limits: ServeLimits) -> None:
    """Refuse by the file's header alone what is no picture, or too large a one."""
    try:
        width, height = stored_size_px(io.BytesIO(photo), name)
    except ImageError as error:
        raise RefusedError(415, str(error)) from error
    if width * height > limits.pixels:
        most = limits.pixels / 1e6
        raise RefusedError(413, f"{name}: expected at most {most:.0f} megapixels, got {width} x {height}")
