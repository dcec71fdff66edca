import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import ExifTags, Image

from monoface.core.errors import ImageError
from monoface.photos.reading import read_image


def test_heif_is_read_where_the_extra_is_installed(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif", reason="the extra monoface[heif] is not installed")
    path = tmp_path / "photo.heic"
    pillow_heif.from_pillow(Image.new("RGB", (60, 40), (200, 90, 30))).save(path, quality=95)
    loaded = read_image(path)
    assert loaded.original_size_px == (60, 40)
    np.testing.assert_allclose(loaded.image_srgb[20, 30], (200, 90, 30), atol=6)


def test_heif_without_the_extra_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "photo.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ImageError, match=r"got HEIF. Install the extra monoface\[heif\]"):
        read_image(path)


@pytest.mark.parametrize(
    "content", [b"These are the holiday photos.\n" * 9, b"%!PS-Adobe-3.0 EPSF-3.0\n", bytes(200)]
)
def test_what_is_no_picture_is_refused(tmp_path, content):
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=r"photo\.jpg: expected a picture \(JPEG, PNG.*got something else"):
        read_image(path)


def test_empty_file_is_refused(tmp_path):
    path = tmp_path / "photo.jpg"
    path.touch()
    with pytest.raises(ImageError, match="got an empty file"):
        read_image(path)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "gif", "bmp"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.95])
def test_truncated_files_are_refused_in_one_line(tmp_path, suffix, kept):
    path = tmp_path / f"photo.{suffix}"
    noise = np.random.default_rng(7).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    Image.fromarray(noise).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(ImageError, match=r"damaged or incomplete") as refusal:
        read_image(path)
    assert "\n" not in str(refusal.value)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL", "ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "gif", "bmp", "ppm", "avif"])
def test_damage_anywhere_ends_in_a_picture_or_an_image_error(tmp_path, suffix):
    path = tmp_path / f"photo.{suffix}"
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    noise = np.random.default_rng(7).integers(0, 256, (24, 31, 3)).astype(np.uint8)
    Image.fromarray(noise).save(path, exif=exif)
    content = path.read_bytes()
    random = np.random.default_rng(11)
    refused = 0
    for _ in range(120):
        damaged = np.frombuffer(content, np.uint8).copy()
        # Half of the damage goes to the header, where it matters most.
        places = random.integers(0, len(damaged) if random.random() < 0.5 else min(len(damaged), 120), 3)
        damaged[places] = random.integers(0, 256, 3)
        path.write_bytes(damaged.tobytes())
        try:
            read_image(path)
        except ImageError:
            refused += 1
    assert refused > 0


def png_header(width, height):
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    crc = struct.pack(">I", zlib.crc32(b"IHDR" + header))
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + header + crc + b"\0\0\0\0IDAT\x35\xaf\x06\x1e"


@pytest.mark.parametrize(
    ("size", "message"),
    [((50_000, 50_000), "at most 1000 megapixels, got 50000 x 50000"), ((20_000, 15_000), "take 1200 MB")],
)
def test_decompression_bombs_are_refused_before_they_are_decoded(tmp_path, size, message):
    path = tmp_path / "photo.png"
    path.write_bytes(png_header(*size))
    with pytest.raises(ImageError, match=message):
        read_image(path)


def test_progressive_jpeg_bomb_is_refused(tmp_path):
    path = tmp_path / "photo.jpg"
    Image.new("RGB", (16, 16)).save(path, progressive=True)
    content = bytearray(path.read_bytes())
    start = content.index(b"\xff\xc2")
    struct.pack_into(">HH", content, start + 5, 20_000, 20_000)
    path.write_bytes(content)
    with pytest.raises(ImageError, match="save it as a baseline JPEG"):
        read_image(path)


PEAK_SCRIPT = """
import resource, sys
from monoface.photos.reading import read_image
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
loaded = read_image(sys.argv[1])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(*loaded.original_size_px, *loaded.size_px, peak / (2**20 if sys.platform == "darwin" else 2**10))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the resource module is for Unix")
@pytest.mark.parametrize(
    ("suffix", "mode", "size", "working_size", "peak_mb"),
    [
        ("jpg", "L", (20_000, 6_000), (4096, 1228), 60),
        ("png", "RGBA", (12_000, 3_000), (4096, 1024), 260),
    ],
)
def test_peak_memory_of_huge_pictures(tmp_path, suffix, mode, size, working_size, peak_mb):
    path = tmp_path / f"photo.{suffix}"
    options = {"compress_level": 1} if suffix == "png" else {}
    Image.new(mode, size, 200 if mode == "L" else (200, 100, 50, 255)).save(path, **options)
    run = subprocess.run(
        [sys.executable, "-c", PEAK_SCRIPT, path], capture_output=True, text=True, check=True, timeout=120
    )
    *sizes, peak = map(float, run.stdout.split())
    assert sizes == [*size, *working_size]
    assert peak < peak_mb
