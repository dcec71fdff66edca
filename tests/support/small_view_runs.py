"""Runs of the commands that train on views, on synthetic heads and a few photos of noise, in two parts."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from synthetic_head import synthetic_head
from synthetic_packs import labelled_samples
from synthetic_training import write_aflw

from monoface.data.synthetic.head_views import HeadViewsConfig, head_views
from monoface.data.synthetic.heads import HeadsConfig
from monoface.facemodel import CoefficientLayout
from monoface.networks import (
    IdentityNetwork,
    IdentityNetworkConfig,
    Regressor,
    RegressorConfig,
    RegressorInfo,
    ResNetConfig,
    save_identity_encoder,
    save_regressor,
)
from monoface.training import TrainConfig
from monoface.training.regressors import view_runs
from monoface.training.regressors.view_runs import SinglePhotosConfig

BACKBONE = ResNetConfig((1, 1, 1, 1), 0.125)


def write_geometry_weights(path: Path) -> Path:
    """Weights of a network of geometry alone."""
    head = synthetic_head()
    layout = CoefficientLayout.of(head)
    torch.manual_seed(1)
    network = Regressor(RegressorConfig(layout.size, backbone=BACKBONE))
    info = RegressorInfo("pretrain", head.coefficient_space, layout.identity, layout.expression)
    save_regressor(network, info, path)
    return path


def write_encoder(path: Path) -> Path:
    """A random identity encoder of small faces."""
    torch.manual_seed(2)
    config = IdentityNetworkConfig(size_px=32, blocks=(1, 1, 1), width=0.125, parts=16)
    save_identity_encoder(IdentityNetwork(config), path)
    return path


def train_in_two_parts(module, train, config_type, folder: Path, init: Path, **changes) -> tuple[Path, list]:
    """A run of one step, continued for a second; where its weights are, and what it told."""
    data, out, told = folder / "data", folder / "run", []
    data.mkdir()
    write_aflw(data / "aflw")
    heads = HeadViewsConfig(heads=HeadsConfig(count=2, max_yaw_deg=30.0), changing=0.0)
    pack = head_views(synthetic_head(), np.zeros((0, 8, 8, 3), np.uint8), heads)
    photos = replace(labelled_samples(), name="aflw")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "open_face_model", lambda path: synthetic_head())
        patch.setattr(view_runs, "build_view_packs", lambda *_: [pack])
        patch.setattr(view_runs, "build_packs", lambda *_: [photos])
        for steps in (1, 2):
            config = config_type(
                data=data,
                out=out,
                photos=SinglePhotosConfig(share=0.5, shares={"aflw": 1.0}),
                train=TrainConfig(steps=steps, batch=2, warmup=1, precision="bf16-mixed", log_every=1),
                init=init,
                **changes,
            )
            path = train(config, told.append)
    return path, told
