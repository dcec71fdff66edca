"""The settings of a configuration: every field of a dataclass and of those within it, by dotted name."""

import dataclasses
import inspect
import re
import typing
from collections.abc import Iterator
from dataclasses import MISSING, dataclass
from typing import Any

from monoface.core.fixed_settings import fixed_settings, whole_config


@dataclass(frozen=True)
class Setting:
    """A field that holds a value, not a further configuration.

    Attributes:
        name: Names of the fields that lead to it, with dots between them, such as `train.learning_rate`.
        hint: Its type.
        default: Its value if none is given; `dataclasses.MISSING` if one must be.
        text: What its class says about it.
    """

    name: str
    hint: Any
    default: Any
    text: str

    @property
    def option(self) -> str:
        """As it is given on the command line."""
        return "--" + self.name.replace("_", "-")

    @property
    def is_required(self) -> bool:
        """Whether it must be given."""
        return self.default is MISSING


def settings_of(config_type: type[Any]) -> list[Setting]:
    """All settings of a configuration, in the order of its fields."""
    return list(_settings(config_type, MISSING, ""))


def fixed_of(config_type: type[Any], prefix: str = "") -> dict[str, Any]:
    """Values that nothing varies any more, by the names that they had as settings."""
    fixed = {
        f"{prefix}{name}": whole_config(value) if dataclasses.is_dataclass(value) else value
        for name, value in fixed_settings(config_type).items()
    }
    hints = typing.get_type_hints(config_type)
    for field in dataclasses.fields(config_type):
        if dataclasses.is_dataclass(hints[field.name]):
            fixed |= fixed_of(hints[field.name], f"{prefix}{field.name}.")
    return fixed


def _settings(config_type: type[Any], default: Any, prefix: str) -> Iterator[Setting]:
    hints, texts = typing.get_type_hints(config_type), field_texts(config_type)
    for field in dataclasses.fields(config_type):
        if not field.init:
            continue
        value = _default(field) if default is MISSING else getattr(default, field.name)
        hint = hints[field.name]
        if dataclasses.is_dataclass(hint):
            assert isinstance(hint, type)
            yield from _settings(hint, value, f"{prefix}{field.name}.")
        else:
            yield Setting(prefix + field.name, hint, value, texts.get(field.name, ""))


def _default(field: "dataclasses.Field[Any]") -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def field_texts(config_type: type[Any]) -> dict[str, str]:
    """What the docstrings of a dataclass and of its bases say in their `Attributes:` sections."""
    texts: dict[str, str] = {}
    for base in reversed(config_type.__mro__):
        section = inspect.cleandoc(base.__doc__ or "").partition("\nAttributes:\n")[2]
        for name, text in re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", section, re.MULTILINE):
            texts[name] = " ".join(text.split())
    return texts


def description_of(config_type: type[Any]) -> str:
    """What the docstring of a dataclass says before its first section."""
    return re.split(r"\n\n\w+:\n", inspect.cleandoc(config_type.__doc__ or ""))[0]
