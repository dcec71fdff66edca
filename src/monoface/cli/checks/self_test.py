"""A face that is known is drawn and reconstructed: whether an installation works, in seconds."""

import time
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw

from monoface.facemodel import NumpyFaceModel
from monoface.pipeline import Reconstructor, ReconstructorConfig

_SIDE_PX, _SCALE = 512, 1.3
_BACKGROUND = 150
# Landmarks of the drawn head are found within so much of their box.
_MOST_ERROR_PERCENT = 3.0


@dataclass(frozen=True)
class SelfTest:
    """What became of it.

    Attributes:
        passed: Whether the head was found where it is.
        told: One line that says more.
        seconds: How long it took, with loading the networks.
    """

    passed: bool
    told: str
    seconds: float


def run_self_test() -> SelfTest:
    """Draw the mean head, reconstruct it, and compare 68 landmarks.

    Raises:
        MonofaceError: If a file of the installation is missing or damaged.
    """
    started = time.monotonic()
    reconstructor = Reconstructor(ReconstructorConfig(texture_size=256))
    model = reconstructor.face_model
    faces = reconstructor.reconstruct(draw_mean_head(model)).faces
    seconds = time.monotonic() - started
    if len(faces) != 1:
        return SelfTest(False, f"expected the drawn head, found {len(faces)} faces", seconds)
    expected = project(np.asarray(model.subset(model.landmarks("ibug68")).mean_mm))
    found = faces[0].landmarks68_px
    size = np.ptp(expected, axis=0).max()
    error = 100 * float(np.linalg.norm(found - expected, axis=1).mean()) / size
    told = f"the drawn head was found, its landmarks {error:.1f} % off (at most {_MOST_ERROR_PERCENT:.0f} %)"
    return SelfTest(bool(error <= _MOST_ERROR_PERCENT), told, seconds)


def project(verts_mm: Float[np.ndarray, "verts 3"]) -> Float[np.ndarray, "verts 2"]:
    """Pixels of points of the mean head in its picture."""
    return _SIDE_PX / 2 + _SCALE * verts_mm[:, :2] * (1, -1)


def draw_mean_head(model: NumpyFaceModel) -> UInt8[np.ndarray, "height width 3"]:
    """The mean head from the front, its triangles painted from back to front, lit from above."""
    verts, triangles = np.asarray(model.mean_mm), np.asarray(model.faces)
    corners = verts[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True).clip(1e-9)
    shade = (0.35 + 0.25 * normals[:, 1] + 0.5 * normals[:, 2]).clip(0, 1)
    albedo = np.asarray(model.albedo_mean)[triangles].mean(axis=1)
    colours = (255 * (albedo * shade[:, None]).clip(0, 1) ** (1 / 2.2)).astype(int)
    image = Image.new("RGB", (_SIDE_PX, _SIDE_PX), (_BACKGROUND,) * 3)
    draw = ImageDraw.Draw(image)
    pixels = project(verts)
    for row in np.argsort(corners[..., 2].mean(axis=1)):
        if normals[row, 2] > 0:
            outline = [(float(x), float(y)) for x, y in pixels[triangles[row]]]
            red, green, blue = map(int, colours[row])
            draw.polygon(outline, fill=(red, green, blue))
    return np.asarray(image)
