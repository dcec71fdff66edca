"""Regressing faces from crops, once or in several passes: for inference, training and evaluation alike."""

from monoface.regression.coefficient_regressor import CoefficientRegressor, check_space, weights_path
from monoface.regression.found import FoundPoints, Regression
from monoface.regression.passes import Passes, regress_crops, regress_photos
from monoface.regression.predictor import CropPredictor
from monoface.regression.upright import TurnedFace, regress_turned

__all__ = [
    "CoefficientRegressor",
    "CropPredictor",
    "FoundPoints",
    "Passes",
    "Regression",
    "TurnedFace",
    "check_space",
    "regress_crops",
    "regress_photos",
    "regress_turned",
    "weights_path",
]
