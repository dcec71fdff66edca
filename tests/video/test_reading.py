"""Clips are read frame by frame, whatever they are in, and broken ones as far as they go."""

import numpy as np
import pytest
from PIL import Image

from monoface.core.errors import ConfigError, ImageError
from monoface.video.reading import Clip, ReadingConfig

av = pytest.importorskip("av")


def _write(path, count=20, size=(64, 48), codec="libx264"):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number in range(count):
            image = np.full((size[1], size[0], 3), 10 * number % 250, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mov", "clip.mkv"])
def test_frames_come_in_order_with_their_times(tmp_path, name):
    frames = list(Clip(_write(tmp_path / name)))
    assert [frame.number for frame in frames] == list(range(20))
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(20) / 10, atol=2e-3)
    levels = [frame.image_srgb.mean() for frame in frames]
    np.testing.assert_allclose(levels, 10 * np.arange(20), atol=6)
    assert frames[0].image_srgb.shape == (48, 64, 3)


def test_a_part_is_read(tmp_path):
    clip = Clip(_write(tmp_path / "clip.mp4"), ReadingConfig(0.5, 1.5, 3))
    assert [frame.number for frame in clip] == [5, 8, 11, 14]


def test_a_clip_that_is_cut_off_is_read_as_far_as_it_goes(tmp_path):
    path = _write(tmp_path / "clip.mkv", 60)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 3 // 4])
    assert 10 < len(list(Clip(path))) < 60


def test_broken_packets_are_passed_over(tmp_path):
    path = _write(tmp_path / "clip.mkv", 60)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 60] = bytes(60)
    path.write_bytes(data)
    assert len(list(Clip(path))) > 10


def test_pictures_come_in_the_order_of_their_numbers(tmp_path):
    for number in range(1, 13):
        Image.fromarray(np.full((8, 8, 3), 10 * number, np.uint8)).save(tmp_path / f"frame{number}.png")
    for source in (tmp_path, tmp_path / "*.png"):
        levels = [frame.image_srgb[0, 0, 0] for frame in Clip(source)]
        assert levels == [10 * number for number in range(1, 13)]


def test_folders_and_patterns_of_pictures_are_clips(tmp_path):
    for number in (2, 0, 1):
        Image.new("RGB", (8, 6), (number, 0, 0)).save(tmp_path / f"{number}.png")
    (tmp_path / "3.png").write_bytes(b"no picture")
    for source in (tmp_path, tmp_path / "*.png"):
        clip = Clip(source)
        assert [frame.image_srgb[0, 0, 0] for frame in clip] == [0, 1, 2]
        assert clip.broken == 1


def test_other_files_are_refused(tmp_path):
    (tmp_path / "text.mp4").write_text("no clip")
    with pytest.raises(ImageError, match="expected a video"):
        Clip(tmp_path / "text.mp4")
    with pytest.raises(ConfigError, match="expected a video, a folder"):
        Clip(tmp_path / "missing.mp4")


@pytest.mark.parametrize("wrong", [{"start_s": -1}, {"start_s": 2, "end_s": 1}, {"every": 0}])
def test_impossible_parts_are_refused(wrong):
    with pytest.raises(ConfigError, match="expected"):
        ReadingConfig(**wrong)
