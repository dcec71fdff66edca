"""Settings that became constants, and the recipes that still hold them."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import ClassVar

import pytest

from monoface.core.fixed_settings import fixed_settings, whole_config
from monoface.data.people.config import PeopleConfig
from monoface.data.preparing.prepare_config import PrepareConfig
from monoface.data.recipes.photo_recipe import RecipeConfig
from monoface.data.recipes.view_recipe import ViewRecipeConfig


@dataclass(frozen=True)
class Fit:
    steps: int = 3


@dataclass(frozen=True)
class Labels:
    min_score: float = 0.5
    min_annotated: ClassVar[int] = 7
    fit: ClassVar[Fit] = Fit(9)
    METHOD: ClassVar[str] = "no setting"


@dataclass(frozen=True)
class Recipe(Labels):
    labels: Labels = field(default_factory=Labels)
    limits: tuple[float, float] = (1.0, 2.0)
    seed: ClassVar = 4


def test_what_is_fixed_is_no_argument_and_part_of_the_whole():
    assert fixed_settings(Recipe) == {"min_annotated": 7, "fit": Fit(9), "seed": 4}
    labels = {"min_score": 0.5, "min_annotated": 7, "fit": {"steps": 9}}
    assert whole_config(Recipe()) == {**labels, "labels": labels, "limits": [1.0, 2.0], "seed": 4}
    with pytest.raises(TypeError):
        Recipe(min_annotated=3)


def test_without_fixed_settings_the_whole_is_all_fields():
    config = Fit(5)
    assert whole_config(config) == asdict(config)


@pytest.mark.parametrize(
    ("config", "digest"),
    [
        (PrepareConfig, "257053234ede365e"),
        (PeopleConfig, "3f3d6785aa08bd8b"),
        (RecipeConfig, "d27019818e3a5653"),
        (ViewRecipeConfig, "6f59734298dfae7b"),
    ],
)
def test_recipes_of_packs_are_those_of_when_all_was_a_field(config, digest):
    """Made of `dataclasses.asdict` before some fields became constants: packs from then still load."""
    content = json.dumps(whole_config(config()), sort_keys=True, default=str)
    assert hashlib.sha256(content.encode()).hexdigest()[:16] == digest
