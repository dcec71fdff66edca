"""Blendshapes to other programs, frame by frame: VMC by OSC, and Live Link Face, both over UDP."""

import socket
import struct
from collections.abc import Mapping
from typing import Protocol

import numpy as np
from jaxtyping import Float

from monoface.rigging.bones import HEAD
from monoface.video.files.tables import live_link_rows
from monoface.video.live import FrameFace
from monoface.video.smoothing import quaternions_of

_LIVE_LINK_VERSION = 6
_DEVICE = b"monoface"


class SendsFaces(Protocol):
    """Takes a person's face in each frame."""

    def __call__(self, face: FrameFace) -> None:
        """Send it."""


class VmcSender:
    """Sends blendshapes and the head's bone by the VMC protocol, one OSC bundle a frame.

    The head's quaternion is in Unity's left-handed frame: x and y of ours change their signs with z's axis.

    Args:
        host: Where to.
        port: Usually 39539.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 39539) -> None:
        self._target = host, port
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def __call__(self, face: FrameFace) -> None:
        """Send a frame; see `SendsFaces`."""
        x, y, z, w = _head_turn(face)
        place = (0.0, 0.0, 0.0)
        messages = [osc_message("/VMC/Ext/Bone/Pos", HEAD, *place, -x, -y, z, w)]
        messages += [
            osc_message("/VMC/Ext/Blend/Val", name[0].upper() + name[1:], float(value))
            for name, value in face.blendshapes.items()
        ]
        messages.append(osc_message("/VMC/Ext/Blend/Apply"))
        self._socket.sendto(osc_bundle(messages), self._target)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


class LiveLinkSender:
    """Sends 61 values a frame as the Live Link Face app does.

    Args:
        host: Where to.
        port: Usually 11111.
        rate: Frames a second.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 11111, rate: float = 30.0) -> None:
        self._target, self._rate = (host, port), round(rate)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def __call__(self, face: FrameFace) -> None:
        """Send a frame; see `SendsFaces`."""
        names = tuple(face.blendshapes)
        shapes = np.array([list(face.blendshapes.values())])
        values = live_link_rows(names, shapes, face.motion.head_angles_deg)[0]
        frame = int(face.motion.number[0])
        self._socket.sendto(live_link_packet(values, face.person, frame, self._rate), self._target)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def live_link_packet(values: Float[np.ndarray, " 61"], person: int, frame: int, rate: int) -> bytes:
    """A datagram of Live Link Face: version, device, subject, frame time, and 61 big-endian floats."""
    subject = b"monoface%d" % person
    head = struct.pack(">B", _LIVE_LINK_VERSION)
    head += b"".join(struct.pack(">i", len(text)) + text for text in (_DEVICE, subject))
    head += struct.pack(">ifii", frame, 0.0, rate, 1)
    return head + struct.pack(f">B{len(values)}f", len(values), *values)


def osc_message(address: str, *values: str | float) -> bytes:
    """An OSC message of strings and 32-bit floats."""
    tags = "," + "".join("s" if isinstance(value, str) else "f" for value in values)
    parts = [_osc_text(address), _osc_text(tags)]
    parts += [_osc_text(value) if isinstance(value, str) else struct.pack(">f", value) for value in values]
    return b"".join(parts)


def osc_bundle(messages: list[bytes]) -> bytes:
    """An OSC bundle, to be heeded at once."""
    sized = (struct.pack(">i", len(message)) + message for message in messages)
    return _osc_text("#bundle") + struct.pack(">Q", 1) + b"".join(sized)


def blendshapes_of_bundle(bundle: bytes) -> Mapping[str, float]:
    """Blendshapes that a VMC bundle of ours holds, by name: to look at what was sent."""
    place, found = 16, {}
    while place < len(bundle):
        (size,) = struct.unpack_from(">i", bundle, place)
        message = bundle[place + 4 : place + 4 + size]
        place += 4 + size
        if message.startswith(b"/VMC/Ext/Blend/Val"):
            name_at = 20 + 4
            name = message[name_at : message.index(b"\0", name_at)].decode()
            (found[name],) = struct.unpack(">f", message[-4:])
    return found


def _osc_text(text: str) -> bytes:
    data = text.encode() + b"\0"
    return data + b"\0" * (-len(data) % 4)


def _head_turn(face: FrameFace) -> Float[np.ndarray, " 4"]:
    """Quaternion of the head's turn away from looking at the camera, in the model's frame."""
    turn = face.motion.rotation * np.array((1.0, -1.0, -1.0))[:, None]
    return quaternions_of(turn)[0]
