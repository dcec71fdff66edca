"""Networks: backbones, the regressor that turns a crop into coefficients, and the parser of its parts."""

from typing import TYPE_CHECKING

from monoface.core.on_demand import names_on_demand
from monoface.networks.configs import (
    PARSING_CLASSES,
    LandmarkMapConfig,
    ParserConfig,
    RegressorConfig,
    ResNetConfig,
)
from monoface.networks.landmark_map import landmark_map, with_landmark_map
from monoface.networks.onnx.parser import ParserWeights
from monoface.networks.parser_file import read_parser
from monoface.networks.recognition.recognizer import Recognizer
from monoface.networks.regressed import Regressed
from monoface.networks.regressor_file import RegressorInfo, RegressorWeights, read_regressor

if TYPE_CHECKING:
    from monoface.networks.backbones import ResNet
    from monoface.networks.critic import Critic, CriticConfig
    from monoface.networks.eyes.network import EyeNetwork
    from monoface.networks.identity import IdentityEncoder
    from monoface.networks.identity_network import IdentityNetwork, IdentityNetworkConfig
    from monoface.networks.parsing import FaceParser, skin_probability
    from monoface.networks.recognition.network import RecognitionNetwork, load_recognition_network
    from monoface.networks.regressor import Regressor, add_input_channel, add_outputs, fold_batch_norm
    from monoface.networks.storage import (
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
    "ParserWeights",
    "RecognitionNetwork",
    "Recognizer",
    "Regressed",
    "Regressor",
    "RegressorConfig",
    "RegressorInfo",
    "RegressorWeights",
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
    "read_parser",
    "read_regressor",
    "save_eye_network",
    "save_identity_encoder",
    "save_parser",
    "save_regressor",
    "save_translator",
    "skin_probability",
    "with_landmark_map",
]

_IN_TORCH = {
    "backbones": ("ResNet",),
    "critic": ("Critic", "CriticConfig"),
    "eyes.network": ("EyeNetwork",),
    "identity": ("IdentityEncoder",),
    "identity_network": ("IdentityNetwork", "IdentityNetworkConfig"),
    "parsing": ("FaceParser", "skin_probability"),
    "recognition.network": ("RecognitionNetwork", "load_recognition_network"),
    "regressor": ("Regressor", "add_input_channel", "add_outputs", "fold_batch_norm"),
    "storage": (
        "load_eye_network", "load_identity_encoder", "load_parser", "load_regressor", "load_translator",
        "save_eye_network", "save_identity_encoder", "save_parser", "save_regressor", "save_translator",
    ),
    "translator": ("Translator", "TranslatorConfig"),
}  # fmt: skip

__getattr__ = names_on_demand(
    __name__, {name: f"{__name__}.{module}" for module, names in _IN_TORCH.items() for name in names}
)
