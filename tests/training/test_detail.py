import json

import pytest

from monoface.core.errors import ConfigError
from monoface.data.detail_packs import DetailPack
from monoface.data.wrinkled_heads import WrinkledHeadsConfig
from monoface.methods.detail import DetailConfig
from monoface.networks import TranslatorConfig, load_translator
from monoface.training import detail as training
from monoface.training.config import TrainConfig
from monoface.training.detail import TrainDetailConfig, train_detail

SMALL = WrinkledHeadsConfig(picture_px=96, texture_px=64)
TINY = DetailConfig(translator=TranslatorConfig(9, (3, 4, 5), 2), texture_px=64)


def test_heads_become_weights_with_a_card(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "_VALIDATION_HEADS", 1)
    train = TrainConfig(steps=2, batch=2, samples_every=0, evaluate_every=2, log_every=1, precision="32-true")
    config = TrainDetailConfig(tmp_path / "run", heads=2, drawing=SMALL, method=TINY, train=train)
    lines = []
    path = train_detail(config, lines.append)
    translator, info = load_translator(path)
    assert translator.config == TINY.translator
    assert info == {"texture_px": 64, "sees": "shading", "axis": "normal", "limit_mm": TINY.limit_mm}
    card = json.loads((tmp_path / "run" / "detail.card.json").read_text())
    assert card["steps"] == 2
    assert card["data"].endswith("photos: none")
    assert set(card["metrics"]) >= {"correlation", "moved_light_percent"}

    pack = DetailPack.load(tmp_path / "run" / "packs" / "heads" / "00000")
    assert pack.head.tolist() == [0, 0, 1, 1]
    assert pack.maps.shape == (4, 7, 64, 64)
    # What is drawn already is not drawn again.
    before = len(lines)
    train_detail(config, lines.append)
    assert not any("drawn" in line for line in lines[before:])


def test_unknown_sources_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="sources: expected some of"):
        TrainDetailConfig(tmp_path, sources=("nowhere",))
