"""Rounding weights to 8 bits: once, and with a word in the card."""

import importlib.util
import json
import shutil

import pytest
from safetensors import safe_open

from monoface.core.assets import asset_path
from monoface.networks import load_regressor, save_regressor


@pytest.fixture
def quantize(repository):
    path = repository / "tools" / "quantize_weights.py"
    spec = importlib.util.spec_from_file_location("quantize_weights", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.quantize


def test_weights_are_rounded_once_and_the_card_says_by_how_much(quantize, tmp_path):
    shipped, path = asset_path("monoface.safetensors"), tmp_path / "copy.safetensors"
    regressor, info = load_regressor(shipped)
    save_regressor(regressor, info, path)
    shutil.copyfile(shipped.with_name("monoface.card.json"), tmp_path / "copy.card.json")
    before = path.stat().st_size
    said = quantize(path)
    assert path.stat().st_size < 0.55 * before
    card = json.loads((tmp_path / "copy.card.json").read_text(encoding="utf-8"))
    assert card["storage"] == said
    moved = float(said.split("move by ")[1].split(" px")[0])
    assert 0 < moved < 0.2
    assert quantize(path) == "rounded already"


@pytest.mark.parametrize("name", ["pretrain", "twodasl", "mgcnet"])
def test_published_systems_ship_in_8_bits(name):
    with safe_open(asset_path(f"{name}.safetensors"), framework="np") as file:
        kinds = {file.get_slice(key).get_dtype() for key in file.keys()}  # noqa: SIM118
    assert "I8" in kinds
