"""The sample photo, damaged, disguised and multiplied; and one warm reconstructor for all commands."""

import numpy as np
import pytest
from PIL import Image

from monoface.cli.main import main
from monoface.pipeline import Reconstructor, ReconstructorConfig


@pytest.fixture(scope="session")
def sample(repository):
    """The sample photo: 512 x 512, one face."""
    with Image.open(repository / "examples" / "astronaut.png") as image:
        return image.convert("RGB")


@pytest.fixture(scope="session")
def warm_reconstructor():
    return Reconstructor(ReconstructorConfig(texture_size=64))


@pytest.fixture
def run_cli(warm_reconstructor, monkeypatch):
    """Runs a command in this process, with the networks that are already loaded."""

    def reuse(config):
        warm_reconstructor.config = config
        return warm_reconstructor

    for command in ("reconstruct", "together"):
        monkeypatch.setattr(f"monoface.cli.{command}.Reconstructor", reuse)

    def run(*words):
        return main([str(word) for word in words])

    return run


@pytest.fixture(scope="session")
def noise():
    """A picture in which there is no face."""
    values = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    return Image.fromarray(values)
