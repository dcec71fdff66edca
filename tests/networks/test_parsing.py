"""The face parser: shapes, the probability of skin, speed-up by folding, and files."""

import json
import math

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn
from torch.testing import assert_close

from monoface.core.errors import AssetError, ConfigError, ModelFileError
from monoface.geometry.crops import crop_and_resize
from monoface.networks import (
    PARSING_CLASSES,
    FaceParser,
    ParserConfig,
    fold_batch_norm,
    load_parser,
    save_parser,
    skin_probability,
)

# Edges of the face's crop in the sample photo, and places in the photo.
SAMPLE_BOX = (145.0, 40.0, 305.0, 200.0)
SKIN_PLACES = {"left cheek": (249, 128), "right cheek": (198, 128), "nose": (224, 124), "chin": (222, 168)}
OTHER_PLACES = {"corner": (152, 190), "mouth": (224, 144), "left side of the hair": (293, 90)}

SMALL = ParserConfig(size_px=32, widths=(8, 8, 16, 16), deep_blocks=1)


@pytest.fixture
def parser():
    torch.manual_seed(0)
    network = FaceParser(SMALL)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return network.eval()


@pytest.mark.parametrize(("height", "width"), [(32, 32), (48, 80)])
def test_every_pixel_gets_logits(parser, rng, height, width):
    logits = parser(torch.rand(3, 3, height, width, generator=rng))
    assert logits.shape == (3, len(PARSING_CLASSES), height, width)
    assert logits.isfinite().all()


def test_samples_do_not_see_each_other(parser, rng):
    image = torch.rand(3, 3, 32, 48, generator=rng)
    assert_close(parser(image)[1:2], parser(image[1:2]))


def test_a_moved_picture_gives_moved_logits(parser, rng):
    """By 16 pixels, the coarsest step; the borders, which see their padding, apart."""
    image = torch.rand(1, 3, 160, 160, generator=rng)
    moved = parser(image.roll((16, -16), dims=(2, 3)))
    there = parser(image).roll((16, -16), dims=(2, 3))
    inner = slice(72, 88)
    assert_close(moved[..., inner, inner], there[..., inner, inner], rtol=1e-4, atol=1e-4)


def test_folded_it_computes_the_same(parser, rng):
    image = torch.rand(2, 3, 32, 48, generator=rng)
    folded = fold_batch_norm(parser)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    assert_close(folded(image), parser(image), rtol=1e-4, atol=1e-5)


def test_skin_is_skin_and_nose():
    logits = torch.full((1, 7, 1, 2), -math.inf)
    logits[0, PARSING_CLASSES.index("skin"), 0] = math.log(2.0)
    logits[0, PARSING_CLASSES.index("nose"), 0, 0] = 0.0
    logits[0, PARSING_CLASSES.index("occluder"), 0] = 0.0
    assert_close(skin_probability(logits), torch.tensor([[[3 / 4, 2 / 3]]]))


def test_a_file_gives_the_parser_back(parser, rng, tmp_path):
    path = tmp_path / "small.safetensors"
    save_parser(parser, path)
    back = load_parser(path)
    image = torch.rand(1, 3, 32, 32, generator=rng)
    assert back.config == SMALL
    assert not back.training
    assert_close(back(image), parser(image), rtol=2e-2, atol=2e-2)


def test_the_default_parser_fits_three_megabytes(tmp_path):
    path = tmp_path / "large.safetensors"
    save_parser(FaceParser(ParserConfig()), path)
    assert path.stat().st_size <= 3e6


def test_other_files_are_refused(parser, tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(1)}, path)
    with pytest.raises(ModelFileError, match="expected format monoface-parser-1"):
        load_parser(path)
    path.write_bytes(b"nothing")
    with pytest.raises(ModelFileError, match="cannot be read as a parser"):
        load_parser(path)
    with pytest.raises(ModelFileError, match="cannot be read as a parser"):
        load_parser(tmp_path / "missing.safetensors")
    with pytest.raises(AssetError, match=r"asset nothing\.safetensors"):
        load_parser("nothing")


def test_files_that_lack_weights_or_know_other_classes_are_refused(parser, tmp_path):
    path = tmp_path / "small.safetensors"
    save_parser(parser, path)
    state = load_file(path)
    header = {"format": "monoface-parser-1", "classes": PARSING_CLASSES, "config": vars(SMALL)}
    save_file({name: state[name] for name in list(state)[1:]}, path, {"monoface": json.dumps(header)})
    with pytest.raises(ModelFileError, match="weights do not fit"):
        load_parser(path)
    save_file(state, path, {"monoface": json.dumps(header | {"classes": ["skin"]})})
    with pytest.raises(ModelFileError, match="got \\['skin'\\]"):
        load_parser(path)


@pytest.mark.parametrize("change", [{"size_px": 100}, {"widths": (8, 8, 0, 8)}, {"deep_blocks": 0}])
def test_impossible_networks_are_refused(change):
    with pytest.raises(ConfigError, match="multiples of 16"):
        ParserConfig(**change)


@pytest.mark.parametrize("gamma", [0.7, 1.0, 1.8])
def test_the_shipped_parser_finds_the_skin_of_the_sample_photo(repository, gamma):
    """In any exposure. The fringe is not asked for: the parser takes part of it for skin."""
    photo = np.asarray(Image.open(repository / "examples" / "astronaut.png").convert("RGB"))
    crop = crop_and_resize(photo, np.array(SAMPLE_BOX), 128)
    image = (torch.from_numpy(crop).permute(2, 0, 1)[None].float() / 255) ** gamma
    with torch.no_grad():
        skin = skin_probability(load_parser()(image))[0]

    def around(x_px, y_px):
        """Mean over five pixels of the crop about a place in the photo."""
        left, top, right, _ = SAMPLE_BOX
        x, y = (int((at - low) * 128 / (right - left)) for at, low in ((x_px, left), (y_px, top)))
        return float(skin[y - 2 : y + 3, x - 2 : x + 3].mean())

    for name, place in SKIN_PLACES.items():
        assert around(*place) > 0.8, name
    for name, place in OTHER_PLACES.items():
        assert around(*place) < 0.4, name
