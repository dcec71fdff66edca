"""`monoface data views --data DIR --out DIR`: several sources become packs of views to train on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import tyro

from monoface.data.recipes.view_recipe import ViewRecipeConfig, build_view_packs
from monoface.facemodel import load_default_model


@dataclass(frozen=True)
class ViewsArguments:
    """Make packs of views: samples of three pictures of one face each, labelled and with their skin.

    Packs that are in the folder already, and were made by the same recipe, are kept.

    Attributes:
        data: Folder that holds the sources.
        out: Folder for the packs.
        recipe: What they are made of.
    """

    data: Path
    out: Path
    recipe: ViewRecipeConfig = field(default_factory=ViewRecipeConfig)


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    chosen = tyro.cli(ViewsArguments, prog="monoface data views", args=list(arguments))
    build_view_packs(
        chosen.data, chosen.out, load_default_model(), chosen.recipe, lambda line: print(line, flush=True)
    )
    return 0
