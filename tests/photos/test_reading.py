import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image

from monoface.core.errors import ImageError
from monoface.photos.reading import read_image


def test_pillow_image_is_read_as_its_file_and_left_alone(tmp_path):
    path = tmp_path / "photo.jpg"
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.new("RGB", (60, 40), (200, 90, 30)).save(path, exif=exif, quality=95)
    with Image.open(path) as picture:
        loaded = read_image(picture, max_side_px=24)
        assert picture.size == (60, 40)
    assert (loaded.name, loaded.original_size_px, loaded.size_px) == (str(path), (40, 60), (16, 24))
    np.testing.assert_array_equal(loaded.image_srgb, read_image(path, max_side_px=24).image_srgb)
    assert read_image(Image.new("L", (3, 2))).name == "Pillow image"


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 3), (5, 7, 4)])
def test_arrays_of_each_type_and_shape(shape, dtype):
    values = np.random.default_rng(3).integers(0, 256, shape).astype(np.uint8)
    if shape[-1] == 4:
        values[..., 3] = 255
    factor = {np.uint8: 1, np.uint16: 257}.get(dtype, 1 / 255)
    array = (values * np.float64(factor)).astype(dtype)
    before = array.copy()
    loaded = read_image(array)
    expected = np.broadcast_to(values.reshape(5, 7, -1)[..., :3], (5, 7, 3))
    np.testing.assert_array_equal(loaded.image_srgb, expected)
    np.testing.assert_array_equal(array, before)
    assert not np.shares_memory(loaded.image_srgb, array)
    assert loaded.name == "array"


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_tensors_are_channels_first(rng, dtype):
    values = torch.randint(0, 256, (3, 5, 7), generator=rng)
    tensor = values.to(torch.uint8) if dtype == torch.uint8 else (values / 255).to(dtype).requires_grad_()
    loaded = read_image(tensor)
    got = torch.from_numpy(loaded.image_srgb).permute(2, 0, 1).int()
    assert (got - values).abs().max() <= (1 if dtype == torch.bfloat16 else 0)
    assert loaded.name == "tensor"


def test_large_arrays_are_reduced_like_files(tmp_path):
    pixels = np.random.default_rng(5).integers(0, 256, (150, 333, 3)).astype(np.uint8)
    path = tmp_path / "photo.png"
    Image.fromarray(pixels).save(path)
    from_array, from_file = read_image(pixels, max_side_px=100), read_image(path, max_side_px=100)
    np.testing.assert_array_equal(from_array.image_srgb, from_file.image_srgb)
    assert from_array.size_px == (100, 45)
    assert from_array.scale == 100 / 333


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 480, 640)), r"got \(3, 480, 640\). Arrays have their channels last.*permute"),
        (np.zeros((2, 480, 640, 3)), "Give the photos of a batch one by one"),
        (np.zeros(12), r"got \(12,\)"),
        (np.zeros((0, 5, 3)), "at least one pixel"),
        (np.full((4, 4, 3), np.nan), "got 48 that are NaN or infinite. Replace them"),
        (np.full((4, 4, 3), 255.0), "from 255 to 255. Divide by 255"),
        (np.full((4, 4, 3), -1.0), "from -1 to -1. Rescale"),
        (np.zeros((4, 4, 3), np.int64), "got int64"),
        (np.zeros((4, 4, 3), bool), "got bool"),
        (np.zeros((4, 4, 3), object), "got object"),
        (
            torch.zeros(480, 640, 3),
            r"got \(480, 640, 3\). Arrays have their channels last.*permute",
        ),
        (torch.zeros(1, 3, 48, 64), "Give the photos of a batch one by one"),
        (torch.full((3, 4, 4), torch.inf), "tensor: .*infinite"),
        (torch.zeros(3, 4, 4, dtype=torch.int32), "tensor: .*got int32"),
    ],
)
def test_arrays_and_tensors_that_are_no_photo_are_refused(array, message):
    with pytest.raises(ImageError, match=message):
        read_image(array)


def test_overshoot_of_resampling_is_no_error():
    array = np.array([[-0.001, 0.5, 1.001]] * 3)
    np.testing.assert_array_equal(read_image(array).image_srgb[0, :, 0], [0, 128, 255])


def test_what_cannot_be_opened_says_why(tmp_path, monkeypatch):
    (tmp_path / "dangling.jpg").symlink_to(tmp_path / "gone")
    (tmp_path / "circle.jpg").symlink_to(tmp_path / "circle.jpg")
    (tmp_path / "file").touch()
    with pytest.raises(ImageError, match="found a link that leads nowhere"):
        read_image(tmp_path / "dangling.jpg")
    with pytest.raises(ImageError, match="cannot be opened"):
        read_image(tmp_path / "circle.jpg")
    with pytest.raises(ImageError, match="no such file"):
        read_image(tmp_path / "file" / "photo.jpg")
    with pytest.raises(ImageError, match="File name too long"):
        read_image("z" * 300 + ".jpg")

    def forbidden(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", forbidden)
    with pytest.raises(ImageError, match="Permission denied"):
        read_image("folder/photo.jpg")


def test_missing_file_folder_and_pipe(tmp_path):
    with pytest.raises(ImageError, match=r"gone\.jpg: expected a picture, found no such file"):
        read_image(tmp_path / "gone.jpg")
    with pytest.raises(ImageError, match="got a folder"):
        read_image(tmp_path)
    with pytest.raises(ImageError, match="no such file"):
        read_image("a\0b.jpg")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.jpg")
        with pytest.raises(ImageError, match="got a device or pipe"):
            read_image(tmp_path / "pipe.jpg")


def test_every_message_says_what_to_do(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"text, and nothing else")
    for source in (tmp_path / "a.jpg", tmp_path / "b.jpg", tmp_path, np.zeros(3), torch.zeros(3)):
        with pytest.raises(ImageError) as refusal:
            read_image(source)
        assert re.fullmatch(r".+: expected .+, (got|found) .+\. .+\.", str(refusal.value)), str(refusal.value)


def test_photos_are_read_on_many_threads_as_on_one(tmp_path):
    paths = []
    for index, suffix in enumerate(["png", "jpg", "webp", "tif", "gif", "bmp"] * 3):
        paths.append(tmp_path / f"{index}.{suffix}")
        Image.new("RGB", (50 + index, 40), (index, 100, 200)).save(paths[-1])
    one_by_one = [read_image(path, max_side_px=45) for path in paths]
    with ThreadPoolExecutor(max_workers=8) as threads:
        together = list(threads.map(lambda path: read_image(path, max_side_px=45), paths))
    for first, second in zip(one_by_one, together, strict=True):
        np.testing.assert_array_equal(first.image_srgb, second.image_srgb)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("https://example.org/me.jpg", "an address. Download the picture"),
        (Path("https://example.org/me.jpg"), "an address. Download the picture"),
        ("file:///home/me.jpg", "an address. Download the picture"),
        ("C:/me.jpg", "no such file. Check the path"),
    ],
)
def test_addresses_are_told_from_missing_files(name, found):
    with pytest.raises(ImageError, match=f"found {found}"):
        read_image(name)
