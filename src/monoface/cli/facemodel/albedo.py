"""`monoface facemodel albedo --data DIR --out FILE`: a face model's albedo, refined on portraits."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from monoface.cli.facemodel.making import making_face_model
from monoface.core.assets import register_asset
from monoface.core.progress import Progress, announce, say
from monoface.data.sources import PortraitsCc0
from monoface.facemodel import FaceModel, face_model_file, load_face_model_data
from monoface.modelling.albedo.albedo_refinement import RefineAlbedoConfig, held_out_errors, refine_albedo
from monoface.modelling.albedo.portraits import sample_portraits
from monoface.modelling.card import card_beside, write_face_model


@dataclass(frozen=True)
class AlbedoArguments:
    """Refine the albedo basis of a face model on portraits as they are lit; all else of the model stays.

    Prints how well portraits that were kept out are explained before and after, which its card then says too.
    """

    data: Path
    """Folder with `portraits_cc0`."""
    out: Path
    """The .safetensors file to write."""
    refinement: RefineAlbedoConfig = field(default_factory=RefineAlbedoConfig)
    """How far the basis is moved."""
    face_model: Path | None = None
    """File that `monoface facemodel learn` wrote; the shipped face model by default."""
    overwrite: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Replace the file if it exists."""


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    chosen = tyro.cli(AlbedoArguments, prog="monoface facemodel albedo", args=list(arguments))
    with making_face_model(chosen.out, overwrite=chosen.overwrite):
        _make(chosen)
    return 0


def _make(chosen: AlbedoArguments) -> None:
    source = face_model_file(chosen.face_model)
    card, data = card_beside(source), load_face_model_data(source)
    portraits = PortraitsCc0(chosen.data / "portraits_cc0")
    images = [portraits.image(index) for index in range(len(portraits))]
    samples = sample_portraits(FaceModel(data), images)
    before, after = held_out_errors(data, samples, chosen.refinement)
    say(f"portraits kept out: {before.mean():.2f} of 255 before, {after.mean():.2f} after")
    announce(Progress("refining the albedo"))

    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    write_face_model(FaceModel(refine_albedo(data, samples, chosen.refinement)), chosen.out)
    origin = {
        "command": "monoface facemodel albedo --data DATA --out OUT",
        "portraits": len(samples.colour),
        "rounds": chosen.refinement.rounds,
        "keeping": chosen.refinement.keeping,
        "kept_out_error_255": [round(float(before.mean()), 2), round(float(after.mean()), 2)],
    }
    register_asset(chosen.out, card | {"albedo": origin})
