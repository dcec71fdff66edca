"""Packs of the synthetic head whose landmarks and coefficients agree, and a method small enough to train."""

import numpy as np
import torch
from synthetic_head import synthetic_head

from monoface.data.batches.augment import plan_crops
from monoface.data.batches.photo_batch import BatchMaker, TrainingBatch
from monoface.data.packs.photo_pack import CANVAS_PX, FACE_PX, Pack
from monoface.facemodel import CoefficientLayout
from monoface.facemodel.fitting import project_points
from monoface.methods.monoface import Monoface, MonofaceConfig, PictureConfig
from monoface.methods.pretrain import Pretrain, PretrainConfig
from monoface.methods.supervision import SupervisionConfig
from monoface.methods.twodasl import SelfTermsConfig, TwoDasl, TwoDaslConfig
from monoface.networks import CriticConfig, ResNetConfig

SETS = ("aflw21", "facemesh468", "ibug68_contour")


def labelled_samples(count: int = 5) -> Pack:
    """Samples with noise for pictures, known coefficients, and the landmarks that follow from them."""
    head = synthetic_head()
    rng = torch.Generator().manual_seed(3)
    layout = CoefficientLayout.of(head)
    outputs = torch.zeros(count, layout.size)
    outputs[:, : layout.identity] = torch.randn(count, layout.identity, generator=rng)
    expression = slice(layout.identity, layout.identity + layout.expression)
    outputs[:, expression] = torch.rand(count, layout.expression, generator=rng)
    outputs[:, expression.stop :] = 0.3 * torch.randn(count, 9, generator=rng)
    coefficients, camera = layout.decode(outputs, FACE_PX)
    outputs = layout.encode(coefficients, camera, FACE_PX)
    margin = (CANVAS_PX - FACE_PX) / 2
    points = {
        name: (project_points(head.subset(head.landmarks(name)), coefficients, camera) + margin).numpy()
        for name in SETS
    }
    canvases = np.random.default_rng(4).integers(0, 256, (count, CANVAS_PX, CANVAS_PX, 3), dtype=np.uint8)
    return Pack("labelled", canvases, points, outputs.numpy())


def landmark_samples(labelled: Pack) -> Pack:
    """Three of the samples that have nothing but 21 landmarks, one of them unseen in the second sample."""
    points = labelled.points_px["aflw21"][:3].copy()
    points[1, 7] = np.nan
    outputs = np.full((3, labelled.outputs.shape[1]), np.nan, np.float32)
    return Pack("landmarks", labelled.canvases[:3], {"aflw21": points}, outputs)


def batch_of(maker: BatchMaker, pack: int, count: int = 3) -> TrainingBatch:
    """The first samples of one of a maker's packs, unchanged."""
    plan = plan_crops(np.random.default_rng(0), count, CANVAS_PX, FACE_PX, maker.crop_px, None)
    return maker.assemble(np.full(count, pack), np.arange(count), plan)


def small_method(crop_px: int = 32, **changes) -> Pretrain:
    """The first training with a network of a few thousand weights, the same ones every time."""
    torch.manual_seed(2)
    backbone = ResNetConfig(blocks=(1, 1, 1, 1), width=0.125)
    config = PretrainConfig(backbone=backbone, crop_px=crop_px, dense_points=40, **changes)
    return Pretrain(synthetic_head(), config)


def small_twodasl(crop_px: int = 32, **changes) -> TwoDasl:
    """2DASL with networks of a few thousand weights, the same ones every time; half is looked at twice."""
    torch.manual_seed(2)
    config = {
        "backbone": ResNetConfig(blocks=(1, 1, 1, 1), width=0.125, in_channels=4),
        "critic": CriticConfig(encoder=(8, 8, 8, 8, 8, 8), layers=(32, 32)),
        "supervision": SupervisionConfig(dense_points=40),
        "cycle_share": 0.5,
        "critic_share": 0.5,
    }
    return TwoDasl(synthetic_head(), TwoDaslConfig(crop_px=crop_px, **(config | changes)))


def small_monoface(crop_px: int = 32, encoder=None, **changes) -> Monoface:
    """The flagship with networks of a few thousand weights, the same ones every time; sees views of 48."""
    torch.manual_seed(2)
    weights = {"aflw21": 0.5, "facemesh468": 0.3, "ibug68_contour": 0.5, "ibug68_reannotated": 0.5}
    config = {
        "backbone": ResNetConfig(blocks=(1, 1, 1, 1), width=0.125, in_channels=4),
        "supervision": SupervisionConfig(set_weights=weights, dense_points=40, absolute_scale=False),
        "neutral_points": 40,
        "point_sets": (("ibug68_reannotated", 1), ("facemesh468", 40)),
        "looks": SelfTermsConfig(
            critic=CriticConfig(encoder=(8, 8, 8, 8, 8, 8), layers=(32, 32)),
            cycle_share=0.5,
            critic_share=0.5,
        ),
        "pictures": PictureConfig(view_px=48, render_px=24),
        "detail_share": 0.6,
    }
    return Monoface(synthetic_head(), MonofaceConfig(crop_px=crop_px, **(config | changes)), encoder)
