"""Wrinkles and painted marks, drawn in the texture space of a face: what is relief, and what only looks so.

Wrinkles are valleys and ridges along curves (`wrinkle_courses`). Marks change the colour alone: moles,
freckles, stubble, blotches, and painted lines that look like wrinkles from afar.

There are two families. Networks learn from `taught`; `kept` has other courses of curves and other profiles,
so that a benchmark does not ask for what was learned by heart.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float

from monoface.data.synthetic.wrinkle_curves import (
    Course,
    CourseSampler,
    Family,
    bend_of,
    direction,
    somewhere,
)
from monoface.facemodel import FaceModel
from monoface.facemodel.detail_region import detail_weight
from monoface.render import TextureLayout
from monoface.render.texture_surface import TextureSurface

# Curves beyond so many widths are flat.
_REACH = 4.0
# Points of the jaw at the height of the mouth, above which no beard grows.
_BEARD_POINTS = (3, 13)


@dataclass(frozen=True)
class WrinkleConfig:
    """How much is drawn.

    Attributes:
        family: Which courses and profiles.
        aged: Share of heads with wrinkles; the others are smooth, and have marks only.
        sharpness: Least and most exponent of the valleys that are taught: 2 is round, 1 a crease.
        marked: Share of heads with marks.
        cavity: How far valleys are darkened, for less of the sky shines into them and skin in folds is dark:
            least and most of the logarithm for a millimetre.
    """

    family: Family = "taught"
    aged: float = 0.85
    sharpness: tuple[float, float] = (0.8, 2.2)
    marked: float = 0.85
    cavity: tuple[float, float] = (0.15, 0.65)


@dataclass(frozen=True, eq=False)
class FaceDetail:
    """Relief and paint of one face, texels of a layout.

    Attributes:
        height_mm: Along the normal.
        paint: Logarithm of the factor of the albedo, RGB; without the darkness of valleys.
        cavity: Logarithm of the factor of all light.
        wrinkled: Where a wrinkle is.
        marked: Where a mark is.
    """

    height_mm: Float[np.ndarray, "size size"]
    paint: Float[np.ndarray, "size size 3"]
    cavity: Float[np.ndarray, "size size"]
    wrinkled: Bool[np.ndarray, "size size"]
    marked: Bool[np.ndarray, "size size"]


class DetailPainter:
    """Draws relief and paint for a face model.

    Args:
        model: Has the landmark set `ibug68`.
        layout: Texture space.
    """

    def __init__(self, model: FaceModel, layout: TextureLayout) -> None:
        self.size = layout.size
        surface = TextureSurface.from_vertices(model.mean_mm[None], layout, model.uv, model.weld)
        # Millimetres for a texel; distances along the surface are near enough to those in this metric.
        self._step_mm = np.stack(
            [
                (tangent[0].norm(dim=-1) / layout.size).clamp_min(0.05).numpy()
                for tangent in (surface.along_u, surface.along_v)
            ],
            axis=-1,
        )
        self.weight = layout.from_vertices(detail_weight(model)[:, None])[..., 0].numpy()
        points = model.landmarks("ibug68")
        weights = points.weight[..., None]
        marks = ((model.uv[points.index] * weights).sum(dim=1) * layout.size).numpy()
        rows, columns = np.mgrid[: self.size, : self.size]
        self._texels = np.stack((columns, rows), axis=-1) + 0.5
        self._skin = np.argwhere(self.weight > 0.5)
        self.courses = CourseSampler(marks, self._skin, self.size)

    def sample(self, rng: np.random.Generator, config: WrinkleConfig) -> FaceDetail:
        """Relief and paint of one more face."""
        height = np.zeros((self.size, self.size), np.float32)
        wrinkled = np.zeros((self.size, self.size), bool)
        if rng.random() < config.aged:
            for course in self.courses.sample(rng, config.family):
                self._add_wrinkle(height, wrinkled, course, rng, config)
        height *= self.weight
        paint = _blotches(rng, self.size)
        marked = np.zeros((self.size, self.size), bool)
        if rng.random() < config.marked:
            self._add_marks(paint, marked, rng, config)
        valley = np.minimum(height - _smoothed(height, self.size // 64), 0)
        cavity = (rng.uniform(*config.cavity) * valley).astype(np.float32)
        lively = self.weight > 0.5
        return FaceDetail(height, paint, cavity, wrinkled & lively, marked & lively)

    def _add_wrinkle(
        self,
        height: np.ndarray,
        wrinkled: np.ndarray,
        course: Course,
        rng: np.random.Generator,
        config: WrinkleConfig,
    ) -> None:
        width = course.width_mm
        part, distance, along = self._near(course.points, _REACH * width)
        ends = np.clip(4 * np.minimum(along, 1 - along), 0, 1)
        strength = course.depth_mm * ends * (1 + 0.3 * np.sin(along * rng.uniform(3, 12) + rng.uniform(0, 6)))
        across, folded = distance / width, course.folded
        if config.family == "kept":
            height[part] += strength * _kept_profile(across, folded, rng)
        else:
            height[part] += strength * _taught_profile(across, folded, _drawn(config.sharpness, rng), rng)
        wrinkled[part] |= (np.abs(distance) < 1.5 * width) & (ends > 0.2)

    def _near(
        self, course: np.ndarray, reach_mm: float
    ) -> tuple[tuple[slice, slice], np.ndarray, np.ndarray]:
        """Window around a curve; in it the signed distance in millimetres, and the place along it, 0 to 1."""
        margin = reach_mm / 0.35 * self.size / 512
        low = np.clip((course.min(axis=0) - margin).astype(int), 0, self.size - 1)
        high = np.clip((course.max(axis=0) + margin).astype(int) + 1, low + 1, self.size)
        part = slice(low[1], high[1]), slice(low[0], high[0])
        texels, step = self._texels[part], self._step_mm[part]
        best = np.full(texels.shape[:2], np.inf)
        signed, along = best.copy(), np.zeros_like(best)
        count = len(course) - 1
        for number in range(count):
            start, edge = course[number], course[number + 1] - course[number]
            offset, scaled = (texels - start) * step, edge * step
            length = (scaled**2).sum(axis=-1)
            share = np.clip((offset * scaled).sum(axis=-1) / np.maximum(length, 1e-9), 0, 1)
            apart = offset - share[..., None] * scaled
            distance = np.hypot(apart[..., 0], apart[..., 1])
            side = np.sign(scaled[..., 0] * offset[..., 1] - scaled[..., 1] * offset[..., 0])
            nearer = distance < best
            best = np.where(nearer, distance, best)
            signed = np.where(nearer, side * distance, signed)
            along = np.where(nearer, (number + share) / count, along)
        return part, np.clip(signed, -10 * reach_mm, 10 * reach_mm), along

    def _add_marks(
        self, paint: np.ndarray, marked: np.ndarray, rng: np.random.Generator, config: WrinkleConfig
    ) -> None:
        brown = np.array((0.6, 1.0, 1.3)) * rng.uniform(0.85, 1.15, 3)
        for _ in range(rng.integers(0, 12)):
            self._add_spot(paint, marked, rng.uniform(0.8, 2.8), rng.uniform(0.2, 1.0) * brown, rng)
        if rng.random() < 0.35:
            for _ in range(rng.integers(40, 250)):
                self._add_spot(paint, marked, rng.uniform(0.5, 1.1), rng.uniform(0.1, 0.45) * brown, rng)
        for _ in range(rng.integers(0, 6)):
            start = somewhere(self._skin, rng)
            end = start + self.size * rng.uniform(0.02, 0.12) * direction(rng)
            tint = brown if rng.random() < 0.5 else np.ones(3)
            self._add_line(paint, marked, np.stack((start, end)), rng.uniform(0.1, 0.6) * tint, rng, config)
        if rng.random() < 0.3:
            self._add_stubble(paint, marked, rng)

    def _add_spot(
        self,
        paint: np.ndarray,
        marked: np.ndarray,
        radius_mm: float,
        strength: np.ndarray,
        rng: np.random.Generator,
    ) -> None:
        centre = somewhere(self._skin, rng)
        part, distance, _ = self._near(np.stack((centre, centre + 1e-3)), 2 * radius_mm)
        edge = rng.uniform(0.15, 0.5)
        inside = 1 / (1 + np.exp((np.abs(distance) / radius_mm - 1) / edge * 2))
        paint[part] -= inside[..., None] * strength
        marked[part] |= inside > 0.3

    def _add_line(
        self,
        paint: np.ndarray,
        marked: np.ndarray,
        course: np.ndarray,
        strength: np.ndarray,
        rng: np.random.Generator,
        config: WrinkleConfig,
    ) -> None:
        width = rng.uniform(0.5, 1.6)
        bent = bend_of(config.family)(course, rng, self.size / 256)
        part, distance, along = self._near(bent, 3 * width)
        ends = np.clip(6 * np.minimum(along, 1 - along), 0, 1)
        inside = ends * np.exp(-0.5 * (distance / width) ** 2)
        sign = 1 if rng.random() < 0.8 else -0.5
        paint[part] -= sign * inside[..., None] * strength
        marked[part] |= inside > 0.3

    def _add_stubble(self, paint: np.ndarray, marked: np.ndarray, rng: np.random.Generator) -> None:
        """Grey grain over chin, lower cheeks and upper lip."""
        from_y = self.courses.marks[list(_BEARD_POINTS), 1].mean() - 0.05 * self.size * rng.random()
        fade = np.clip((self._texels[..., 1] - from_y) / (0.04 * self.size), 0, 1)
        grain = rng.random((self.size, self.size)) < rng.uniform(0.1, 0.3) * (256 / self.size)
        dots = _smoothed(grain.astype(np.float32), max(1, self.size // 256)) * rng.uniform(0.4, 1.6)
        paint -= (fade * (dots + rng.uniform(0, 0.15)))[..., None] * np.array((1.05, 1.0, 0.9))
        marked |= fade > 0.5


def _drawn(limits: tuple[float, float], rng: np.random.Generator) -> float:
    """A number within limits; if these are one, nothing is drawn."""
    return limits[0] if limits[0] == limits[1] else rng.uniform(*limits)


def _taught_profile(
    across: np.ndarray, folded: bool, exponent: float, rng: np.random.Generator
) -> np.ndarray:
    """A valley between two soft ridges, or a fold: a bulge beside a valley."""
    steep = np.abs(across) ** exponent
    if folded:
        side = rng.choice((-1, 1))
        return side * across * np.exp((1 - steep) / exponent)
    ridge = rng.uniform(0.0, 0.5)
    return ridge * np.exp(-0.5 * (across / 2) ** 2) - (1 + ridge) * np.exp(-0.5 * steep)


def _kept_profile(across: np.ndarray, folded: bool, rng: np.random.Generator) -> np.ndarray:
    """A crease with steep sides, or a step with a valley at its foot."""
    crease = -1 / (1 + (1.1 * across) ** 2) ** 1.5
    if folded:
        side = rng.choice((-1, 1))
        return crease * 0.5 + 0.6 * np.maximum(side * across, 0) * np.exp(-0.6 * np.maximum(side * across, 0))
    return crease + rng.uniform(0.1, 0.4) * np.exp(-((np.abs(across) - 1.6) ** 2))


def _blotches(rng: np.random.Generator, size: int) -> Float[np.ndarray, "size size 3"]:
    """Uneven skin: smooth patches of several sizes, redder or paler."""
    paint = torch.zeros(1, 3, size, size)
    for cells, share in ((8, 1.0), (24, 1.0), (80, 0.6)):
        grey = rng.normal(0, 0.015 * share, (1, 1, cells, cells))
        red = rng.normal(0, 0.012 * share, (1, 1, cells, cells)) * np.array((0.6, -0.5, -0.4)).reshape(
            1, 3, 1, 1
        )
        coarse = torch.from_numpy(grey + red).float()
        paint += torch.nn.functional.interpolate(coarse, size=(size, size), mode="bicubic")
    return paint[0].permute(1, 2, 0).numpy()


def _smoothed(values: np.ndarray, reach: int) -> np.ndarray:
    """Mean over a square, twice."""
    kernel, image = 2 * reach + 1, torch.from_numpy(values)[None, None]
    for _ in range(2):
        image = torch.nn.functional.avg_pool2d(image, kernel, 1, reach, count_include_pad=False)
    return image[0, 0].numpy()
