"""Animations of rigged heads as glTF has them: morph weights, the head's bone, and where the head is."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from monoface.export._glb_camera import METRES_PER_MM
from monoface.export._gltf import BufferWriter, Json
from monoface.export.scene import ExportError, RiggedHead

# Between key frames, values are straight lines that stay so near to what they stand for.
_WEIGHT_ERROR, _TURN_ERROR, _PLACE_ERROR_MM, _SIZE_ERROR = 0.004, 0.001, 0.1, 0.0005
# No stretch without a key frame is longer.
_MOST_APART = 120


@dataclass(frozen=True, eq=False)
class HeadAnimation:
    """How a head moves; one row a frame.

    Attributes:
        time_s: Growing.
        weights: Of the head's morphs.
        turn: Unit quaternions (x, y, z, w) of the head's bone, each on its predecessor's side.
        place_mm: Of the root.
        size: Of the root; 1 as written.
        bone: Name of the bone that turns.
    """

    time_s: Float[np.ndarray, " frames"]
    weights: Float[np.ndarray, "frames morphs"]
    turn: Float[np.ndarray, "frames 4"]
    place_mm: Float[np.ndarray, "frames 3"]
    size: Float[np.ndarray, " frames"]
    bone: str

    def __post_init__(self) -> None:
        if not len(self.time_s) or (np.diff(self.time_s) <= 0).any():
            raise ExportError("animation: expected frames whose times grow.")
        for name in ("weights", "turn", "place_mm", "size"):
            values = getattr(self, name)
            if len(values) != len(self.time_s) or not np.isfinite(values).all():
                raise ExportError(f"animation: expected {len(self.time_s)} rows of finite {name}.")


def animation_json(animation: HeadAnimation, head: RiggedHead, buffer: BufferWriter) -> Json:
    """The document's `animations`; its data goes into the buffer.

    Args:
        animation: The motion.
        head: The head that moves, with a skeleton; its nodes are numbered as `encode_glb` does.
        buffer: Of the file.

    Raises:
        ExportError: If the head has no such bone or other morphs.
    """
    if head.skeleton is None or animation.bone not in head.skeleton.names:
        raise ExportError(f"animation: expected a head with a bone {animation.bone}, got one without.")
    if animation.weights.shape[1] != len(head.morph_names):
        raise ExportError(
            f"animation: expected {len(head.morph_names)} weights, got {animation.weights.shape[1]}."
        )
    bone = 1 + len(head.parts) + head.skeleton.names.index(animation.bone)
    size = np.repeat(animation.size[:, None], 3, axis=1)
    tracks = (
        ("translation", [0], METRES_PER_MM * animation.place_mm, METRES_PER_MM * _PLACE_ERROR_MM),
        ("scale", [0], size, _SIZE_ERROR),
        ("rotation", [bone], animation.turn, _TURN_ERROR),
        (
            "weights",
            [1 + row for row, part in enumerate(head.parts) if part.morphs_mm],
            animation.weights,
            _WEIGHT_ERROR,
        ),
    )
    samplers: list[Json] = []
    channels: list[Json] = []
    for path, nodes, values, error in tracks:
        keys = key_frames(animation.time_s, values, error)
        samplers.append(
            {
                "input": buffer.add_times(animation.time_s[keys]),
                "output": buffer.add_values(
                    values[keys].ravel()[:, None] if path == "weights" else values[keys]
                ),
                "interpolation": "LINEAR",
            }
        )
        channels += [{"sampler": len(samplers) - 1, "target": {"node": node, "path": path}} for node in nodes]
    return {"animations": [{"name": "clip", "samplers": samplers, "channels": channels}]}


def key_frames(
    time_s: Float[np.ndarray, " frames"], values: Float[np.ndarray, "frames channels"], error: float
) -> Bool[np.ndarray, " frames"]:
    """Frames that are kept, so that straight lines between them miss no value by more than an error."""
    kept = np.zeros(len(time_s), bool)
    kept[[0, -1]] = True
    begin, end = 0, 1
    while end < len(time_s) - 1:
        inside = slice(begin + 1, end + 1)
        part = (time_s[inside] - time_s[begin]) / (time_s[end + 1] - time_s[begin])
        line = values[begin] + part[:, None] * (values[end + 1] - values[begin])
        if end - begin >= _MOST_APART or np.abs(line - values[inside]).max() > error:
            kept[end] = True
            begin = end
        end += 1
    return kept
