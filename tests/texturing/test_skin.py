"""Which vertices show bare skin, and that nothing is displaced where none is."""

import numpy as np
import pytest
import torch
from PIL import Image

from monoface import Reconstructor, ReconstructorConfig
from monoface.core.arrays import in_numpy
from monoface.geometry.cameras import WeakPerspectiveCamera, transform_points
from monoface.methods.detail import DetailConfig
from monoface.networks import PARSING_CLASSES, Translator, TranslatorConfig, save_translator
from monoface.texturing.skin import SkinFinder
from monoface.texturing.texturer import PlacedMesh
from monoface.training.detail.train import translator_info

FRONTAL = torch.diag(torch.tensor((1.0, -1.0, -1.0)))


class _BrightIsSkin(SkinFinder):
    """Takes what is bright for skin, and what is dark for hair."""

    def _loaded(self):
        return self

    def run(self, outputs, feed):
        logits = 20 * (feed["image"].mean(axis=1, keepdims=True) - 0.5)
        skin = 1 / (1 + np.exp(-logits))
        shares = np.zeros((len(skin), len(PARSING_CLASSES), *skin.shape[2:]), np.float32)
        shares[:, PARSING_CLASSES.index("skin")] = skin[:, 0]
        shares[:, PARSING_CLASSES.index("hair")] = 1 - skin[:, 0]
        return [shares]


@pytest.fixture(scope="module")
def half_lit(face_model):
    """A face whose left half in the photo is white, the other one black."""
    photo = torch.zeros(3, 300, 280)
    photo[:, :, :140] = 1
    verts = transform_points(FRONTAL[None], torch.tensor(((0.0, 0.0, 1000.0),)), face_model.mean_mm[None])[0]
    camera = WeakPerspectiveCamera(torch.tensor((1.0,)), torch.tensor(((140.0, 150.0),)))
    return PlacedMesh(*in_numpy((photo, camera, verts)), face_model.in_numpy())


def test_vertices_get_what_the_parser_says_where_they_are(half_lit):
    trust = _BrightIsSkin().trust(half_lit)
    x = half_lit.verts_px[:, 0]
    near = np.abs(half_lit.verts_px[:, 1] - 150) < 60
    assert (trust[near & (x < 130) & (x > 80)] == 1).all()
    # What is no skin is widened by a pixel of the crop, so that none of it counts.
    assert (trust[near & (x > 140)] == 0).all()


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A small fine stage that displaces everywhere."""
    torch.manual_seed(0)
    config = DetailConfig(translator=TranslatorConfig(9, (4, 6), 2))
    translator = Translator(config.translator)
    torch.nn.init.constant_(translator.last.bias, 0.2)
    path = tmp_path_factory.mktemp("weights") / "detail.safetensors"
    save_translator(translator, translator_info(config), path)
    return path


def test_what_covers_a_face_is_not_displaced(repository, weights):
    """The sample photo, and the same with a grey board before the cheek at the right of the photo."""
    sample = np.asarray(Image.open(repository / "examples" / "astronaut.png").convert("RGB"))[:256, 96:352]
    covered = sample.copy()
    covered[100:190, 150:190] = (90, 100, 110)
    reconstructor = Reconstructor(ReconstructorConfig(texture_size=64, detail=str(weights), detail_size=64))
    bare, behind = (reconstructor.reconstruct(Image.fromarray(photo)).faces[0] for photo in (sample, covered))
    points = np.stack((bare.detail.height_mm, behind.detail.height_mm))
    displaced = (np.abs(points) > 0.01).sum(axis=(1, 2))
    assert displaced[0] > 500
    # The board hides a good part of one cheek.
    assert displaced[1] < 0.88 * displaced[0]
