"""What is sent arrives, over a real socket."""

import socket
import struct

import numpy as np
import pytest

from monoface.video.live import FrameFace
from monoface.video.motion import Motion
from monoface.video.senders import LiveLinkSender, VmcSender, blendshapes_of_bundle


@pytest.fixture
def receiver():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        one.settimeout(10)
        yield one


@pytest.fixture
def face():
    upright = np.diag((1.0, -1.0, -1.0))[None]
    motion = Motion(
        np.array([7]), np.array([0.2]), upright, np.ones(1), np.zeros((1, 2)), np.zeros((1, 2)),
        np.full((1, 2, 7), np.nan), np.ones(1), np.ones(1),
    )  # fmt: skip
    return FrameFace(1, np.zeros(80), motion, {"jawOpen": 0.5, "eyeBlinkLeft": 0.25})


def test_vmc_sends_blendshapes_and_applies_them(receiver, face):
    send = VmcSender("127.0.0.1", receiver.getsockname()[1])
    send(face)
    send.close()
    bundle = receiver.recv(65536)
    assert bundle.startswith(b"#bundle\0")
    assert blendshapes_of_bundle(bundle) == {"JawOpen": 0.5, "EyeBlinkLeft": 0.25}
    assert b"/VMC/Ext/Blend/Apply" in bundle


def test_live_link_sends_61_values(receiver, face):
    send = LiveLinkSender("127.0.0.1", receiver.getsockname()[1], 30)
    send(face)
    send.close()
    packet = receiver.recv(65536)
    values = struct.unpack(">61f", packet[-244:])
    assert packet[0] == 6
    assert packet[-245] == 61
    assert values[0] == 0.25
    assert values[17] == 0.5
    assert values[52:55] == pytest.approx((0, 0, 0), abs=1e-6)
