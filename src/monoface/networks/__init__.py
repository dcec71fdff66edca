"""Networks: backbones, and the regressor that turns a crop into coefficients."""

from monoface.networks.backbones import ResNet, ResNetConfig
from monoface.networks.regressor import Regressor, RegressorConfig, fold_batch_norm
from monoface.networks.storage import RegressorInfo, load_regressor, save_regressor

__all__ = [
    "Regressor",
    "RegressorConfig",
    "RegressorInfo",
    "ResNet",
    "ResNetConfig",
    "fold_batch_norm",
    "load_regressor",
    "save_regressor",
]
