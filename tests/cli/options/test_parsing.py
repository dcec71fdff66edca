"""Presets, files and words of a command line, in this order; and help that is short."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import pytest

from monoface.cli.options.config_file import config_toml
from monoface.cli.options.parsing import parse_config
from monoface.cli.options.settings import settings_of
from monoface.core.errors import ConfigError


@dataclass(frozen=True)
class TrainConfig:
    """How long.

    Attributes:
        steps: Steps in all. More are better.
        learning_rate: How fast.
        log: Whether to log.
    """

    steps: int = 100
    learning_rate: float = 1e-5
    log: bool = True
    rounds: ClassVar[int] = 3


@dataclass(frozen=True)
class Base:
    """Base.

    Attributes:
        out: Folder of the run,
            over two lines.
    """

    out: Path


@dataclass(frozen=True)
class Run(Base):
    """Train something
    new.

    Attributes:
        name: A name, or none.
        shares: Shares by name.
        sizes: Sizes.
        sets: Sets.
        kind: One of two.
        folders: Kinds of folders.
        train: How long.
    """

    name: str | None = "pre"
    shares: dict[str, float] = field(default_factory=lambda: {"a b": 0.5, "ä\\": -1e-7})
    sizes: tuple[float, ...] = (1.0, 2.0)
    sets: tuple[tuple[str, float], ...] = (("one", 1.0), ("two", 2.0))
    kind: Literal["low", "high"] = "low"
    folders: Mapping[Path, Literal["x", "y"]] = field(default_factory=dict)
    train: TrainConfig = field(default_factory=TrainConfig)


PRESETS = {"quick": {"train.steps": 5, "heads.count": 3, "shares": {"c": 1.0}, "train.log": False}}


def parsed(*words):
    return parse_config(Run, "train it", [str(word) for word in words], PRESETS)


def test_settings_have_names_texts_and_defaults():
    settings = {one.name: one for one in settings_of(Run)}
    assert list(settings)[:2] == ["out", "name"]
    assert list(settings)[-3:] == ["train.steps", "train.learning_rate", "train.log"]
    assert settings["out"].is_required
    assert settings["out"].text == "Folder of the run, over two lines."
    assert settings["train.learning_rate"].default == 1e-5
    assert settings["train.learning_rate"].option == "--train.learning-rate"


def test_a_preset_changes_what_the_command_has_and_words_override_it():
    config = parsed("--out", "x", "--preset", "quick", "--train.steps", "7")
    assert config == Run(Path("x"), shares={"c": 1.0}, train=TrainConfig(steps=7, log=False))


def test_a_file_overrides_a_preset_and_words_a_file(tmp_path):
    file = tmp_path / "run.toml"
    file.write_text('out = "y"\nname = "None"\n[train]\nsteps = 6\nlearning_rate = 1\n')
    config = parsed("--config", file, "--preset=quick", "--out", "x")
    assert config.train == TrainConfig(6, 1.0, log=False)
    assert (config.out, config.name) == (Path("x"), None)


@pytest.mark.parametrize(
    "config",
    [
        Run(Path("/nowhere/out")),
        Run(
            Path("/nowhere/o"), None, {}, (), (("x", -3.5),), "high", {Path("/nowhere/a b"): "y"},
            TrainConfig(3, 1e-12, log=False),
        ),
    ],
)  # fmt: skip
def test_what_is_written_is_read_as_the_same(config, tmp_path):
    file = tmp_path / "config.toml"
    file.write_text(config_toml(config, "train it"), encoding="utf-8")
    assert parsed("--config", file) == config


def test_paths_that_exist_are_written_so_that_any_folder_can_read_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    assert f'out = "{(tmp_path / "out").resolve()}"' in config_toml(Run(Path("out")), "train it")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("out = ", "expected TOML"),
        ("[train]\nstep = 3", "no setting train.step. Did you mean train.steps"),
        ("trains = 3", "no setting trains"),
        ('command = "train other"', "expected settings of train it, got those of train other"),
    ],
)
def test_files_of_something_else_are_refused(content, message, tmp_path):
    file = tmp_path / "run.toml"
    file.write_text(content)
    with pytest.raises(ConfigError, match=message):
        parsed("--config", file)


def test_an_earlier_file_may_say_what_is_fixed_now_but_nothing_else(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text("[train]\nsteps = 7\nrounds = 3\n")
    assert parsed("--config", path, "--out", "x").train == TrainConfig(7)
    path.write_text("[train]\nsteps = 7\nrounds = 4\n")
    with pytest.raises(ConfigError, match=r"train\.rounds is fixed at 3"):
        parsed("--config", path, "--out", "x")


def test_missing_files_presets_and_values_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot read one"):
        parsed("--config", tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="expected one of quick"):
        parsed("--preset", "slow")
    with pytest.raises(ConfigError, match="expected a value after it"):
        parsed("--config")


def test_help_is_short_and_all_of_it_can_be_had(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for word in ("--help", "--help-all"):
        with pytest.raises(SystemExit) as stop:
            parsed(word)
        assert stop.value.code == 0
    short, full = capsys.readouterr().out.split("usage: monoface train it")[1:]
    assert "Train something new." in short
    assert "--out PATH               Folder of the run, over two lines (required)" in short
    assert "--train.steps N          Steps in all (default: 100)" in short
    assert "--kind low|high" in short
    assert "quick" in short
    assert "all 10 settings" in short
    assert "--train.log" not in short
    assert "--train.log" in full
    assert max(map(len, short.splitlines())) <= 80


def test_words_that_are_no_settings_are_a_usage_error():
    with pytest.raises(SystemExit) as stop:
        parsed("--out", "x", "--nothing", "1")
    assert stop.value.code == 2
