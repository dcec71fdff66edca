"""Skin by a parser: at the parser's own size, and in the pixels of the crops."""

import pytest
import torch
from torch.testing import assert_close

from monoface.core.errors import AssetError, ModelFileError
from monoface.data.labelling.parsed_skin import ParsedSkin
from monoface.data.labelling.view_skin import FindSkin
from monoface.networks import PARSING_CLASSES, FaceParser, ParserConfig, save_parser

SIZE = 32


@pytest.fixture
def weights(tmp_path):
    """A random parser of small crops."""
    torch.manual_seed(1)
    path = tmp_path / "parser.safetensors"
    save_parser(FaceParser(ParserConfig(size_px=SIZE, widths=(4, 4, 8, 8), deep_blocks=1)), path)
    return path


class BrightIsSkin(torch.nn.Module):
    """A parser whose logits are known: skin where it is bright, else hair."""

    config = ParserConfig(size_px=SIZE)

    def forward(self, image):
        assert image.shape[-2:] == (SIZE, SIZE)
        bright = image.mean(dim=1) > 0.5
        logits = torch.full((len(image), len(PARSING_CLASSES), SIZE, SIZE), -20.0)
        logits[:, PARSING_CLASSES.index("skin")][bright] = 20.0
        logits[:, PARSING_CLASSES.index("hair")][~bright] = 20.0
        return logits


def test_it_sees_crops_at_the_size_of_the_parser():
    parser = FaceParser(BrightIsSkin.config)
    parser.forward = BrightIsSkin().forward
    image = torch.zeros(2, 3, 96, 96)
    image[0, :, 48:, 12:60] = 1
    skin = ParsedSkin(parser, "bright")(image)
    assert skin.shape == (2, 96, 96)
    # Within three pixels of a border both are seen in one of the parser's.
    assert skin[0, 51:, 15:57].min() > 0.99
    assert skin[0, :45].max() < 0.01
    assert skin[1].max() < 0.01


def test_weights_are_known_by_what_is_in_them(weights, tmp_path):
    torch.manual_seed(9)
    other = tmp_path / "other.safetensors"
    save_parser(FaceParser(ParserConfig(size_px=SIZE, widths=(4, 4, 8, 8), deep_blocks=1)), other)
    copied = tmp_path / "copied.safetensors"
    copied.write_bytes(weights.read_bytes())
    digest = [ParsedSkin.load(str(path)).digest for path in (weights, copied, other)]
    assert digest[0] == digest[1] != digest[2]


def test_files_give_a_finder_of_skin(weights, rng):
    find = ParsedSkin.load(str(weights))
    assert isinstance(find, FindSkin)
    image = torch.rand(3, 3, 80, 80, generator=rng)
    skin = find(image)
    assert 0 <= skin.min() <= skin.max() <= 1
    assert_close(find(image[1:2]), skin[1:2])


def test_missing_parsers_are_refused(tmp_path):
    with pytest.raises(AssetError, match="not in the manifest"):
        ParsedSkin.load("nobody")
    with pytest.raises(ModelFileError, match="absent"):
        ParsedSkin.load(str(tmp_path / "absent.safetensors"))
