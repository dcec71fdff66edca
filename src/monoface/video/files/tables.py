"""Motions as tables: Live Link Face CSV, JSON lines, numpy arrays, BVH."""

import io
import json
from typing import Final

import numpy as np
from jaxtyping import Float

from monoface.rigging.bones import HEAD
from monoface.video.reconstructor import PersonInClip

LIVE_LINK_SHAPES: Final = [
    "EyeBlinkLeft",
    "EyeLookDownLeft",
    "EyeLookInLeft",
    "EyeLookOutLeft",
    "EyeLookUpLeft",
    "EyeSquintLeft",
    "EyeWideLeft",
    "EyeBlinkRight",
    "EyeLookDownRight",
    "EyeLookInRight",
    "EyeLookOutRight",
    "EyeLookUpRight",
    "EyeSquintRight",
    "EyeWideRight",
    "JawForward",
    "JawRight",
    "JawLeft",
    "JawOpen",
    "MouthClose",
    "MouthFunnel",
    "MouthPucker",
    "MouthRight",
    "MouthLeft",
    "MouthSmileLeft",
    "MouthSmileRight",
    "MouthFrownLeft",
    "MouthFrownRight",
    "MouthDimpleLeft",
    "MouthDimpleRight",
    "MouthStretchLeft",
    "MouthStretchRight",
    "MouthRollLower",
    "MouthRollUpper",
    "MouthShrugLower",
    "MouthShrugUpper",
    "MouthPressLeft",
    "MouthPressRight",
    "MouthLowerDownLeft",
    "MouthLowerDownRight",
    "MouthUpperUpLeft",
    "MouthUpperUpRight",
    "BrowDownLeft",
    "BrowDownRight",
    "BrowInnerUp",
    "BrowOuterUpLeft",
    "BrowOuterUpRight",
    "CheekPuff",
    "CheekSquintLeft",
    "CheekSquintRight",
    "NoseSneerLeft",
    "NoseSneerRight",
    "TongueOut",
]
"""ARKit's 52 shapes in the order of Live Link Face."""

_ANGLES = [f"{part}{axis}" for part in ("Head", "LeftEye", "RightEye") for axis in ("Yaw", "Pitch", "Roll")]
LIVE_LINK_HEADER: Final = ("Timecode", "BlendShapeCount", *LIVE_LINK_SHAPES, *_ANGLES)
"""Columns of Live Link Face's CSV: 61 values after timecode and count."""

# How far an eye turns at weight 1 of its `eyeLook` shapes.
_EYE_TURN_RAD: Final = np.deg2rad(30.0)


def live_link_rows(
    names: tuple[str, ...],
    shapes: Float[np.ndarray, "frames expressions"],
    head_angles_deg: Float[np.ndarray, "frames 3"],
) -> Float[np.ndarray, "frames 61"]:
    """Values of Live Link Face: 52 shapes, and yaw, pitch and roll in radians of the head and each eye.

    Args:
        names: Of the shapes.
        shapes: From 0 to 1.
        head_angles_deg: Yaw, pitch and roll.
    """
    by_name = {name.lower(): column for name, column in zip(names, shapes.T, strict=True)}
    still = np.zeros(len(shapes))
    columns = [by_name.get(name.lower(), still) for name in LIVE_LINK_SHAPES]
    columns += list(np.deg2rad(head_angles_deg).T)
    for side, outwards in (("left", 1.0), ("right", -1.0)):
        look = {way: by_name.get(f"eyelook{way}{side}", still) for way in ("in", "out", "up", "down")}
        columns.append(outwards * _EYE_TURN_RAD * (look["out"] - look["in"]))
        columns.append(_EYE_TURN_RAD * (look["down"] - look["up"]))
        columns.append(still)
    return np.stack(columns, axis=1)


