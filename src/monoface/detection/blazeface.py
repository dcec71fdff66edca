"""BlazeFace: anchors, decoding, and merging of overlapping candidates.

Reference:
    Bazarevsky et al., "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs", CVPR Workshops
    2019. Anchors follow the single-shot detector (Liu et al., 2016) in the form that MediaPipe documents: all
    of unit size, so that only their centres matter. Overlapping candidates are averaged by score (the
    paper's "blending") instead of dropped.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Bool, Float, UInt8

from monoface.detection.crops import SquareCrop
from monoface.detection.sessions import logit_to_probability, open_session, probability_to_logit
from monoface.geometry.roi import box_area, box_intersection, box_iou

KEYPOINT_COUNT = 6


@dataclass(frozen=True)
class BlazeFaceSpec:
    """What distinguishes the two BlazeFace networks.

    Attributes:
        filename: Asset name.
        size_px: Side of the square input.
        layers: (stride in pixels, anchors at each place) of each output grid, in the order of the output.
    """

    filename: str
    size_px: int
    layers: tuple[tuple[int, int], ...]


# Two anchors a layer; the three layers of stride 16 share one grid.
SHORT_RANGE = BlazeFaceSpec("blazeface_short.onnx", 128, ((8, 2), (16, 6)))
FULL_RANGE = BlazeFaceSpec("blazeface_full.onnx", 192, ((4, 1),))


@dataclass(frozen=True, eq=False)
class Candidates:
    """Faces as the network sees them, possibly several for one face.

    Attributes:
        box: Corners x0, y0, x1, y1 in pixels.
        keypoints_px: Right eye, left eye, nose tip, mouth, right ear, left ear, with the subject's right.
        score: Probability of a face.
    """

    box: Float[np.ndarray, "count 4"]
    keypoints_px: Float[np.ndarray, "count 6 2"]
    score: Float[np.ndarray, " count"]

    def __len__(self) -> int:
        return len(self.score)

    def __getitem__(self, chosen: slice | np.ndarray) -> Self:
        return type(self)(self.box[chosen], self.keypoints_px[chosen], self.score[chosen])

    def in_photo(self, crop: SquareCrop, size: int) -> Self:
        """Candidates of a crop that was resampled to `size` pixels, in pixels of the photo.

        A box of a turned crop keeps its size and stays upright; only its centre turns.
        """
        centre = crop.to_photo((self.box[:, :2] + self.box[:, 2:]) / 2, size)
        half = (self.box[:, 2:] - self.box[:, :2]) / 2 * (crop.side_px / size)
        return type(self)(
            np.concatenate([centre - half, centre + half], axis=1),
            crop.to_photo(self.keypoints_px, size),
            self.score,
        )

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        """All candidates of several sets."""
        return cls(
            np.concatenate([np.zeros((0, 4)), *(part.box for part in parts)]),
            np.concatenate([np.zeros((0, KEYPOINT_COUNT, 2)), *(part.keypoints_px for part in parts)]),
            np.concatenate([np.zeros(0), *(part.score for part in parts)]),
        )


def anchor_centres(spec: BlazeFaceSpec) -> Float[np.ndarray, "anchors 2"]:
    """Centres (x, y) of the anchors in input pixels: row by row, the anchors of one place together."""
    grids = []
    for stride, count in spec.layers:
        ticks = np.arange(spec.size_px // stride, dtype=np.float32) * stride + stride / 2
        x, y = np.meshgrid(ticks, ticks)
        grids.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), count, axis=0))
    return np.concatenate(grids)


def decode(
    raw: Float[np.ndarray, "count 16"],
    logit: Float[np.ndarray, " count"],
    centres: Float[np.ndarray, "count 2"],
) -> Candidates:
    """Turn outputs of the network into boxes and keypoints in input pixels.

    The raw values are the box centre, its width and height, and the keypoints; all but the size are relative
    to the anchor's centre.
    """
    points = raw.reshape(-1, 2 + KEYPOINT_COUNT, 2)
    centre, half_size = points[:, 0] + centres, points[:, 1] / 2
    box = np.concatenate([centre - half_size, centre + half_size], axis=1)
    return Candidates(box, points[:, 2:] + centres[:, None], logit_to_probability(logit))


def merge_overlapping(candidates: Candidates, min_iou: float) -> Candidates:
    """Merge candidates of one face, best first.

    The best candidate takes all that overlap it by more than `min_iou`; box and keypoints are their means
    weighted by score, and the score is the best one's.
    """
    left = candidates[np.argsort(-candidates.score, kind="stable")]
    merged = []
    while len(left):
        same = box_iou(left.box[0], left.box) > min_iou
        same[0] = True
        merged.append(_weighted_mean(left[same]))
        left = left[~same]
    return Candidates.joined(merged)


def drop_duplicates(candidates: Candidates, min_iou: float, min_inside: float) -> Candidates:
    """Keep the best of those that show one face, best first.

    A candidate goes if a better one overlaps it by more than `min_iou`, or if more than `min_inside` of the
    smaller of the two boxes lies in the other, as an eye taken for a face does.
    """
    left = candidates[np.argsort(-candidates.score, kind="stable")]
    kept = []
    while len(left):
        first, rest = left[:1], left[1:]
        kept.append(first)
        same = (box_iou(first.box[0], rest.box) > min_iou) | (_inside(first.box[0], rest.box) > min_inside)
        left = rest[~same]
    return Candidates.joined(kept)


def drop_shadows(candidates: Candidates, clear_score: float, min_inside: float) -> Candidates:
    """Drop candidates that a clear one explains: less sure, and nested with it.

    Nested means that more than `min_inside` of the smaller of the two boxes lies in the other. Candidates of
    at least `clear_score` stay, and with them the order.
    """
    shadows = np.zeros(len(candidates), dtype=bool)
    for box in candidates.box[candidates.score >= clear_score]:
        shadows |= (candidates.score < clear_score) & (_inside(box, candidates.box) > min_inside)
    return candidates[~shadows]


def _inside(
    box: Float[np.ndarray, " 4"], others: Float[np.ndarray, "count 4"]
) -> Float[np.ndarray, " count"]:
    """Intersection as a part of the smaller of two boxes."""
    smaller = np.minimum(box_area(box), box_area(others))
    return box_intersection(box, others) / np.maximum(smaller, 1e-12)


def _weighted_mean(candidates: Candidates) -> Candidates:
    weight = candidates.score / candidates.score.sum()
    return Candidates(
        (weight[:, None] * candidates.box).sum(axis=0, keepdims=True),
        (weight[:, None, None] * candidates.keypoints_px).sum(axis=0, keepdims=True),
        candidates.score[:1],
    )


class BlazeFace:
    """One of the two networks, on square pictures of its input size. One call runs on one thread."""

    def __init__(self, spec: BlazeFaceSpec) -> None:
        self.spec = spec
        self._session = open_session(spec.filename, threads=1)
        self._centres = anchor_centres(spec)

    def __call__(
        self, pictures: UInt8[np.ndarray, "batch size size 3"], min_score: float
    ) -> list[Candidates]:
        """Return the candidates of each picture that score at least `min_score`, not merged."""
        feed = pictures.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(127.5) - np.float32(1)
        raw, logits = self._session.run(None, {"image": feed})
        min_logit = probability_to_logit(min_score)
        return [
            self._decode_above(raw[i], logits[i, :, 0], logits[i, :, 0] >= min_logit) for i in range(len(raw))
        ]

    def _decode_above(
        self,
        raw: Float[np.ndarray, "anchors 16"],
        logit: Float[np.ndarray, " anchors"],
        chosen: Bool[np.ndarray, " anchors"],
    ) -> Candidates:
        candidates = decode(raw[chosen], logit[chosen], self._centres[chosen])
        return candidates[np.all(candidates.box[:, 2:] > candidates.box[:, :2], axis=1)]
