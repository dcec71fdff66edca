"""The clip with landmarks on it: sound begins and ends with the picture."""

from fractions import Fraction

import numpy as np
import pytest

from monoface.video.files.overlay import write_overlay
from monoface.video.reading import Clip, ReadingConfig

av = pytest.importorskip("av")
RATE, SOUND_RATE = 10, 16_000


@pytest.fixture
def clip(tmp_path):
    """Two seconds of picture that begin after one second of sound; three seconds of sound."""
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        picture = container.add_stream("libx264", rate=RATE)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream("aac", rate=SOUND_RATE, layout="mono")
        for number in range(2 * RATE):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 9 * number, np.uint8), format="rgb24")
            frame.pts, frame.time_base = number + RATE, Fraction(1, RATE)
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        for place in range(0, 3 * SOUND_RATE, 1024):
            wave = np.sin(np.arange(place, place + 1024) * 0.1).astype(np.float32)[None]
            frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = SOUND_RATE, place
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    return path


def lasts(path):
    """First and last times of picture and sound, in seconds."""
    with av.open(str(path)) as container:
        times = {"video": [], "audio": []}
        for packet in container.demux():
            if packet.pts is not None:
                times[packet.stream.type].append(float(packet.pts * packet.time_base))
    return {kind: (min(one), max(one)) for kind, one in times.items()}


def test_sound_begins_with_the_picture(clip, tmp_path):
    write_overlay(Clip(clip), (), (), tmp_path / "out.mp4")
    before, after = lasts(clip), lasts(tmp_path / "out.mp4")
    assert before["video"][0] == pytest.approx(1, abs=0.05)
    assert after["video"] == pytest.approx((0, 1.9), abs=0.05)
    assert after["audio"] == pytest.approx((0, 2), abs=0.15)


def test_sound_ends_with_the_picture(clip, tmp_path):
    write_overlay(Clip(clip, ReadingConfig(end_s=0.8)), (), (), tmp_path / "out.mp4")
    after = lasts(tmp_path / "out.mp4")
    assert after["video"][1] == pytest.approx(0.7, abs=0.05)
    assert after["audio"][1] == pytest.approx(0.8, abs=0.1)
