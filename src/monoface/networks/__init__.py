"""Networks: backbones, the regressor that turns a crop into coefficients, and the parser of its parts."""

from monoface.networks.backbones import ResNet, ResNetConfig
from monoface.networks.critic import Critic, CriticConfig
from monoface.networks.landmark_map import LandmarkMapConfig, landmark_map, with_landmark_map
from monoface.networks.parser_storage import load_parser, save_parser
from monoface.networks.parsing import PARSING_CLASSES, FaceParser, ParserConfig, skin_probability
from monoface.networks.regressor import (
    Regressor,
    RegressorConfig,
    add_input_channel,
    add_outputs,
    fold_batch_norm,
)
from monoface.networks.storage import RegressorInfo, load_regressor, save_regressor

__all__ = [
    "PARSING_CLASSES",
    "Critic",
    "CriticConfig",
    "FaceParser",
    "LandmarkMapConfig",
    "ParserConfig",
    "Regressor",
    "RegressorConfig",
    "RegressorInfo",
    "ResNet",
    "ResNetConfig",
    "add_input_channel",
    "add_outputs",
    "fold_batch_norm",
    "landmark_map",
    "load_parser",
    "load_regressor",
    "save_parser",
    "save_regressor",
    "skin_probability",
    "with_landmark_map",
]
