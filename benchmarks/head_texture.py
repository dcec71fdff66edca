"""Is the head a head from the side? What textures show where the photo hardly shows skin.

    python benchmarks/head_texture.py --data DATA [--texture clean] [--count 50]

Over the first portraits of `portraits_cc0` and `omi`, of texels of the skin outside the narrow face (scalp,
temples, ears, under the jaw, neck; not the inner sides of lids and lips):

- off tone: share whose chroma (a and b of CIELAB) is further than 12 from the median of the narrow face;
- grain: mean square of the luminance that a blur of two texels takes away, in the median over blocks of 16
  texels, against the same of the cheeks and the forehead;
- step: luminance (of 255) on one side of a border against the other, as blurred, in the mean over a border:
  the cut between the charts of face and scalp, and the border of the narrow face.

Then the time from a face to its texture, on one thread.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import tyro
from scipy.ndimage import binary_dilation, gaussian_filter

from monoface.data.sources import Omi, PortraitsCc0
from monoface.facemodel import NumpyFaceModel
from monoface.facemodel.parts import skin_verts
from monoface.metrics.colour_difference import linear_to_lab
from monoface.pipeline import Reconstructor, ReconstructorConfig
from monoface.render import TextureLayout
from monoface.shading import srgb_to_linear
from monoface.shading.color import LUMINANCE

_OFF = 12.0
_BLOCK = 16
_FINE_TEXELS = 2.0
_LUMINANCE = np.array(LUMINANCE, np.float32)
# How far from a border both of its sides are compared, in texels, and the blur before that.
_ASIDE, _REACH, _BLUR = 3, 8, 1.5


@dataclass(frozen=True)
class Arguments:
    """What is measured.

    Attributes:
        data: Folder of the data sets.
        texture: Kind of texture.
        count: Portraits of each of the two sets.
        size: Side of the texture in texels.
    """

    data: Path
    texture: Literal["photo", "clean", "none"] = "clean"
    count: int = 50
    size: int = 1024


class Places:
    """Texels that are compared."""

    def __init__(self, model: NumpyFaceModel, layout: TextureLayout) -> None:
        regions, skin = model.data.regions, skin_verts(model.data)
        plain = regions["narrow_face"].copy()
        for name in ("brows", "lips", "eyelids", "nose", "eye_sockets", "eyes"):
            plain &= ~regions[name]
        outer = skin & ~regions["narrow_face"]
        for name in ("lips", "eyelids", "eye_sockets"):
            outer &= ~regions[name]
        names = {
            "outer": outer,
            "narrow": regions["narrow_face"] & skin,
            "cheek": plain,
        }
        self.masks = {name: self._texels(layout, verts) for name, verts in names.items()}
        pairs = np.flatnonzero((model.weld != np.arange(len(model.weld))) & outer & outer[model.weld])
        self.seam = np.stack((pairs, model.weld[pairs]))
        self.seam_texels = [self._inside(model, layout, side) for side in self.seam]
        narrow, outer = self.masks["narrow"], self.masks["outer"]
        # Triangles on the border belong to neither side.
        near = binary_dilation(narrow, iterations=_REACH) & binary_dilation(outer, iterations=_REACH)
        self.border = (
            outer & binary_dilation(near, iterations=_ASIDE),
            narrow & binary_dilation(near, iterations=_ASIDE),
        )

    @staticmethod
    def _texels(layout: TextureLayout, verts: np.ndarray) -> np.ndarray:
        return layout.mask & verts[layout.faces].all(axis=1)[layout.face_index]

    @staticmethod
    def _inside(model: NumpyFaceModel, layout: TextureLayout, verts: np.ndarray) -> tuple[np.ndarray, ...]:
        """Row and column of the texels nearest to vertices."""
        size = layout.size
        columns, rows = (model.uv[verts] * size).astype(int).clip(0, size - 1).T
        return np.divmod(layout.nearest[rows * size + columns], size)


@dataclass(frozen=True)
class Measured:
    """Of one texture: shares, ratios and steps as above."""

    off: float
    grain: float
    seam_step: float
    border_step: float
    seconds: float


def measure(texture: np.ndarray, places: Places, seconds: float) -> Measured:
    """Compare a texture's places."""
    lab = linear_to_lab(srgb_to_linear(texture.astype(np.float32) / 255))
    chroma, masks = lab[..., 1:], places.masks
    middle = np.median(chroma[masks["narrow"]], axis=0)
    off = np.linalg.norm(chroma - middle, axis=-1) > _OFF
    luminance = texture @ _LUMINANCE
    fine = np.square(luminance - gaussian_filter(luminance, _FINE_TEXELS))
    grain = _energy(fine, masks["outer"]) / max(_energy(fine, masks["cheek"]), 1e-6)
    smooth = gaussian_filter(luminance, _BLUR)
    first, second = (smooth[side] for side in places.seam_texels)
    outside, inside = (_local_mean(luminance, mask) for mask in places.border)
    both = (outside[1] > 0.02) & (inside[1] > 0.02)
    border = np.abs(outside[0] - inside[0])[both].mean()
    return Measured(
        float(off[masks["outer"]].mean()), grain, float(np.abs(first - second).mean()), border, seconds
    )


def _local_mean(values: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    weight = gaussian_filter(mask.astype(np.float32), _ASIDE)
    return gaussian_filter(values * mask, _ASIDE) / weight.clip(1e-6), weight


def _energy(fine: np.ndarray, mask: np.ndarray) -> float:
    """Median over whole blocks inside a mask."""
    cells = len(fine) // _BLOCK
    shape = (cells, _BLOCK, cells, _BLOCK)
    whole = mask.reshape(shape).all(axis=(1, 3))
    return float(np.median(fine.reshape(shape).mean(axis=(1, 3))[whole]))


def main() -> None:
    """Print the table."""
    arguments = tyro.cli(Arguments)
    config = ReconstructorConfig(texture_size=arguments.size, texture=arguments.texture, threads=1)
    tools = Reconstructor(config)
    measured: dict[str, list[Measured]] = {}
    places = None
    for name, source in (("portraits_cc0", PortraitsCc0), ("omi", Omi)):
        photos = source(arguments.data / name).iter_images(range(arguments.count))
        for photo in photos:
            faces = tools.reconstruct(photo).faces
            if not faces:
                continue
            skin = faces[0].skin
            layout = skin.assets.texturer.layout()
            places = places or Places(skin.model, layout)
            _ = skin.placed_mesh
            begun = time.perf_counter()
            texture = faces[0].texture
            seconds = time.perf_counter() - begun
            measured.setdefault(name, []).append(measure(texture, places, seconds))
    print("| set | photos | off tone % | worst | grain | 5 to 95 % | seam step | border step | ms |")
    print("|---|---|---|---|---|---|---|---|---|")
    everything = [one for found in measured.values() for one in found]
    for name, found in (*measured.items(), ("both", everything)):
        off, grain = (np.array([getattr(one, field) for one in found]) for field in ("off", "grain"))
        seam, border, seconds_ = (
            np.array([getattr(one, field) for one in found])
            for field in ("seam_step", "border_step", "seconds")
        )
        low, high = np.quantile(grain, (0.05, 0.95))
        print(
            f"| {name} | {len(found)} | {100 * off.mean():.2f} | {100 * off.max():.1f} | "
            f"{np.median(grain):.2f} | {low:.2f} to {high:.2f} | {seam.mean():.2f} | {border.mean():.2f} | "
            f"{1000 * np.median(seconds_):.0f} |"
        )


if __name__ == "__main__":
    main()
