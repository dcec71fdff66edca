"""The binary side of glTF 2.0: buffer, views, accessors, and the GLB container.

Written here rather than through pygltflib: that holds the same JSON in dataclasses, but leaves to its user
all that is easy to get wrong (alignment, bounds, sparse accessors), and brings five packages and 90 ms of
import for it.

Reference:
    Khronos, "glTF 2.0 Specification", sections 3.6 (binary data) and 4 (GLB).
"""

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Int

Json = dict[str, Any]

FLOAT, UNSIGNED_BYTE, UNSIGNED_SHORT, UNSIGNED_INT = 5126, 5121, 5123, 5125
ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963
GLB_MAGIC, JSON_CHUNK, BINARY_CHUNK = b"glTF", b"JSON", b"BIN\0"

_POINT_BYTES = 12
_STILL_METRES = 1e-6
# What a sparse accessor needs in JSON beyond a dense one, about.
_SPARSE_JSON_BYTES = 250
# Index 65535 restarts primitives in graphics interfaces, so glTF forbids it.
_LARGEST_SHORT = 65534


class BufferWriter:
    """Collects binary data, and the views and accessors that say what it is.

    Args:
        most_verts: Vertices of the largest mesh with morphs.
    """

    def __init__(self, most_verts: int) -> None:
        self.views: list[Json] = []
        self.accessors: list[Json] = []
        self._pieces: list[bytes] = []
        self._size = 0
        self._most_verts = most_verts
        self._zeros_view: int | None = None

    def add_view(self, data: bytes, **properties: int) -> int:
        """Index of a new view on `data`, which begins on four bytes."""
        self.views.append({"buffer": 0, "byteOffset": self._size, "byteLength": len(data), **properties})
        padding = b"\0" * (-len(data) % 4)
        self._pieces += [data, padding]
        self._size += len(data) + len(padding)
        return len(self.views) - 1

    def add_attribute(self, rows: Float[np.ndarray, "verts axes"], *, bounds: bool = False) -> int:
        """Index of a new accessor to one value a vertex; positions need their bounds stated."""
        values = rows.astype("<f4")
        view = self.add_view(values.tobytes(), target=ARRAY_BUFFER)
        return self._add_accessor(view, FLOAT, values.shape, _bounds(values) if bounds else {})

    def add_triangles(self, faces: Int[np.ndarray, "faces 3"]) -> int:
        """Index of a new accessor to vertex indices, in two bytes each where they fit."""
        short = faces.max() <= _LARGEST_SHORT
        data = faces.astype("<u2" if short else "<u4").tobytes()
        view = self.add_view(data, target=ELEMENT_ARRAY_BUFFER)
        return self._add_accessor(view, UNSIGNED_SHORT if short else UNSIGNED_INT, (faces.size, 1), {})

    def add_joints(self, joints: Int[np.ndarray, "verts 4"]) -> int:
        """Index of a new accessor to numbers of joints, at most 256 of them, in one byte each."""
        view = self.add_view(joints.astype("u1").tobytes(), target=ARRAY_BUFFER)
        return self._add_accessor(view, UNSIGNED_BYTE, joints.shape, {})

    def add_matrices(self, matrices: Float[np.ndarray, "joints 4 4"]) -> int:
        """Index of a new accessor to matrices, which glTF stores by columns."""
        rows = matrices.transpose(0, 2, 1).reshape(len(matrices), 16).astype("<f4")
        return self._add_accessor(self.add_view(rows.tobytes()), FLOAT, rows.shape, {})

    def add_times(self, time_s: Float[np.ndarray, " keys"]) -> int:
        """Index of a new accessor to the times of key frames, with the bounds that glTF wants of them."""
        values = time_s[:, None].astype("<f4")
        return self._add_accessor(self.add_view(values.tobytes()), FLOAT, values.shape, _bounds(values))

    def add_values(self, rows: Float[np.ndarray, "keys axes"]) -> int:
        """Index of a new accessor to what key frames say."""
        values = rows.astype("<f4")
        return self._add_accessor(self.add_view(values.tobytes()), FLOAT, values.shape, {})

    def add_still(self, count: int) -> int:
        """Index of a new accessor to offsets of `count` vertices that do not move."""
        return self._add_accessor(self._zeros(), FLOAT, (count, 3), _bounds(np.zeros((1, 3))))

    def add_morph(self, offsets: Float[np.ndarray, "verts 3"]) -> int:
        """Index of a new accessor to offsets of vertices in metres, sparse where that is smaller.

        Offsets below a micrometre, of which smooth expressions have very many, are left out.

        Without a base view, a sparse accessor would deviate from zero too. It gets one nevertheless,
        which costs 12 bytes a vertex once in a file: some importers (UnityGLTF) fail without, and those
        that know no sparse accessors then read a morph that does nothing.
        """
        values = offsets.astype("<f4")
        # Column by column: over rows of three, numpy's reductions take ten times as long.
        x, y, z = np.abs(values.T) > _STILL_METRES
        moved = np.flatnonzero(x | y | z)
        if not len(moved):
            return self.add_still(len(values))
        short = moved[-1] <= _LARGEST_SHORT
        index = moved.astype("<u2" if short else "<u4")
        kept = values[moved]
        if index.nbytes + kept.nbytes + _SPARSE_JSON_BYTES >= values.nbytes:
            return self.add_attribute(offsets, bounds=True)
        sparse = {
            "count": len(moved),
            "indices": {
                "bufferView": self.add_view(index.tobytes()),
                "componentType": UNSIGNED_SHORT if short else UNSIGNED_INT,
            },
            "values": {"bufferView": self.add_view(kept.tobytes())},
        }
        with_base = np.concatenate((kept, np.zeros_like(kept[:1])))
        more = _bounds(with_base) | {"sparse": sparse}
        return self._add_accessor(self._zeros(), FLOAT, values.shape, more)

    def _zeros(self) -> int:
        """Index of the one view on zeros, from which all morphs deviate."""
        if self._zeros_view is None:
            data = bytes(_POINT_BYTES * self._most_verts)
            self._zeros_view = self.add_view(data, byteStride=_POINT_BYTES, target=ARRAY_BUFFER)
        return self._zeros_view

    def _add_accessor(self, view: int, component: int, shape: tuple[int, ...], more: Json) -> int:
        kind = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}[shape[1]]
        self.accessors.append(
            {"bufferView": view, "componentType": component, "count": shape[0], "type": kind} | more
        )
        return len(self.accessors) - 1

    def to_bytes(self) -> bytes:
        """All data, a multiple of four bytes."""
        return b"".join(self._pieces)


def pack_glb(document: Mapping[str, Any], binary: bytes) -> bytes:
    """GLB file of a glTF document and its one buffer. Equal input gives equal bytes."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    chunks = b"".join(
        struct.pack("<I4s", len(data), kind) + data
        for kind, data in ((JSON_CHUNK, text), (BINARY_CHUNK, binary))
    )
    return struct.pack("<4sII", GLB_MAGIC, 2, 12 + len(chunks)) + chunks


def _bounds(values: np.ndarray) -> Json:
    return {
        "min": [float(column.min()) for column in values.T],
        "max": [float(column.max()) for column in values.T],
    }
