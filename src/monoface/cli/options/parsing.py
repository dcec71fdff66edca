"""From the words of a command line to a configuration: a preset, then a file, then what is typed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import tyro

from monoface.cli.options.config_file import read_config, words_of
from monoface.cli.options.named_numbers import NAMED_NUMBERS
from monoface.cli.options.settings import fixed_of, settings_of
from monoface.cli.options.short_help import short_help
from monoface.core.errors import ConfigError

Config = TypeVar("Config")
Preset = Mapping[str, Any]
"""Values by the names of their settings; those that a command does not have are left out."""


def parse_config(
    config_type: type[Config],
    command: str,
    arguments: Sequence[str],
    presets: Mapping[str, Preset] | None = None,
) -> Config:
    """Read the configuration of a command; `--help` and `--help-all` print help and exit.

    Args:
        config_type: A dataclass.
        command: What one types after `monoface`, such as `train pretrain`.
        arguments: The words after that.
        presets: By name.

    Raises:
        ConfigError: If a file cannot be read or there is no such preset.
        SystemExit: After help, and with code 2 if words are no settings.
    """
    presets = presets or {}
    words = list(arguments)
    if "--help-all" in words:
        words = ["--help"]
    elif "--help" in words or "-h" in words:
        print(short_help(config_type, command, presets))
        raise SystemExit(0)
    settings = settings_of(config_type)
    preset = _taken(words, "--preset")
    file = _taken(words, "--config")
    values: dict[str, Any] = {}
    if preset is not None:
        if preset not in presets:
            raise ConfigError(f"--preset {preset}: expected one of {', '.join(presets) or 'none'}.")
        known = {setting.name for setting in settings}
        values |= {name: value for name, value in presets[preset].items() if name in known}
    if file is not None:
        values |= read_config(Path(file), command, settings, fixed_of(config_type))
    with NAMED_NUMBERS:
        return tyro.cli(config_type, prog=f"monoface {command}", args=[*words_of(values, settings), *words])


def _taken(words: list[str], option: str) -> str | None:
    """Remove an option from words; returns its value, the last if there are several."""
    value = None
    for number in reversed(range(len(words))):
        word = words[number]
        if word == option:
            if number + 1 == len(words):
                raise ConfigError(f"{option}: expected a value after it, got none.")
            taken = words[number + 1]
            del words[number : number + 2]
        elif word.startswith(f"{option}="):
            taken = word.partition("=")[2]
            del words[number]
        else:
            continue
        value = taken if value is None else value
    return value
