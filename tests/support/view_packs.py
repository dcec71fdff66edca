"""Packs of views of the synthetic head, whose landmarks, coefficients and skin agree."""

from dataclasses import replace

import numpy as np
from synthetic_head import synthetic_head

from monoface.data.packs.view_pack import ViewPack
from monoface.data.synthetic.head_views import HeadViewsConfig, head_views
from monoface.data.synthetic.heads import HeadsConfig
from monoface.facemodel import FaceModel

HEADS = HeadViewsConfig(
    heads=HeadsConfig(count=3, max_yaw_deg=30.0, seed=5), gap_deg=(12.0, 25.0), changing=0.0
)


def drawn_views(model: FaceModel | None = None, config: HeadViewsConfig = HEADS) -> ViewPack:
    """Three heads in three cameras each, before patches of colour."""
    return head_views(model or synthetic_head(), np.zeros((0, 8, 8, 3), np.uint8), config)


def without_labels(pack: ViewPack) -> ViewPack:
    """The same pictures with landmarks alone."""
    outputs = np.full_like(pack.frames.outputs, np.nan)
    frames = replace(pack.frames, name="photos", outputs=outputs, synthetic=False)
    unknown = (np.full_like(part, np.nan) for part in (pack.albedo, pack.light, pack.focal_per_size))
    return ViewPack(frames, pack.skin, *unknown, pack.views[:2], np.array([1, 0]))
