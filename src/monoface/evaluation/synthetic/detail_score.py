"""Scores the relief that a fine stage finds in synthetic heads, of which it is known."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from monoface.core.arrays import in_numpy
from monoface.data.synthetic.wrinkled_heads import WrinkledHead
from monoface.displacement.displacer import Displacer
from monoface.displacement.evidence import Evidence
from monoface.geometry.cameras import WeakPerspectiveCamera, transform_points
from monoface.metrics.bootstrap import DRAWS, Interval, interval_of
from monoface.texturing.texturer import PlacedMesh, Texturer
from monoface.texturing.unwrapping import evidence_of, unwrap_face

FindsHeights = Callable[[Evidence], Float[Tensor, "1 size size"]]

# Texels that count: seen well, and far enough from what stays clean.
_LEAST_WEIGHT = 0.3
# Contrasts, as logarithms of light, in which marks and wrinkles are compared with each other.
CONTRASTS = (0.03, 0.06, 0.12, 0.25, 1.0)


@dataclass(frozen=True)
class DetailSums:
    """Sums over texels, from which figures of one head or of many follow.

    Attributes:
        values: By name.
    """

    values: Mapping[str, Float64[np.ndarray, "..."]]

    def __add__(self, other: "DetailSums") -> "DetailSums":
        return DetailSums(
            {name: np.asarray(value + other.values[name]) for name, value in self.values.items()}
        )

    def figures(self) -> dict[str, float]:
        """Figures by the name of the measure; NaN where there is nothing to measure."""
        of = self.values
        count = max(float(of["count"]), 1.0)
        spread = (of["found2"] - of["found"] ** 2 / count) * (of["true2"] - of["true"] ** 2 / count)
        both = float(of["both"] - of["found"] * of["true"] / count)
        fine, coarse = float(of["fine_rad"]), float(of["coarse_rad"])
        return {
            "correlation": both / float(np.sqrt(spread)) if spread > 1e-9 else float("nan"),
            "normal_gain_percent": 100 * (1 - fine / coarse) if coarse > 0 else float("nan"),
            "fine_normal_deg": float(np.rad2deg(fine / count)),
            "coarse_normal_deg": float(np.rad2deg(coarse / count)),
            "moved_light_percent": _percent(*of["moved"]),
            "other_light_percent": _percent(*of["other"]),
            "marks_percent": self._marks(),
            "mean_height_mm": float(of["size"]) / count,
        }

    @staticmethod
    def intervals(heads: Sequence["DetailSums"], draws: int = DRAWS, seed: int = 0) -> dict[str, Interval]:
        """95 % bootstrap intervals of the figures of several heads together; heads are drawn.

        Args:
            heads: Sums of each.
            draws: Number of bootstrap samples.
            seed: Of the draws.
        """
        names = heads[0].values.keys()
        stacked = {name: np.stack([head.values[name] for head in heads]) for name in names}
        times = np.random.default_rng(seed).multinomial(
            len(heads), np.full(len(heads), 1 / len(heads)), size=draws
        )
        drawn = [
            DetailSums(
                {name: np.tensordot(often, values, axes=1) for name, values in stacked.items()}
            ).figures()
            for often in times.astype(np.float64)
        ]
        return {name: interval_of(np.array([one[name] for one in drawn]), 0.95) for name in drawn[0]}

    def _marks(self) -> float:
        """Height at marks over that at wrinkles, contrast by contrast, weighted by how many marks have it."""
        marks, wrinkles = self.values["marks"], self.values["wrinkles"]
        usable = (marks[1] > 0) & (wrinkles[1] > 0) & (wrinkles[0] > 0)
        if not usable.any():
            return float("nan")
        at_marks = marks[0][usable].sum()
        expected = (wrinkles[0] / np.maximum(wrinkles[1], 1) * marks[1])[usable].sum()
        return 100 * float(at_marks / expected)


class DetailScorer:
    """Scores heads.

    Args:
        find: Heights of an unwrapped face.
        displacer: What `find` was prepared with.
    """

    def __init__(self, find: FindsHeights, displacer: Displacer) -> None:
        self._find = find
        self._displacer = displacer
        self._texturer = Texturer(displacer.model, displacer.layout.size)

    @torch.no_grad()
    def score(self, head: WrinkledHead) -> DetailSums:
        """Sums over all lights of a head. The coarse mesh is the true one without its relief."""
        found, seen = [], []
        sums: DetailSums | None = None
        for row in range(len(head.pictures)):
            evidence = self._evidence(head, row)
            height = self._find(evidence)
            weight = evidence.weight[0].numpy() > _LEAST_WEIGHT
            of_light = self._sums(head, evidence, height, weight)
            sums = of_light if sums is None else sums + of_light
            found.append(height[0].numpy())
            seen.append(weight)
        assert sums is not None
        pairs = list(combinations(range(len(found)), 2))
        changes = {
            # The second light is the first one moved; all others are new.
            name: sum((_change(found[a], found[b], seen[a] & seen[b]) for a, b in chosen), np.zeros(2))
            for name, chosen in (("moved", pairs[:1]), ("other", pairs[1:]))
        }
        return DetailSums({**sums.values, **changes})

    @torch.no_grad()
    def heights(self, head: WrinkledHead, row: int) -> Float[np.ndarray, "size size"]:
        """Heights found under one of a head's lights."""
        return self._find(self._evidence(head, row))[0].numpy()

    def _evidence(self, head: WrinkledHead, row: int) -> Evidence:
        model, found = self._displacer.model, head.coefficients[row : row + 1]
        verts = model.shape(found.identity, found.expression)
        verts_camera = transform_points(found.rotation, found.translation_mm, verts)[0]
        rows = slice(row, row + 1)
        camera = WeakPerspectiveCamera(head.camera.scale_px_per_mm[rows], head.camera.principal_px[rows])
        photo = torch.from_numpy(head.pictures[row] / np.float32(255)).permute(2, 0, 1)
        picture, own, verts = in_numpy((photo, camera, verts_camera))
        mesh = PlacedMesh(picture, own, verts, self._texturer.model)
        return evidence_of(unwrap_face(mesh, self._texturer), self._displacer)

    def _sums(
        self, head: WrinkledHead, evidence: Evidence, height: Tensor, weight: Bool[np.ndarray, "size size"]
    ) -> DetailSums:
        true = _resized(head.detail.height_mm, height.shape[-1])
        wrinkled, marked = (
            _resized(mask.astype(np.float32), height.shape[-1])[0].numpy() > 0.5
            for mask in (head.detail.wrinkled, head.detail.marked)
        )
        normals = [self._displacer.normals(heights, evidence.surface)[0] for heights in (true, height)]
        apart = [_angles(normals[0], other)[weight] for other in (normals[1], evidence.surface.normals[0])]
        a, b = height[0].numpy()[weight].astype(np.float64), true[0].numpy()[weight].astype(np.float64)
        contrast = evidence.log_ratio[0].mean(dim=0).abs().numpy()[weight]
        wrinkles, marks = (wrinkled & ~marked)[weight], (marked & ~wrinkled)[weight]
        values = {
            "count": len(a), "found": a.sum(), "true": b.sum(),
            "found2": (a * a).sum(), "true2": (b * b).sum(), "both": (a * b).sum(),
            "fine_rad": apart[0].sum(), "coarse_rad": apart[1].sum(),
            "size": np.abs(a).sum(),
            "marks": _by_contrast(a, contrast, marks), "wrinkles": _by_contrast(a, contrast, wrinkles),
        }  # fmt: skip
        return DetailSums({name: np.asarray(value, dtype=np.float64) for name, value in values.items()})


