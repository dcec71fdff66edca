"""Help that fits two screens: the settings that one uses every day."""

import shutil
import textwrap
import types
import typing
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from monoface.cli.options.settings import Setting, description_of, settings_of

EVERYDAY = frozenset(
    (
        "train.steps", "train.minutes", "train.batch", "train.learning_rate", "train.seed", "train.device",
        "train.precision", "train.evaluate_every", "recipe.sources", "recipe.prepared", "recipe.limit",
    )
)  # fmt: skip
"""Settings of configurations within a configuration that short help shows."""
_INDENT = 27
_LONGEST_DEFAULT = 36


def short_help(config_type: type[Any], command: str, presets: Collection[str] = ()) -> str:
    """The help of a command: what it does, its own settings, and the everyday ones of those within.

    Args:
        config_type: What the command is configured by.
        command: What one types, without options.
        presets: Names of its presets.
    """
    width = min(100, shutil.get_terminal_size().columns)
    settings = settings_of(config_type)
    shown = [setting for setting in settings if "." not in setting.name or setting.name in EVERYDAY]
    required = " ".join(f"{one.option} {kind_of(one.hint)}" for one in shown if one.is_required)
    lines = textwrap.wrap(f"usage: monoface {command} {required} …", width, subsequent_indent="    ")
    lines.append("")
    lines += textwrap.wrap(description_of(config_type), width)
    lines += ["", "options:"]
    for setting in shown:
        lines += _option(f"{setting.option} {kind_of(setting.hint)}", _explained(setting), width)
    lines += ["", "all options:"]
    if presets:
        names = ", ".join(presets)
        lines += _option("--preset NAME", f"settings for a purpose ({names}); others override it", width)
    lines += _option(
        "--config FILE",
        "settings from a TOML file, as each run writes one; others override it",
        width,
    )
    lines += _option("--help-all", f"all {len(settings)} settings, with all that is said about them", width)
    return "\n".join(lines)


def _explained(setting: Setting) -> str:
    first = setting.text.split(". ")[0].rstrip(".")
    if setting.is_required:
        return f"{first} (required)"
    default = _default_text(setting.default)
    return f"{first} (default: {default})" if default else first


def _default_text(value: Any) -> str:
    """A default in a few words; nothing where there is none."""
    if value is None or value == () or value == {}:
        return ""
    if isinstance(value, Mapping):
        text = " ".join(f"{name} {number}" for name, number in value.items())
    elif isinstance(value, tuple):
        text = " ".join(map(str, value))
    else:
        text = str(value)
    return text if len(text) <= _LONGEST_DEFAULT else text[: _LONGEST_DEFAULT - 1].rstrip() + "…"


def _option(option: str, text: str, width: int) -> list[str]:
    lines = textwrap.wrap(text, width - _INDENT)
    head = f"  {option}"
    if len(head) > _INDENT - 2:
        return [head, *(" " * _INDENT + line for line in lines)]
    return [f"{head:<{_INDENT}}{lines[0] if lines else ''}", *(" " * _INDENT + line for line in lines[1:])]


def kind_of(hint: Any) -> str:
    """What is to be given for a setting of some type, in a word or two."""
    if hint is bool:
        return ""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return "|".join(map(str, arguments))
    if origin in (typing.Union, types.UnionType):
        return kind_of(next(one for one in arguments if one is not type(None)))
    if origin is tuple:
        return _repeated(arguments)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"{'DIR' if arguments[0] is Path else 'NAME'} {kind_of(arguments[1])} …"
    names = {Path: "PATH", int: "N", float: "X", str: "NAME"}
    return names.get(hint, "VALUE")


def _repeated(arguments: Sequence[Any]) -> str:
    kinds = [kind_of(one) for one in arguments if one is not Ellipsis]
    return " ".join(kinds) + (" …" if Ellipsis in arguments else "")
