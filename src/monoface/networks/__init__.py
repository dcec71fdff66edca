"""Networks: backbones, and the regressor that turns a crop into coefficients."""

from monoface.networks.backbones import ResNet, ResNetConfig
from monoface.networks.critic import Critic, CriticConfig
from monoface.networks.landmark_map import LandmarkMapConfig, landmark_map, with_landmark_map
from monoface.networks.regressor import Regressor, RegressorConfig, add_input_channel, fold_batch_norm
from monoface.networks.storage import RegressorInfo, load_regressor, save_regressor
from monoface.networks.translator import Translator, TranslatorConfig
from monoface.networks.translator_storage import load_translator, save_translator

__all__ = [
    "Critic",
    "CriticConfig",
    "LandmarkMapConfig",
    "Regressor",
    "RegressorConfig",
    "RegressorInfo",
    "ResNet",
    "ResNetConfig",
    "Translator",
    "TranslatorConfig",
    "add_input_channel",
    "fold_batch_norm",
    "landmark_map",
    "load_regressor",
    "load_translator",
    "save_regressor",
    "save_translator",
    "with_landmark_map",
]
