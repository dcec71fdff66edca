"""What regressors find, as tensors: tests compare it with networks and formulas in PyTorch."""

from monoface import regression
from monoface.core.arrays import in_torch


class TorchResults:
    """A predictor of crops whose results are tensors."""

    def __init__(self, predictor):
        self._predictor = predictor

    def __getattr__(self, name):
        return getattr(self._predictor, name)

    def predict(self, *arguments, **options):
        return in_torch(self._predictor.predict(*arguments, **options))


def regress_crops(*arguments):
    return in_torch(regression.regress_crops(*arguments))


def regress_photos(*arguments):
    return in_torch(regression.regress_photos(*arguments))


def regress_turned(*arguments):
    return in_torch(regression.regress_turned(*arguments))
