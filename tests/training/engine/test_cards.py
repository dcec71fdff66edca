"""What cards say of data and terms, and of configurations."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from monoface.data.recipes.view_recipe import ViewRecipeConfig
from monoface.training.engine.cards import data_and_terms, recorded_config
from monoface.training.regressors.mgcnet import TrainMgcnetConfig

OFFERED = "The weights are offered for research and non-commercial use."


def test_restricted_sources_restrict_the_weights():
    card = data_and_terms({"lfw": "", "lfw_turned": "", "portraits_cc0": "", "heads": ""})
    assert card["data"] == "photos of lfw, portraits_cc0; synthetic heads"
    assert card["terms"] == (
        "Labeled Faces in the Wild: research use. Generated portraits: CC0. "
        f"Synthetic heads: no photo of anybody. {OFFERED}"
    )


def test_free_and_own_photos_do_not():
    card = data_and_terms({"portraits_cc0": "", "mine": "The user's own photos."})
    assert card["terms"] == "Generated portraits: CC0. The user's own photos."


def test_terms_of_the_weights_that_a_run_began_with_hold_as_well(tmp_path):
    path = tmp_path / "first.safetensors"
    path.touch()
    seen = {"portraits_cc0": ""}
    card = data_and_terms(seen, path)
    assert card["data"] == "photos of portraits_cc0; began with the weights first.safetensors"
    assert card["terms"].endswith("Began with first.safetensors: its terms are not stated beside it.")
    path.with_name("first.card.json").write_text(json.dumps({"terms": f"On Mars only. {OFFERED}"}))
    assert data_and_terms(seen, path)["terms"].endswith(f"first.safetensors: On Mars only. {OFFERED}")
    shipped = data_and_terms(seen, "pretrain")["terms"]
    assert shipped.count("offered for research and non-commercial use") == 1


@dataclass(frozen=True)
class Inner:
    weights: Path | None = Path("/home/somebody/weights.safetensors")


@dataclass(frozen=True)
class Outer:
    inner: Inner = field(default_factory=Inner)
    folders: dict[Path, str] = field(default_factory=lambda: {Path("/home/somebody/views"): "multipie"})
    many: tuple[Path, ...] = (Path("/home/a"), Path("/home/b"))
    number: float = 0.5


def test_configurations_are_recorded_without_folders():
    expected = {"inner": {"weights": "weights.safetensors"}, "folders": {"views": "multipie"}}
    assert recorded_config(Outer()) == expected | {"many": ["a", "b"], "number": 0.5}


def test_folders_of_views_can_be_recorded(tmp_path):
    recipe = ViewRecipeConfig(folders={tmp_path / "clips": "multipie"}, parser=None)
    config = TrainMgcnetConfig(data=tmp_path, out=tmp_path, recipe=recipe, encoder=None)
    text = json.dumps(config.recorded())
    assert '"folders": {"clips": "multipie"}' in text
    assert str(tmp_path) not in text
