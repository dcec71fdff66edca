"""A small head to texture."""

import pytest
from toy_head import make_toy_model_data

from monoface.facemodel import FaceModel


@pytest.fixture(scope="session")
def toy_model():
    return FaceModel(make_toy_model_data())
