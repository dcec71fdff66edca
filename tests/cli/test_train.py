"""Training commands: short help, and runs that record their settings, resume, and show their curves."""

import json

import pytest
import torch
from synthetic_training import ToldTeacher, write_aflw

from monoface.cli import train as train_module
from monoface.cli.main import COMMANDS, main
from monoface.cli.options.config_file import config_toml
from monoface.cli.options.parsing import parse_config
from monoface.cli.options.settings import settings_of
from monoface.cli.options.short_help import short_help
from monoface.cli.train import PRESETS, QUICK, command
from monoface.core.assets import sha256_of
from monoface.data.recipes import photo_recipe
from monoface.training.likeness.config import TrainLikenessConfig
from monoface.training.registry import METHODS, TrainingEntry

CONFIGS = {name: method.load()[0] for name, method in METHODS.items()} | {"likeness": TrainLikenessConfig}


@pytest.mark.parametrize("columns", [80, 100, 200])
@pytest.mark.parametrize("name", CONFIGS)
def test_help_fits_two_screens(name, columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = short_help(CONFIGS[name], f"train {name}", PRESETS).splitlines()
    assert len(lines) <= 80
    assert max(map(len, lines)) <= columns


def test_every_training_command_is_looked_at():
    assert {one.words[1] for one in COMMANDS if one.words[0] == "train"} == CONFIGS.keys()


def test_help_of_a_command_is_this_one(capsys):
    assert main(["train", "mgcnet", "--help"]) == 0
    written = capsys.readouterr().out
    assert "--train.steps N" in written
    assert len(written.splitlines()) <= 80


@pytest.mark.parametrize("name", CONFIGS)
def test_every_setting_is_explained(name):
    assert [one.name for one in settings_of(CONFIGS[name]) if not one.text] == []


@pytest.mark.parametrize("name", CONFIGS)
def test_settings_come_back_from_the_file(name, tmp_path):
    config_type = CONFIGS[name]
    words = []
    for setting in settings_of(config_type):
        if setting.is_required:
            ending = ".safetensors" if (name, setting.name) == ("likeness", "out") else ""
            words += [setting.option, str(tmp_path / (setting.name + ending))]
    config = parse_config(config_type, f"train {name}", [*words, "--preset", "quick"], PRESETS)
    (tmp_path / "config.toml").write_text(config_toml(config, f"train {name}"), encoding="utf-8")
    assert parse_config(config_type, f"train {name}", ["--config", str(tmp_path / "config.toml")]) == config


@pytest.mark.parametrize("name", CONFIGS)
def test_the_quick_preset_changes_every_method(name):
    names = {setting.name for setting in settings_of(CONFIGS[name])}
    changed = names & QUICK.keys()
    assert changed
    assert name not in METHODS or {"train.steps", "train.batch"} <= changed


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Trains the toy on synthetic photos; takes the name of its folder and further words."""
    method = TrainingEntry("toy_method.method", "TrainToyConfig", "train_toy", "train the toy")
    monkeypatch.setitem(METHODS, "toy", method)
    monkeypatch.setattr(photo_recipe, "FaceMeshTeacher", ToldTeacher)
    write_aflw(tmp_path / "aflw")
    always = ["--recipe.sources", "aflw", "--recipe.turn.views", "1", "--train.precision", "32-true"]

    def run(out, *words):
        words = [*words] if "--config" in words else ["--data", str(tmp_path), *always, *words]
        # The toy leaves to others how its network begins.
        torch.manual_seed(0)
        return command("toy")(["--out", str(tmp_path / out), *words])

    return run


def test_the_quick_preset_shows_the_curve_and_what_it_wrote_reproduces_it(toy, tmp_path, capsys):
    quick = ["--preset", "quick", "--train.steps", "20", "--train.batch", "4", "--recipe.heads.count", "4"]
    assert toy("first", *quick, "--train.learning-rate", "0.01") == 0
    written = capsys.readouterr().out
    assert "loss " in written
    assert "▁" in written
    assert "aflw" in written
    assert "<polyline" in (tmp_path / "first/curves.html").read_text()

    assert toy("second", "--config", str(tmp_path / "first/config.toml")) == 0
    weights = [sha256_of(tmp_path / name / "toy.safetensors") for name in ("first", "second")]
    assert weights[0] == weights[1]


def test_a_run_that_goes_on_says_from_where(toy, tmp_path, capsys):
    quick = ["--preset", "quick", "--train.batch", "4", "--recipe.heads.count", "4"]
    assert toy("run", *quick, "--train.steps", "4") == 0
    assert "resuming" not in capsys.readouterr().out
    assert toy("run", *quick, "--train.steps", "8") == 0
    assert "resuming from step 4 of 8" in capsys.readouterr().out
    lines = (tmp_path / "run/log.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["step"] == 8


def test_other_processes_than_the_first_are_silent(toy, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(train_module, "_is_first_process", lambda: False)
    quick = ["--preset", "quick", "--train.batch", "4", "--recipe.heads.count", "4", "--train.steps", "2"]
    assert toy("run", *quick) == 0
    assert capsys.readouterr().out == ""
    assert not (tmp_path / "run/config.toml").exists()
