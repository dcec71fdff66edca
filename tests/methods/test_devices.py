"""A step of every method, and every validation, on a device that is not the CPU's."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from foreign_device import FOREIGN, ForeignTensor, foreign_device
from synthetic_head import synthetic_head
from synthetic_packs import (
    SETS,
    labelled_samples,
    landmark_samples,
    small_method,
    small_monoface,
    small_twodasl,
)
from synthetic_views import BrightnessEncoder, small_config, small_mgcnet, view_batch

from monoface.data.batches.detail_batch import PicturedDetailBatch
from monoface.data.batches.identity_batch import IdentityBatch
from monoface.data.batches.parsing_batch import ParsingBatch
from monoface.data.batches.photo_batch import BatchMaker
from monoface.methods.detail import Coarse, CoarseConfig, Detail, DetailConfig
from monoface.methods.identity import Identity, IdentityConfig
from monoface.methods.parsing import Parsing, ParsingConfig
from monoface.networks import IdentityNetworkConfig, ParserConfig, TranslatorConfig
from monoface.training.identity.validation import embed_faces
from monoface.training.parsing.validation import find_classes
from monoface.training.regressors.face_validation import FaceValidationSet, make_face_evaluate
from monoface.training.regressors.samples import make_samples
from monoface.training.regressors.validation import ValidationSet, make_evaluate

TEXTURE_PX = 32


def photos(set_names=SETS):
    labelled = labelled_samples()
    packs = [labelled, landmark_samples(labelled)]
    shares = {"labelled": 1.0, "landmarks": 1.0}
    return BatchMaker(packs, shares, synthetic_head(), tuple(set_names), crop_px=32).sample(0, 0, 4)


def views(set_names):
    """Two samples of three views; landmarks that the head does not have are unmarked."""
    batch = view_batch(focal_per_size=None)
    known = batch.points_px["ibug68_contour"]
    points = {**batch.points_px, "jaw17": known[:, :, :17]}
    points |= dict.fromkeys(("ibug68", "ibug68_reannotated"), known)
    return dataclasses.replace(batch, points_px={name: points[name] for name in set_names})


def relief():
    """Two unwrapped faces of noise."""
    rng, head = torch.Generator().manual_seed(4), synthetic_head()
    square = (2, TEXTURE_PX, TEXTURE_PX)
    light = torch.zeros(2, 9, 3)
    light[:, 0], light[:, 3] = 3.0, 0.9
    turned = torch.diag(torch.tensor((1.0, -1.0, -1.0)))
    return PicturedDetailBatch(
        photo=torch.rand(2, 3, TEXTURE_PX, TEXTURE_PX, generator=rng),
        seen=torch.ones(square),
        verts_camera=(head.mean_mm @ turned + torch.tensor((0.0, 0.0, 1000.0))).expand(2, -1, -1),
        rotation=turned.expand(2, 3, 3),
        albedo=torch.zeros(2, head.albedo_size),
        light=light,
        height_mm=0.1 * torch.rand(square, generator=rng),
        paint=torch.zeros(square),
        maps=torch.rand(2, 7, TEXTURE_PX, TEXTURE_PX, generator=rng),
        known=torch.tensor((True, False)),
        twin=torch.tensor((0, 1)),
        donor=torch.tensor((0, 0)),
        graft=torch.tensor((0.0, 0.5)),
        mirrored=torch.tensor((False, True)),
        blur=torch.tensor((0.5, 0.0)),
        picture=torch.rand(2, 3, 24, 24, generator=rng),
        camera=torch.tensor((0.1, 12.0, 12.0)).expand(2, 3),
    )


def pretrain():
    return small_method(), photos()


def twodasl():
    method = small_twodasl(gaps=1.0)
    return method, photos(method.set_names)


def mgcnet():
    method = small_mgcnet(BrightnessEncoder())
    return method, views(method.set_names)


def detail_coarse():
    method = Coarse(synthetic_head(), CoarseConfig(**small_config()), BrightnessEncoder())
    return method, views(method.set_names)


def monoface_photos():
    method = small_monoface()
    return method, photos(method.set_names)


def monoface_views():
    method = small_monoface(encoder=BrightnessEncoder())
    return method, views(method.view_set_names)


def detail():
    config = DetailConfig(translator=TranslatorConfig(9, (4, 6, 8, 8), 2), texture_px=TEXTURE_PX)
    return Detail(synthetic_head(), config), relief()


def detail_drawn():
    config = dataclasses.replace(
        DetailConfig.published(),
        translator=TranslatorConfig(3, (4, 6, 8, 8), 1),
        texture_px=TEXTURE_PX,
        picture_px=24,
    )
    return Detail(synthetic_head(), config), dataclasses.replace(relief(), maps=relief().maps[:, :3])


def identity():
    network = IdentityNetworkConfig(size_px=32, blocks=(1, 1, 1), width=0.125, parts=16, features=8)
    return Identity(3, IdentityConfig(network)), IdentityBatch(torch.rand(4, 3, 32, 32), torch.arange(4) % 3)


def parsing():
    config = ParsingConfig(ParserConfig(size_px=32, widths=(8, 16, 16, 16), deep_blocks=1))
    classes = torch.arange(4 * 32 * 32).reshape(4, 32, 32) % 3
    return Parsing(config), ParsingBatch(torch.rand(4, 3, 32, 32), classes, torch.zeros(4, dtype=torch.long))


METHODS = (
    pretrain, twodasl, mgcnet, detail_coarse, monoface_photos, monoface_views, detail, detail_drawn, identity,
    parsing,
)  # fmt: skip


@pytest.mark.parametrize("make", METHODS, ids=lambda make: make.__name__)
def test_a_step_runs_on_another_device(make):
    torch.manual_seed(0)
    method, batch = make()
    # A copy, for a step moves the running statistics that second looks are made with.
    here = copy.deepcopy(method).step(batch).terms
    with foreign_device():
        method.to(FOREIGN)
        result = method.step(batch.to(FOREIGN))
        for name, total in result.total.items():
            assert isinstance(total, ForeignTensor)
            method.networks[name].zero_grad()
            total.backward()
        for name in result.total:
            for place, parameter in method.networks[name].named_parameters():
                assert isinstance(parameter, ForeignTensor), f"{name} {place}"
                assert isinstance(parameter.grad, ForeignTensor), f"{name} {place}"
    # Dropout is the only chance.
    if make is not identity:
        # What is drawn without the CPU's fused kernels differs in some pixels at the border of faces.
        assert result.terms == pytest.approx(here, rel=0.02, abs=1e-3)


def test_the_face_model_that_a_method_is_made_from_stays_where_it_is():
    for make in (pretrain, detail, mgcnet):
        method, _ = make()
        with foreign_device():
            method.to(FOREIGN)
    assert not any(isinstance(buffer, ForeignTensor) for buffer in synthetic_head().buffers())


def test_validations_send_their_crops_to_the_network():
    rng = np.random.default_rng(2)
    crops = rng.integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    points = rng.uniform(4, 28, (3, 68, 2))
    head = synthetic_head()
    method = small_monoface()
    method.regressor.eval()
    marked = ValidationSet("marked", "ibug68_contour", crops, points, 20.0)
    known = FaceValidationSet("known", crops, points, np.zeros((3, head.identity_size), np.float32))
    evaluations = (
        make_evaluate(head, [marked], method.layout),
        make_face_evaluate(head, [known], method.layout),
        make_samples(head, crops, method.layout),
    )
    networks = {"regressor": method.regressor}
    here = [evaluate(networks) for evaluate in evaluations]
    with foreign_device():
        method.to(FOREIGN)
        there = [evaluate(networks) for evaluate in evaluations]
    assert there[0] == pytest.approx(here[0], rel=1e-4)
    assert there[1] == pytest.approx(here[1], rel=1e-3, abs=1e-3)
    assert np.abs(there[2].astype(int) - here[2]).mean() < 1


def test_validations_of_encoder_and_parser_send_their_pictures_too():
    faces = np.random.default_rng(3).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    encoder, parser = identity()[0].classifier.encoder.eval(), parsing()[0].parser.eval()
    batch = parsing()[1]
    here = embed_faces(encoder, faces), find_classes(parser, batch)
    with foreign_device():
        there = embed_faces(encoder.to(FOREIGN), faces), find_classes(parser.to(FOREIGN), batch)
    np.testing.assert_allclose(there[0], here[0], atol=1e-5)
    np.testing.assert_array_equal(there[1], here[1])
