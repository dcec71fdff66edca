"""What the API looks like to programs: a description after OpenAPI 3.1."""

from typing import Any

from monoface.core.version import VERSION
from monoface.serving.limits import ServeLimits

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_TEXTS: Schema = {"type": "array", "items": _TEXT}
_MODE: Schema = {"enum": ["each", "together"], "default": "each"}


def openapi(limits: ServeLimits) -> Schema:
    """The description, with the limits of a server."""
    job = _json("How far the job is, and its results", "Job")
    named = [_parameter("job", "path", _TEXT)]
    refusals = {
        "401": "A token is asked for, and none was shown",
        "403": "The request comes from a page of another site",
        "408": f"The request did not arrive within {limits.upload_seconds:.0f} seconds",
        "413": f"More than {limits.upload_bytes / 1e6:.0f} MB, {limits.photos} photos, or a photo of more "
        f"than {limits.pixels / 1e6:.0f} megapixels",
        "415": "A photo is no picture, or the body neither a form nor JSON",
        "422": "The request does not say what is expected",
        "429": f"{limits.queue} jobs wait already; `Retry-After` says when to try again",
        "503": "The server is stopping or has too many connections",
    }
    refused = {status: _json(text, "Refusal") for status, text in refusals.items()}
    gone = {"404": _json("There is none, or none any more", "Refusal")}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "monoface",
            "version": VERSION,
            "summary": "Photos to textured, animatable 3D faces",
        },
        "paths": {
            "/v1/reconstruct": {
                "post": {
                    "summary": "Reconstruct photos",
                    "parameters": [
                        _parameter(
                            "wait", "query", {"type": "number", "minimum": 0, "maximum": 60, "default": 0}
                        )
                    ],
                    "requestBody": {"required": True, "content": _bodies()},
                    "responses": {"200": job, "202": _json("The job waits", "Job"), **refused},
                }
            },
            "/v1/jobs/{job}": {
                "get": {
                    "summary": "How far a job is",
                    "parameters": named,
                    "responses": {"200": job, **gone},
                },
                "delete": {
                    "summary": "Remove a job and its files",
                    "parameters": named,
                    "responses": {
                        "204": {"description": "Removed"},
                        **gone,
                        "409": _json("The job has not ended", "Refusal"),
                    },
                },
            },
            "/v1/jobs/{job}/events": {
                "get": {
                    "summary": "The job at each change, until it ends, as server-sent events called job",
                    "parameters": named,
                    "responses": {"200": _content("text/event-stream", "Events", _TEXT), **gone},
                }
            },
            "/v1/jobs/{job}/files/{name}": {
                "get": {
                    "summary": "One of the job's files",
                    "parameters": [*named, _parameter("name", "path", _TEXT)],
                    "responses": {"200": _content("application/octet-stream", "The file", {}), **gone},
                }
            },
            "/v1/jobs/{job}/all.zip": {
                "get": {
                    "summary": "All of the job's files",
                    "parameters": named,
                    "responses": {"200": _content("application/zip", "The files", {}), **gone},
                }
            },
            "/v1/health": {
                "get": {
                    "summary": "Whether the server works",
                    "responses": {"200": _content("application/json", "It does", {"type": "object"})},
                }
            },
        },
        "components": {"schemas": {"Job": _JOB, "Refusal": _REFUSAL}},
    }


_RESULT: Schema = {
    "type": "object",
    "properties": {"photo": _TEXT, "status": _TEXT, "reason": _TEXT, "files": _TEXTS},
}
_JOB: Schema = {
    "type": "object",
    "properties": {
        "id": _TEXT,
        "state": {"enum": ["queued", "working", "done", "failed"]},
        "reason": _TEXT,
        "mode": _MODE,
        "photos": _TEXTS,
        "results": {"type": "array", "items": _RESULT},
        "files": _TEXTS,
    },
}
_REFUSAL: Schema = {"type": "object", "properties": {"status": {"type": "integer"}, "reason": _TEXT}}


def _bodies() -> Schema:
    binary = {"type": "array", "items": {"type": "string", "contentMediaType": "application/octet-stream"}}
    coded = {"type": "object", "required": ["data"], "properties": {"name": _TEXT, "data": _TEXT}}
    return {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["photo"],
                "properties": {"photo": binary, "mode": _MODE},
            }
        },
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["photos"],
                "properties": {"photos": {"type": "array", "items": coded}, "mode": _MODE},
            }
        },
    }


def _parameter(name: str, place: str, schema: Schema) -> Schema:
    return {"name": name, "in": place, "required": place == "path", "schema": schema}


def _content(kind: str, text: str, schema: Schema) -> Schema:
    return {"description": text, "content": {kind: {"schema": schema}}}


def _json(text: str, schema: str) -> Schema:
    return _content("application/json", text, {"$ref": f"#/components/schemas/{schema}"})
