"""`monoface data views --data DIR --out DIR`: several sources become packs of views to train on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from monoface.cli.console.live import showing_progress
from monoface.cli.console.progress import make_folder
from monoface.cli.options.parsing import parse_config
from monoface.core.progress import say
from monoface.data.recipes.view_recipe import ViewRecipeConfig, build_view_packs
from monoface.facemodel import open_face_model


@dataclass(frozen=True)
class ViewsArguments:
    """Make packs of views: samples of three pictures of one face each, labelled and with their skin.

    Packs that are in the folder already, and were made by the same recipe, are kept.

    Attributes:
        data: Folder that holds the sources.
        out: Folder for the packs.
        recipe: What they are made of.
        face_model: File that `monoface facemodel learn` wrote; the shipped face model by default.
    """

    data: Path
    out: Path
    recipe: ViewRecipeConfig = field(default_factory=ViewRecipeConfig)
    face_model: Path | None = None


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    chosen = parse_config(ViewsArguments, "data views", arguments)
    make_folder(chosen.out)
    with showing_progress("preparing to make packs of views"):
        build_view_packs(chosen.data, chosen.out, open_face_model(chosen.face_model), chosen.recipe, say)
    return 0
