"""`monoface facemodel close --face-model FILE --source ICT --out FILE`: lids that shut and lips that meet."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from monoface.cli.facemodel.learn import say_closure, say_report
from monoface.cli.facemodel.making import making_face_model
from monoface.core.assets import register_asset
from monoface.core.errors import ConfigError
from monoface.core.progress import Progress, announce
from monoface.facemodel import FaceModel, load_face_model_data, read_ict_facekit
from monoface.modelling.card import card_beside, face_model_card, write_face_model
from monoface.modelling.checks import check_face_model
from monoface.modelling.closing.closing import with_closing_lids_and_lips
from monoface.modelling.closing.closure_checks import check_closure


@dataclass(frozen=True)
class CloseArguments:
    """Make lids shut in a blink, and lips meet, on every identity of a face model without correctives.

    `monoface facemodel learn` does it as well; this is for models made before. Landmark sets and albedo stay,
    and so do coefficients, so weights stay valid. The card is measured anew.
    """

    source: Path
    """ICT-FaceKit, which the model is measured against: its `FaceXModel` folder or the packed npz."""
    face_model: Path
    """The model to change, with its card beside it."""
    out: Path
    """The .safetensors file to write."""
    overwrite: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Replace the file if it exists."""


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    chosen = tyro.cli(CloseArguments, prog="monoface facemodel close", args=list(arguments))
    with making_face_model(chosen.out, overwrite=chosen.overwrite):
        _make(chosen)
    return 0


def _make(chosen: CloseArguments) -> None:
    file = chosen.face_model
    card, data = card_beside(file), load_face_model_data(file)
    if data.correctives is not None:
        raise ConfigError(f"--face-model {file.name}: expected a model without correctives; its lids shut.")

    announce(Progress("closing lids and lips"))
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    model = write_face_model(FaceModel(with_closing_lids_and_lips(data)), chosen.out)
    announce(Progress("measuring the face model"))
    report, closure = check_face_model(read_ict_facekit(chosen.source), model.data), check_closure(model)
    measured: dict[str, Any] = {"metrics": face_model_card(model, report, closure)["metrics"]}
    register_asset(chosen.out, card | measured)
    say_report(report)
    say_closure(closure)
