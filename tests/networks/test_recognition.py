"""The recognition network: its file, its two forms, and the numbers of the original."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.testing import assert_allclose
from PIL import Image
from shipped_cards import load_card
from torch.testing import assert_close

from monoface.core.assets import asset_path
from monoface.core.errors import ModelFileError
from monoface.geometry.face_chips import CHIP_POINTS_OF_68, face_chip
from monoface.geometry.face_template import CHIP_FACE, align_faces
from monoface.networks import IdentityEncoder, Recognizer, load_identity_encoder
from monoface.networks.recognition.network import RecognitionNetwork, load_recognition_network
from monoface.networks.recognition.recognizer import recognition_to_onnx
from monoface.networks.recognition.weights import (
    Convolution,
    RecognitionWeights,
    convolution_shapes,
    load_recognition_weights,
    save_recognition_weights,
)

# With dlib 20.0 on the sample photo, whose five points (whole, first pixel's centre at 0, 0) are FIVE_PX:
# face_recognition_model_v1("dlib_face_recognition_resnet_model_v1.dat").compute_face_descriptor(
#     image, dlib.full_object_detection(rectangle, points))[:16], and the norm of all 128.
FIVE_PX = np.array([[255, 104], [238, 105], [195, 101], [212, 103], [224, 135]])
FIRST_OF_DLIB = (
    -0.066278, 0.020923, 0.017637, -0.064171, -0.152506, -0.019211, -0.038682, -0.118207,
    0.105084, -0.108877, 0.173689, -0.051231, -0.269427, -0.042900, 0.011731, 0.155714,
)  # fmt: skip
NORM_OF_DLIB = 1.457288


@pytest.fixture(scope="module")
def sample(repository: Path):
    """The sample photo and its landmarks, as far as chips need them."""
    points = np.full((68, 2), np.nan)
    points[list(CHIP_POINTS_OF_68)] = FIVE_PX + 0.5
    return np.array(Image.open(repository / "examples" / "astronaut.png").convert("RGB")), points


@pytest.fixture(scope="module")
def recognizer():
    return Recognizer()


@pytest.fixture(scope="module")
def network():
    return load_recognition_network()


def test_descriptors_are_those_of_dlib(sample, recognizer):
    image, points = sample
    (found,) = recognizer(image, points[None])
    assert found.dtype == np.float32
    assert_allclose(found[:16], FIRST_OF_DLIB, atol=1e-4, rtol=0)
    assert np.linalg.norm(found) == pytest.approx(NORM_OF_DLIB, abs=3e-4)


def test_the_module_gives_what_the_session_gives(sample, recognizer, network):
    chips = np.stack([face_chip(*sample), face_chip(*sample)[:, ::-1], np.zeros((150, 150, 3), np.uint8)])
    with torch.no_grad():
        vectors = network(torch.from_numpy(chips).permute(0, 3, 1, 2) / 255)
    assert_allclose(vectors.numpy(), recognizer.describe(chips), atol=1e-5, rtol=0)


def test_faces_do_not_see_each_other_and_there_may_be_none(sample, recognizer, monkeypatch):
    image, points = sample
    monkeypatch.setattr("monoface.networks.recognition.recognizer._BATCH", 2)
    three = recognizer(image, np.stack([points, points + 9, points]))
    assert_allclose(three[[0, 2]], recognizer(image, points[None]).repeat(2, axis=0), atol=1e-5)
    assert np.linalg.norm(three[0] - three[1]) > 0.01
    assert recognizer(image, np.zeros((0, 68, 2))).shape == (0, 128)


def test_it_is_an_identity_encoder_that_aligns_as_chips_are_cut(sample, network, recognizer):
    assert isinstance(network, IdentityEncoder)
    image, points = sample
    picture = torch.from_numpy(image).permute(2, 0, 1)[None] / 255
    landmarks = torch.from_numpy(np.nan_to_num(points))[None].float()
    aligned = align_faces(picture, landmarks, network.size_px, network.template)
    cut = torch.from_numpy(face_chip(*sample)).permute(2, 0, 1)[None] / 255
    # Other filters, and half a pixel at the edges: dlib's chips are that much smaller.
    assert (aligned - cut).abs().mean() < 0.01
    cosine = (network.embed(aligned) * network.embed(cut)).sum()
    assert cosine > 0.99
    assert network.embed(aligned).norm() == pytest.approx(1)


def test_gradients_reach_pictures_and_no_weights(network, sample):
    picture = torch.from_numpy(face_chip(*sample)).permute(2, 0, 1)[None] / 255
    picture.requires_grad_()
    network.embed(picture)[0, :5].sum().backward()
    assert picture.grad.abs().sum() > 0
    assert picture.grad.isfinite().all()
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_gradients_are_those_of_small_steps():
    network = RecognitionNetwork.from_weights(load_recognition_weights()).double()
    generator = torch.Generator().manual_seed(0)
    # Noise, for where pixels of a photo are equal, a maximum has a kink.
    picture = torch.rand(1, 3, 150, 150, generator=generator, dtype=torch.float64).requires_grad_()
    direction = torch.randn(picture.shape, generator=generator, dtype=torch.float64)
    (gradient,) = torch.autograd.grad(network(picture)[0, 7], picture)
    step = 1e-8
    with torch.no_grad():
        ahead, behind = (network(picture + sign * step * direction)[0, 7] for sign in (1, -1))
    assert_close((gradient * direction).sum(), (ahead - behind) / (2 * step), rtol=1e-4, atol=1e-6)


def test_the_shipped_one_is_the_default_encoder_and_its_card_names_its_terms():
    assert asset_path("recognition.safetensors").stat().st_size <= 12_000_000
    assert "Public domain" in load_card("recognition")["terms"]
    encoder = load_identity_encoder(mixed=True)
    assert isinstance(encoder, RecognitionNetwork)
    assert encoder.mixed


def random_weights(seed: int = 0) -> RecognitionWeights:
    rng = np.random.default_rng(seed)
    layers = tuple(
        Convolution(rng.normal(size=shape).astype(np.float32), rng.normal(size=shape[0]).astype(np.float32))
        for shape in convolution_shapes()
    )
    projection = rng.normal(size=(256, 128)).astype(np.float32)
    return RecognitionWeights(layers, projection, rng.normal(size=128).astype(np.float32))


def test_weights_come_back_rounded_to_16_bits(tmp_path):
    weights = random_weights()
    # A row of zeros has no scale of its own.
    weights.convolutions[3].weight[5] = 0
    save_recognition_weights(weights, tmp_path / "mine.safetensors")
    found = load_recognition_weights(tmp_path / "mine.safetensors")
    for before, after in zip(weights.convolutions, found.convolutions, strict=True):
        largest = np.abs(before.weight).max(axis=(1, 2, 3))
        steps = np.abs(after.weight - before.weight).max(axis=(1, 2, 3))
        assert (steps <= 0.51 * largest / 32767).all()
        assert_allclose(after.bias, before.bias)
    assert_allclose(found.projection, weights.projection, atol=1e-4)
    assert_allclose(found.centre, weights.centre)


def test_the_written_model_is_valid():
    content = recognition_to_onnx(load_recognition_weights())
    onnx.checker.check_model(onnx.load_from_string(content), full_check=True)


@pytest.mark.parametrize("content", [b"", b"no weights", None])
def test_files_that_hold_no_weights_are_refused(content, tmp_path):
    path = tmp_path / "damaged.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelFileError, match=r"damaged.safetensors: cannot be read as weights of the recog"):
        load_recognition_weights(path)


def test_weights_of_something_else_are_refused():
    with pytest.raises(ModelFileError, match="expected format monoface-recognition-1, got monoface-regress"):
        load_recognition_weights(asset_path("pretrain.safetensors"))


def test_weights_of_other_shapes_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "mine.safetensors"
    save_recognition_weights(random_weights(), path)
    monkeypatch.setattr("monoface.networks.recognition.weights.convolution_shapes", lambda: ((32, 3, 5, 5),))
    with pytest.raises(ModelFileError, match="convolution0: expected shape"):
        load_recognition_weights(path)


def test_the_template_is_that_of_chips():
    assert CHIP_FACE.groups == tuple((row,) for row in CHIP_POINTS_OF_68)
