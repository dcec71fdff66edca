import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms
from torch.testing import assert_close

from monoface.core.errors import ImageError
from monoface.photos.reading import open_photo, read_image

RED, GREEN, BLUE, YELLOW = (250, 10, 10), (10, 250, 10), (10, 10, 250), (250, 250, 10)


@pytest.fixture
def corners():
    """40 x 60 pixels (width x height): red and green above, blue and yellow below."""
    pixels = np.empty((60, 40, 3), np.uint8)
    pixels[:30, :20], pixels[:30, 20:], pixels[30:, :20], pixels[30:, 20:] = RED, GREEN, BLUE, YELLOW
    return pixels


def assert_corners(loaded, tolerance=12):
    width, height = loaded.size_px
    got = loaded.image_srgb[[height // 4, height // 4, -height // 4, -height // 4]][
        range(4), [width // 4, -width // 4, width // 4, -width // 4]
    ]
    np.testing.assert_allclose(got, [RED, GREEN, BLUE, YELLOW], atol=tolerance)


def with_orientation(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


# What `read_image` has to undo: the stored picture for each EXIF orientation of an upright one.
STORED_FOR = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def stored(pixels, orientation):
    picture = Image.fromarray(pixels)
    return picture if orientation == 1 else picture.transpose(STORED_FOR[orientation])


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "ppm", "webp", "gif", "jpg", "avif"])
def test_formats(tmp_path, corners, suffix):
    path = tmp_path / f"photo.{suffix}"
    options = {"webp": {"lossless": True}, "jpg": {"quality": 95, "subsampling": 0}, "avif": {"quality": 100}}
    Image.fromarray(corners).save(path, **options.get(suffix, {}))
    loaded = read_image(path)
    assert loaded.image_srgb.shape == (60, 40, 3)
    assert loaded.image_srgb.dtype == np.uint8
    assert (loaded.original_size_px, loaded.scale, loaded.name) == ((40, 60), 1.0, str(path))
    assert_corners(loaded)


@pytest.mark.parametrize("orientation", STORED_FOR)
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_exif_rotation_is_applied(tmp_path, corners, orientation, suffix):
    path = tmp_path / f"photo.{suffix}"
    stored(corners, orientation).save(path, exif=with_orientation(orientation), quality=95)
    loaded = read_image(path)
    assert loaded.original_size_px == loaded.size_px == (40, 60)
    assert_corners(loaded)


@pytest.mark.parametrize("orientation", STORED_FOR)
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_points_of_a_reduced_rotated_photo_return_to_the_upright_original(tmp_path, orientation, suffix):
    # 403 x 301 is a multiple of nothing, so every rounding on the way would show.
    x, y = np.meshgrid(np.arange(403) + 0.5, np.arange(301) + 0.5)
    pixels = np.stack([x * 255 / 403, y * 255 / 301, 0 * x], axis=-1).astype(np.uint8)
    path = tmp_path / f"photo.{suffix}"
    stored(pixels, orientation).save(path, exif=with_orientation(orientation), quality=95, subsampling=0)
    loaded = read_image(path, max_side_px=47)
    assert loaded.original_size_px == (403, 301)
    assert max(loaded.size_px) == 47

    # The ramps say where in the original each working pixel's centre lies; at borders they are cut off. One
    # working pixel is 8.6 original ones, and a JPEG's colours are off by up to half a grey level.
    height, width, _ = loaded.image_srgb.shape
    ramp = loaded.image_srgb[4:-4, 4:-4].astype(float) + 0.5
    shown_px = torch.from_numpy(ramp[..., :2] * [403 / 255, 301 / 255])
    rows, columns = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    centres_px = torch.stack([columns, rows], dim=-1)[4:-4, 4:-4].double()
    offset_px = (shown_px - torch.from_numpy(loaded.to_original_px(centres_px.numpy()))).mean(dim=(0, 1))
    assert_close(offset_px, torch.zeros(2, dtype=torch.float64), atol=0.6, rtol=0)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data:UserWarning")
def test_damaged_exif_is_no_reason_to_refuse(tmp_path, corners):
    path = tmp_path / "photo.jpg"
    Image.fromarray(corners).save(path, quality=95, exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\xff\xff")
    assert read_image(path).size_px == (40, 60)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparent_parts_lie_over_white(mode):
    grey = Image.fromarray(np.tile(np.array([0, 0, 100], np.uint8), (4, 1)))
    picture = grey.convert({"RGBA": "RGB", "LA": "L", "PA": "P"}[mode])
    picture.putalpha(Image.fromarray(np.tile(np.array([128, 0, 255], np.uint8), (4, 1))))
    assert picture.mode == mode
    np.testing.assert_array_equal(read_image(picture).image_srgb[2, :, 1], [127, 255, 100])


@pytest.mark.parametrize("suffix", ["gif", "png"])
def test_transparent_palette_entry_lies_over_white(tmp_path, suffix):
    path = tmp_path / f"photo.{suffix}"
    picture = Image.fromarray(np.tile(np.array([0, 0, 100], np.uint8), (4, 1))).convert("P")
    picture.save(path, transparency=0)
    np.testing.assert_array_equal(read_image(path).image_srgb[2, :, 1], [255, 255, 100])


def test_grey_one_bit_and_palette(tmp_path):
    values = np.tile(np.arange(0, 250, 10, dtype=np.uint8), (9, 1))
    grey = Image.fromarray(values)
    np.testing.assert_array_equal(read_image(grey).image_srgb, np.stack([values] * 3, axis=-1))
    np.testing.assert_array_equal(read_image(grey.convert("P")).image_srgb[..., 1], values)
    one_bit = read_image(grey.point(lambda value: 255 * (value > 100)).convert("1")).image_srgb
    np.testing.assert_array_equal(one_bit[..., 2], 255 * (values > 100))


def png16(values, colour_type):
    """A 16-bit PNG, written by hand: Pillow cannot write one in RGB."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        ]
    )


def test_16_bits_are_scaled_to_8(tmp_path):
    path = tmp_path / "grey.png"
    values = np.array([[0, 128, 129, 257, 32767, 65279, 65535]] * 3, np.uint16)
    path.write_bytes(png16(values, colour_type=0))
    np.testing.assert_array_equal(read_image(path).image_srgb[0, :, 0], [0, 0, 1, 1, 127, 254, 255])
    np.testing.assert_array_equal(read_image(values).image_srgb[0, :, 0], [0, 0, 1, 1, 127, 254, 255])

    path = tmp_path / "colour.png"
    path.write_bytes(png16(np.stack([values, values[:, ::-1], values], axis=-1), colour_type=2))
    np.testing.assert_allclose(read_image(path).image_srgb[0, :, 0], [0, 0, 1, 1, 127, 254, 255], atol=1)
    np.testing.assert_allclose(read_image(path).image_srgb[0, :, 1], [255, 254, 127, 1, 1, 0, 0], atol=1)


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_cmyk(tmp_path, corners, suffix):
    path = tmp_path / f"photo.{suffix}"
    Image.fromarray(corners).convert("CMYK").save(path, quality=95)
    assert_corners(read_image(path), tolerance=20)


def wide_gamut_profile():
    """An ICC profile like Display P3: sRGB's curves with wider primaries, made from sRGB's own profile."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", profile, 128)[0]
    tags = {profile[132 + 12 * i : 136 + 12 * i].decode(): 132 + 12 * i for i in range(count)}
    primaries = {"rXYZ": (0.5151, 0.2412, -0.0011), "gXYZ": (0.2920, 0.6922, 0.0419)}
    primaries["bXYZ"] = (0.1571, 0.0666, 0.7841)
    for tag, xyz in primaries.items():
        offset = struct.unpack_from(">I", profile, tags[tag] + 4)[0]
        struct.pack_into(">3i", profile, offset + 8, *(round(value * 65536) for value in xyz))
    return (
        bytes(profile)
        .replace("sRGB".encode("utf-16-be"), "wide".encode("utf-16-be"))
        .replace(b"sRGB b", b"wide b")
    )


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_wide_gamut_colours_become_srgb(tmp_path, suffix):
    path = tmp_path / f"photo.{suffix}"
    picture = Image.new("RGB", (16, 16), (200, 100, 100))
    picture.save(path, icc_profile=wide_gamut_profile(), quality=100, subsampling=0)
    # Display P3 (200, 100, 100) is sRGB (215, 94, 98), by the matrices of both spaces.
    np.testing.assert_allclose(read_image(path).image_srgb[8, 8], (215, 94, 98), atol=3)


def test_colours_of_an_overview_are_converted_too(tmp_path):
    path = tmp_path / "photo.jpg"
    Image.new("RGB", (1600, 900), (90, 160, 120)).save(path, icc_profile=wide_gamut_profile(), quality=95)
    overview, whole = open_photo(path).overview.image_srgb, read_image(path).image_srgb
    assert overview.shape == (450, 800, 3)
    assert np.abs(whole[0, 0].astype(int) - (90, 160, 120)).max() > 10
    np.testing.assert_allclose(overview[10, 10].astype(int), whole[20, 20].astype(int), atol=1)


@pytest.mark.parametrize(
    "profile", [b"no profile", ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()]
)
def test_damaged_or_foreign_profile_is_left_out(tmp_path, corners, profile):
    path = tmp_path / "photo.png"
    Image.fromarray(corners).save(path, icc_profile=profile)
    np.testing.assert_array_equal(read_image(path).image_srgb, corners)


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tif"])
def test_first_frame_of_an_animation(tmp_path, corners, suffix):
    path = tmp_path / f"photo.{suffix}"
    frames = [Image.new("RGB", (40, 60), (0, 0, shade)) for shade in (20, 60)]
    Image.fromarray(corners).save(path, save_all=True, append_images=frames)
    assert_corners(read_image(path), tolerance=40)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (5000, 1)])
def test_tiny_pictures_are_pictures(tmp_path, size):
    path = tmp_path / "photo.png"
    Image.new("RGB", size, RED).save(path)
    loaded = read_image(path)
    assert loaded.original_size_px == size
    assert min(loaded.size_px) == 1
    assert tuple(loaded.image_srgb[0, 0]) == RED


@pytest.mark.parametrize("mode", ["I", "F", "LAB"])
def test_modes_without_a_known_range_are_refused(mode):
    with pytest.raises(ImageError, match=f"got mode {mode}, whose range is not known"):
        read_image(Image.new(mode, (4, 4)))


def test_a_tiff_of_floating_point_colours_is_told_from_a_damaged_one(tmp_path):
    """Defect: it was called damaged."""
    import tifffile

    tifffile.imwrite(tmp_path / "me.tif", np.zeros((4, 5, 3), np.float32), photometric="rgb")
    with pytest.raises(
        ImageError, match=r"got other pixels, such as floating point\. Convert the picture to 8-bit"
    ):
        read_image(tmp_path / "me.tif")