def _by_contrast(
    height: np.ndarray, contrast: np.ndarray, chosen: Bool[np.ndarray, " texels"]
) -> Float64[np.ndarray, "2 bins"]:
    """Sums of absolute heights, and counts, of chosen texels in each class of contrast."""
    limits = np.array(CONTRASTS)
    sums = np.histogram(contrast[chosen], limits, weights=np.abs(height[chosen]))[0]
    return np.stack((sums, np.histogram(contrast[chosen], limits)[0])).astype(np.float64)


def _change(
    first: Float[np.ndarray, "size size"],
    second: Float[np.ndarray, "size size"],
    seen: Bool[np.ndarray, "size size"],
) -> Float64[np.ndarray, " 2"]:
    """Sums over texels seen under both lights: of the change of height, and of the mean size of both."""
    a, b = first[seen].astype(np.float64), second[seen].astype(np.float64)
    return np.array((np.abs(a - b).sum(), (np.abs(a) + np.abs(b)).sum() / 2))


def _resized(image: Float[np.ndarray, "rows columns"], size: int) -> Float[Tensor, "1 size size"]:
    tensor = torch.from_numpy(np.ascontiguousarray(image)).float()[None, None]
    return torch.nn.functional.interpolate(tensor, size=(size, size), mode="area")[0]


def _angles(first: Tensor, second: Tensor) -> Float64[np.ndarray, "size size"]:
    """Angles between unit vectors; by the chord, which is exact where they are small."""
    chord = (first - second).norm(dim=-1).double()
    return (2 * (chord / 2).clamp_max(1).asin()).numpy()


def _percent(part: float, whole: float) -> float:
    return 100 * float(part) / float(whole) if whole > 0 else float("nan")
