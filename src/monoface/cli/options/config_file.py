"""Configurations as TOML files: one that a run writes reproduces it."""

import dataclasses
import difflib
import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monoface.cli.options.settings import Setting
from monoface.core.errors import ConfigError

# Which command a file is for.
_COMMAND = "command"


def config_toml(config: Any, command: str) -> str:
    """A configuration as TOML, complete: defaults may change with the version.

    Values are written as on the command line, where `None` stands for nothing; paths that exist are absolute.

    Args:
        config: A dataclass.
        command: Which command it is for, such as `train pretrain`.
    """
    lines = [
        f"# Settings of `monoface {command}`. To run it again: monoface {command} --config THIS_FILE",
        f"{_COMMAND} = {json.dumps(command)}",
    ]
    _write_table(lines, "", {field.name: getattr(config, field.name) for field in dataclasses.fields(config)})
    return "\n".join(lines) + "\n"


def _write_table(lines: list[str], name: str, table: Mapping[str, Any]) -> None:
    if name:
        lines += ["", f"[{name}]"]
    inner: dict[str, Mapping[str, Any]] = {}
    for key, value in table.items():
        if dataclasses.is_dataclass(value):
            inner[key] = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        elif isinstance(value, Mapping):
            inner[key] = {str(one): number for one, number in value.items()}
        else:
            lines.append(f"{_toml_key(key)} = {_toml_value(value)}")
    for key, sub in inner.items():
        _write_table(lines, f"{name}.{_toml_key(key)}" if name else _toml_key(key), sub)


def _toml_key(key: str) -> str:
    bare = key.isascii() and key.replace("_", "a").replace("-", "a").isalnum()
    return key if bare else _toml_string(key)


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Path):
        return _toml_string(str(value.resolve() if value.exists() else value))
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml_value, value))}]"
    return _toml_string(str(value))


def _toml_string(text: str) -> str:
    # JSON's escapes are TOML's, but for one character that JSON leaves as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def read_config(
    path: Path, command: str, settings: Sequence[Setting], fixed: Mapping[str, Any]
) -> dict[str, Any]:
    """Values of a file, by the names of their settings.

    Args:
        path: The file.
        command: The command that it is for; a file may leave out which one it is.
        settings: What the command has.
        fixed: What it had, and what became fixed: an earlier file may say the same value.

    Raises:
        ConfigError: If there is no such file, it is no TOML, or it is of another command, names a setting
            that the command does not have, or has another value for a fixed one.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"--config {path}: expected a file, cannot read one ({error.strerror}).") from error
    except ValueError as error:
        raise ConfigError(f"--config {path}: expected TOML, got something else ({error}).") from error
    written_for = content.pop(_COMMAND, command)
    if written_for != command:
        raise ConfigError(f"--config {path}: expected settings of {command}, got those of {written_for}.")
    values: dict[str, Any] = {}
    _flatten(content, "", {setting.name for setting in settings} | fixed.keys(), values, path)
    for name in values.keys() & fixed.keys():
        if values.pop(name) != fixed[name]:
            raise ConfigError(f"--config {path}: {name} is fixed at {fixed[name]}. Leave it out.")
    return values


def _flatten(
    table: Mapping[str, Any], prefix: str, names: set[str], values: dict[str, Any], path: Path
) -> None:
    for key, value in table.items():
        name = f"{prefix}{key.replace('-', '_')}" if prefix or "-" in key else key
        if name in names:
            values[name] = value
        elif isinstance(value, Mapping) and any(one.startswith(f"{name}.") for one in names):
            _flatten(value, f"{name}.", names, values, path)
        else:
            near = difflib.get_close_matches(name, names, 3)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            raise ConfigError(f"--config {path}: there is no setting {name}.{hint} See --help-all.")


def words_of(values: Mapping[str, Any], settings: Sequence[Setting]) -> list[str]:
    """Values by name as words of a command line."""
    words: list[str] = []
    for setting in settings:
        if setting.name not in values:
            continue
        value = values[setting.name]
        if isinstance(value, bool):
            # Flags whose default is theirs may have no word for it.
            words += [] if value == setting.default else [_flag(setting.option, value)]
        else:
            words += [setting.option, *_words(value)]
    return words


def _flag(option: str, value: bool) -> str:
    outer, dot, last = option.removeprefix("--").rpartition(".")
    return f"--{outer}{dot}{'' if value else 'no-'}{last}"


def _words(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [word for key, one in value.items() for word in (str(key), *_words(one))]
    if isinstance(value, list | tuple):
        return [word for one in value for word in _words(one)]
    return [str(value)]
