"""Numbers by name: they replace the default, and what is no such thing is refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
import tyro

from monoface.cli.options.named_numbers import NAMED_NUMBERS


@dataclass(frozen=True)
class Weights:
    sets: Mapping[str, float] = field(default_factory=lambda: {"aflw21": 1.0})


@dataclass(frozen=True)
class Arguments:
    shares: dict[str, float] = field(default_factory=lambda: {"aflw": 0.5, "ytf": 0.5})
    method: Weights = field(default_factory=Weights)


def parsed(*words):
    with NAMED_NUMBERS:
        return tyro.cli(Arguments, args=list(words))


def test_given_numbers_replace_the_default():
    arguments = parsed("--shares", "mine", "0.75", "mine_turned", "1e-1", "--method.sets", "ibug68", "2")
    assert arguments == Arguments({"mine": 0.75, "mine_turned": 0.1}, Weights({"ibug68": 2.0}))


def test_without_any_the_default_stays():
    assert parsed() == Arguments()


def test_help_shows_the_default(capsys):
    with pytest.raises(SystemExit):
        parsed("--help")
    assert "aflw 0.5 ytf 0.5" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["mine"], ["mine", "much"], ["mine", "1", "mine", "2"]])
def test_other_words_are_refused(words, capsys):
    with pytest.raises(SystemExit):
        parsed("--shares", *words)
    assert "Error parsing --shares" in capsys.readouterr().err
