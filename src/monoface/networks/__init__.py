"""Networks: backbones, the regressor that turns a crop into coefficients, and the parser of its parts."""

from monoface.networks.backbones import ResNet, ResNetConfig
from monoface.networks.critic import Critic, CriticConfig
from monoface.networks.eye_network import EyeNetwork
from monoface.networks.identity import IdentityEncoder
from monoface.networks.identity_network import IdentityNetwork, IdentityNetworkConfig
from monoface.networks.landmark_map import LandmarkMapConfig, landmark_map, with_landmark_map
from monoface.networks.parsing import PARSING_CLASSES, FaceParser, ParserConfig, skin_probability
from monoface.networks.recognition import RecognitionNetwork, load_recognition_network
from monoface.networks.recognizer import Recognizer
from monoface.networks.regressor import (
    Regressed,
    Regressor,
    RegressorConfig,
    add_input_channel,
    add_outputs,
    fold_batch_norm,
)
from monoface.networks.storage import (
    RegressorInfo,
    load_eye_network,
    load_identity_encoder,
    load_parser,
    load_regressor,
    load_translator,
    save_eye_network,
    save_identity_encoder,
    save_parser,
    save_regressor,
    save_translator,
)
from monoface.networks.translator import Translator, TranslatorConfig

__all__ = [
    "PARSING_CLASSES",
    "Critic",
    "CriticConfig",
    "EyeNetwork",
    "FaceParser",
    "IdentityEncoder",
    "IdentityNetwork",
    "IdentityNetworkConfig",
    "LandmarkMapConfig",
    "ParserConfig",
    "RecognitionNetwork",
    "Recognizer",
    "Regressed",
    "Regressor",
    "RegressorConfig",
    "RegressorInfo",
    "ResNet",
    "ResNetConfig",
    "Translator",
    "TranslatorConfig",
    "add_input_channel",
    "add_outputs",
    "fold_batch_norm",
    "landmark_map",
    "load_eye_network",
    "load_identity_encoder",
    "load_parser",
    "load_recognition_network",
    "load_regressor",
    "load_translator",
    "save_eye_network",
    "save_identity_encoder",
    "save_parser",
    "save_regressor",
    "save_translator",
    "skin_probability",
    "with_landmark_map",
]
