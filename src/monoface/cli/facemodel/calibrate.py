"""`monoface facemodel calibrate --data DIR --out FILE`: the landmark sets of a face model, found anew."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from monoface.cli.facemodel.making import making_face_model
from monoface.core.assets import register_asset
from monoface.core.progress import Progress, announce, say
from monoface.facemodel import FaceModel, face_model_file, load_face_model_data
from monoface.modelling.card import card_beside, write_face_model
from monoface.modelling.landmarks.calibrate import CalibrateConfig, calibrate_default_sets


@dataclass(frozen=True)
class CalibrateArguments:
    """Find the landmark sets of a face model on annotated photos; all else of the model stays.

    Its card is copied and says that the sets are new; the hash goes beside the file. Regressors that were
    trained with the model stay valid: they put out coefficients, of which the sets only read points.
    """

    out: Path
    """The .safetensors file to write."""
    landmarks: tyro.conf.OmitArgPrefixes[CalibrateConfig]
    """On which photos, and how."""
    face_model: Path | None = None
    """File that `monoface facemodel learn` wrote; the shipped face model by default."""
    overwrite: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Replace the file if it exists."""


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    chosen = tyro.cli(CalibrateArguments, prog="monoface facemodel calibrate", args=list(arguments))
    with making_face_model(chosen.out, overwrite=chosen.overwrite):
        _make(chosen)
    return 0


def _make(chosen: CalibrateArguments) -> None:
    source = face_model_file(chosen.face_model)
    card = card_beside(source)
    data = load_face_model_data(source)

    announce(Progress("finding landmark sets"))
    data = calibrate_default_sets(data, chosen.landmarks, say)
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    write_face_model(FaceModel(data), chosen.out)
    register_asset(chosen.out, card | {"landmarks": _origin(chosen.landmarks)})


def _origin(config: CalibrateConfig) -> dict[str, Any]:
    return {
        "command": "monoface facemodel calibrate --data DATA --out OUT",
        "photos": "at most so many of each source: AFLW2000-3D (200), AFLW (training part), YouTube Faces",
        "photos_of_each": config.photos,
        "rounds": config.rounds,
        "max_error_percent": config.max_error_percent,
        "weights": config.weights.name if config.weights else None,
    }