def live_link_csv(person: PersonInClip, rate: float) -> str:
    """Text of a Live Link Face CSV file; timecodes are `hours:minutes:seconds:frames.part`."""
    rows = live_link_rows(person.names, person.blendshapes, person.motion.head_angles_deg)
    lines = [",".join(LIVE_LINK_HEADER)]
    for time_s, row in zip(person.motion.time_s, rows, strict=True):
        values = ",".join(f"{value:.6f}" for value in row)
        lines.append(f"{_timecode(time_s, rate)},{len(row)},{values}")
    return "\n".join(lines) + "\n"


def json_lines(person: PersonInClip, landmarks_px: Float[np.ndarray, "frames 68 2"]) -> str:
    """A line of JSON for each frame that shows the person."""
    motion, lines = person.motion, []
    for row, shapes in enumerate(person.blendshapes):
        yaw, pitch, roll = motion.head_angles_deg[row].round(3).tolist()
        told = {
            "person": person.number,
            "frame": int(motion.number[row]),
            "time_s": round(float(motion.time_s[row]), 4),
            "confidence": round(float(motion.confidence[row]), 4),
            "head_deg": {"yaw": yaw, "pitch": pitch, "roll": roll},
            "blendshapes": dict(zip(person.names, shapes.round(4).tolist(), strict=True)),
            "landmarks68_px": landmarks_px[row].round(2).tolist(),
        }
        lines.append(json.dumps(told, separators=(",", ":"), allow_nan=False))
    return "\n".join(lines) + "\n"


def arrays(person: PersonInClip, landmarks_px: Float[np.ndarray, "frames 68 2"]) -> bytes:
    """An `.npz` file of the person's identity and all that changes from frame to frame."""
    motion, file = person.motion, io.BytesIO()
    np.savez_compressed(
        file,
        identity=person.face.posed.identity,
        frame=motion.number,
        time_s=motion.time_s,
        rotation=motion.rotation.astype(np.float32),
        scale_px_per_mm=motion.scale_px.astype(np.float32),
        shift_px=motion.shift_px.astype(np.float32),
        expression=motion.expression.astype(np.float32),
        blendshapes=person.blendshapes.astype(np.float32),
        names=np.array(person.names),
        confidence=motion.confidence.astype(np.float32),
        landmarks68_px=landmarks_px.astype(np.float32),
    )
    return file.getvalue()


def bvh(person: PersonInClip, rate: float) -> str:
    """Text of a BVH file with one joint, the head: rotations in degrees in the order Z, X, Y, no translation.

    Frames that do not show the person repeat the one before.
    """
    motion = person.motion
    wanted = np.arange(motion.time_s[0], motion.time_s[-1] + 0.5 / rate, 1 / rate)
    place = np.searchsorted(motion.time_s, wanted + 0.5 / rate).clip(1) - 1
    turn = motion.rotation * np.array((1.0, -1.0, -1.0))[:, None]
    x = np.arcsin(np.clip(turn[:, 2, 1], -1, 1))
    y = np.arctan2(-turn[:, 2, 0], turn[:, 2, 2])
    z = np.arctan2(-turn[:, 0, 1], turn[:, 1, 1])
    degrees = np.rad2deg(np.stack((z, x, y), axis=1))[place]
    lines = [
        "HIERARCHY",
        f"ROOT {HEAD}",
        "{",
        "  OFFSET 0 0 0",
        "  CHANNELS 3 Zrotation Xrotation Yrotation",
        "  End Site",
        "  {",
        "    OFFSET 0 10 0",
        "  }",
        "}",
        "MOTION",
        f"Frames: {len(degrees)}",
        f"Frame Time: {1 / rate:.6f}",
    ]
    return "\n".join([*lines, *(" ".join(f"{value:.4f}" for value in row) for row in degrees)]) + "\n"


def _timecode(time_s: float, rate: float) -> str:
    # Thousandths of frames, rounded before they are divided: a frame never reaches the second's last.
    thousandths = round(time_s * rate * 1000)
    whole = int(thousandths / (1000 * rate))
    frames = max(0.0, thousandths / 1000 - whole * rate)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}:{frames:06.3f}"
