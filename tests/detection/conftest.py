"""What the tests of the detector share."""

import numpy as np
import pytest
from PIL import Image

from monoface.detection import FaceDetector, FaceDetectorConfig


@pytest.fixture(scope="session")
def detector() -> FaceDetector:
    return FaceDetector(FaceDetectorConfig(threads=1))


@pytest.fixture(scope="session")
def astronaut(repository) -> np.ndarray:
    """A public-domain portrait, 512 x 512, with one face."""
    return np.asarray(Image.open(repository / "examples" / "astronaut.png").convert("RGB"))


@pytest.fixture
def noise() -> np.random.Generator:
    return np.random.default_rng(20_260)
