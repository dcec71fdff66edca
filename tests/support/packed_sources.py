"""Small data sets in the packed layout: `images-0.tar` with pictures, `labels.npz` with arrays."""

import io
import tarfile

import numpy as np
from PIL import Image


def encode(array, image_format):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, format=image_format, lossless=True)
    return buffer.getvalue()


def write_source(folder, images, masks=None, **labels):
    folder.mkdir(parents=True, exist_ok=True)
    members = {f"{key}.webp": encode(image, "webp") for key, image in images.items()}
    members |= {f"{key}_mask.png": encode(mask, "png") for key, mask in (masks or {}).items()}
    with tarfile.open(folder / "images-0.tar", "w") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    if labels:
        np.savez(folder / "labels.npz", key=np.array(list(images)), **labels)
    return folder


def make_images(count, height, width):
    generator = np.random.default_rng(5)
    return {f"{n:04}": generator.integers(0, 256, (height, width, 3), dtype=np.uint8) for n in range(count)}
