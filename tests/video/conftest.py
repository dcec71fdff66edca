"""A clip made of the sample photo, and who reconstructs it."""

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def photo(repository):
    """The sample photo, small."""
    return np.asarray(Image.open(repository / "examples/astronaut.png").convert("RGB").resize((384, 384)))


@pytest.fixture(scope="session")
def reconstructor():
    """With the shipped weights and a small texture."""
    from monoface.pipeline import Reconstructor, ReconstructorConfig

    return Reconstructor(ReconstructorConfig(texture_size=128))
