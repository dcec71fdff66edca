"""Self-training: what is believed, by hand and for parsers that are sure of one thing."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from monoface.core.errors import ConfigError, DataError
from monoface.data.labelling.parsing_self_labels import (
    SelfLabelConfig,
    class_probabilities,
    label_photos,
    scenery_of,
    spread_rows,
    with_odds,
)
from monoface.data.packs.parsing_pack import UNKNOWN
from monoface.data.packs.photo_pack import CANVAS_PX, FACE_PX, Pack
from monoface.networks import PARSING_CLASSES, FaceParser, ParserConfig

SKIN, HAIR = PARSING_CLASSES.index("skin"), PARSING_CLASSES.index("hair")
SMALL = ParserConfig(size_px=32, widths=(8, 8, 8, 8), deep_blocks=1)
INNER = slice((CANVAS_PX - FACE_PX) // 2, (CANVAS_PX + FACE_PX) // 2)


def parser_of(probability, index):
    """A parser that gives a class the same probability everywhere, and the rest to the background."""
    network = FaceParser(SMALL).eval()
    for module in network.head:
        if isinstance(module, nn.Conv2d):
            nn.init.zeros_(module.weight)
            nn.init.constant_(module.bias, -30.0)
            odds = float(np.log(probability / (1 - probability)))
            module.bias.data.view(len(PARSING_CLASSES), 4)[0] = 0.0
            module.bias.data.view(len(PARSING_CLASSES), 4)[index] = odds
    return network


def mesh_of(index, errors):
    """What a mesh says that shows one class everywhere."""

    def mesh(crops):
        return np.full((len(crops), *crops.shape[2:]), index, np.uint8), np.log(errors[: len(crops)])

    return mesh


@pytest.fixture
def pack():
    canvases = np.random.default_rng(0).integers(0, 256, (3, CANVAS_PX, CANVAS_PX, 3), dtype=np.uint8)
    return Pack("photos", canvases, {}, np.zeros((3, 4), np.float32))


def test_odds_by_hand():
    """3 to 1 against, made 6 times likelier, are 2 to 1 for; where the mesh knows nothing they stay."""
    probability = torch.tensor([[[[0.75, 0.75]], [[0.25, 0.25]]]])
    weighed = with_odds(probability, np.array([[[1, UNKNOWN]]], np.uint8), 6.0)
    assert_close(weighed, torch.tensor([[[[1 / 3, 0.75]], [[2 / 3, 0.25]]]]))


@pytest.mark.parametrize(
    ("probability", "expected", "believed"),
    [(0.9, UNKNOWN, True), (0.8, UNKNOWN, False), (0.8, SKIN, True), (0.9, HAIR, True), (0.3, SKIN, False)],
)
def test_pixels_are_believed_when_network_and_mesh_are_sure_together(pack, probability, expected, believed):
    parser = parser_of(probability, SKIN)
    labelled = label_photos(pack, parser, mesh_of(expected, np.full(3, 0.01)), SelfLabelConfig())
    assert (labelled.masks[:, INNER, INNER] == (SKIN if believed else UNKNOWN)).all()
    assert (labelled.masks[:, : INNER.start] == UNKNOWN).all()
    assert (labelled.masks[:, :, INNER.stop :] == UNKNOWN).all()


def test_photos_whose_faces_are_unsure_are_left_out(pack):
    mesh = mesh_of(SKIN, np.array([0.02, 0.5, 0.03]))
    labelled = label_photos(pack, parser_of(0.9, SKIN), mesh, SelfLabelConfig())
    np.testing.assert_array_equal(labelled.canvases, pack.canvases[[0, 2]])
    with pytest.raises(DataError, match="found none"):
        label_photos(pack, parser_of(0.9, SKIN), mesh_of(SKIN, np.ones(3)), SelfLabelConfig())


def test_probabilities_are_those_of_the_mirror_image_mirrored(rng):
    torch.manual_seed(1)
    network = FaceParser(SMALL).eval()
    crops = torch.rand(2, 3, 32, 32, generator=rng)
    assert_close(class_probabilities(network, crops), class_probabilities(network, crops.flip(-1)).flip(-1))
    assert_close(class_probabilities(network, crops).sum(dim=1), torch.ones(2, 32, 32))


def test_scenery_has_no_canvas_with_black_corners(pack):
    canvases = pack.canvases.copy()
    canvases[1, :30, :30] = 0
    cut = Pack("cut", canvases, {}, pack.outputs)
    np.testing.assert_array_equal(
        scenery_of([cut, pack], 3), np.concatenate((canvases[[0, 2]], pack.canvases))
    )


def test_rows_are_spread():
    np.testing.assert_array_equal(spread_rows(9, 3), [0, 4, 8])
    np.testing.assert_array_equal(spread_rows(2, 5), [0, 1])


@pytest.mark.parametrize("change", [{"photos": 0}, {"confidence": 1.2}, {"mesh_odds": 0.0}])
def test_impossible_beliefs_are_refused(change):
    with pytest.raises(ConfigError, match="self-training: expected"):
        SelfLabelConfig(**change)
