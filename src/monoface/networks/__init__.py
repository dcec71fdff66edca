"""Networks: backbones, and the regressor that turns a crop into coefficients."""

from monoface.networks.backbones import ResNet, ResNetConfig
from monoface.networks.critic import Critic, CriticConfig
from monoface.networks.identity import IdentityEncoder
from monoface.networks.identity_network import IdentityNetwork, IdentityNetworkConfig
from monoface.networks.identity_storage import load_identity_encoder, save_identity_encoder
from monoface.networks.landmark_map import LandmarkMapConfig, landmark_map, with_landmark_map
from monoface.networks.regressor import Regressor, RegressorConfig, add_input_channel, fold_batch_norm
from monoface.networks.storage import RegressorInfo, load_regressor, save_regressor

__all__ = [
    "Critic",
    "CriticConfig",
    "IdentityEncoder",
    "IdentityNetwork",
    "IdentityNetworkConfig",
    "LandmarkMapConfig",
    "Regressor",
    "RegressorConfig",
    "RegressorInfo",
    "ResNet",
    "ResNetConfig",
    "add_input_channel",
    "fold_batch_norm",
    "landmark_map",
    "load_identity_encoder",
    "load_regressor",
    "save_identity_encoder",
    "save_regressor",
    "with_landmark_map",
]
