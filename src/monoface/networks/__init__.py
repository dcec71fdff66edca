"""Networks: backbones, and the regressor that turns a crop into coefficients."""

from monoface.networks.backbones import ResNet, ResNetConfig
from monoface.networks.critic import Critic, CriticConfig
from monoface.networks.landmark_map import LandmarkMapConfig, landmark_map, with_landmark_map
from monoface.networks.regressor import (
    Regressor,
    RegressorConfig,
    add_input_channel,
    add_outputs,
    fold_batch_norm,
)
from monoface.networks.storage import RegressorInfo, load_regressor, save_regressor

__all__ = [
    "Critic",
    "CriticConfig",
    "LandmarkMapConfig",
    "Regressor",
    "RegressorConfig",
    "RegressorInfo",
    "ResNet",
    "ResNetConfig",
    "add_input_channel",
    "add_outputs",
    "fold_batch_norm",
    "landmark_map",
    "load_regressor",
    "save_regressor",
    "with_landmark_map",
]
