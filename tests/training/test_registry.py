"""The table of methods: all of them load, and a new one takes a folder and a line."""

import dataclasses
import json
import subprocess
import sys

import pytest
from synthetic_training import ToldTeacher, write_aflw

from monoface.data.profiling.photo_turner import TurnConfig
from monoface.data.recipes import photo_recipe
from monoface.data.recipes.photo_recipe import RecipeConfig
from monoface.data.synthetic.heads import HeadsConfig
from monoface.networks import load_regressor
from monoface.training import TrainConfig
from monoface.training.registry import METHODS, TrainingEntry


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_a_configuration_and_a_function(name):
    config_type, run = METHODS[name].load()
    assert dataclasses.is_dataclass(config_type)
    assert callable(run)
    assert {"out", "train"} <= {field.name for field in dataclasses.fields(config_type)}
    assert getattr(config_type, "METHOD", name) == name


def test_the_table_alone_loads_neither_torch_nor_fabric():
    code = (
        "import sys, monoface.training.registry; "
        "print(sorted({'torch', 'lightning_fabric'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_a_fourth_method_takes_a_folder_and_a_line(tmp_path, monkeypatch):
    monkeypatch.setitem(
        METHODS, "toy", TrainingEntry("toy_method.method", "TrainToyConfig", "train_toy", "train the toy")
    )
    monkeypatch.setattr(photo_recipe, "FaceMeshTeacher", ToldTeacher)
    write_aflw(tmp_path / "aflw")
    config_type, run = METHODS["toy"].load()
    config = config_type(
        data=tmp_path,
        out=tmp_path / "run",
        recipe=RecipeConfig(sources=("aflw",), turn=TurnConfig(views=1), heads=HeadsConfig(count=2)),
        train=TrainConfig(steps=6, batch=4, warmup=1, log_every=1, evaluate_every=3, precision="32-true"),
    )

    path = run(config, lambda line: None)

    assert load_regressor(path)[1].method == "toy"
    card = json.loads((tmp_path / "run/toy.card.json").read_text())
    assert card["method"] == "toy"
    lines = [json.loads(line) for line in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    losses = [line["total"] for line in lines if "total" in line]
    assert len(losses) == 6
    assert losses[-1] < losses[0]
