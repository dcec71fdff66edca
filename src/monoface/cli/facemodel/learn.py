"""`monoface facemodel learn --source ICT --data DIR --out FILE`: the default face model, with its card."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from monoface.cli.facemodel.making import making_face_model
from monoface.core.progress import Progress, announce, say
from monoface.data.sources import PortraitsCc0
from monoface.facemodel import FaceModel, read_ict_facekit
from monoface.modelling.albedo.albedo import AlbedoConfig, with_learned_albedo
from monoface.modelling.albedo.albedo_refinement import RefineAlbedoConfig, refine_albedo
from monoface.modelling.albedo.portraits import sample_portraits
from monoface.modelling.card import register_face_model, write_face_model
from monoface.modelling.checks import FaceModelReport, check_face_model
from monoface.modelling.closing.closure_checks import ClosureReport, check_closure
from monoface.modelling.facemodel import LearnFaceModelConfig, learn_face_model
from monoface.modelling.landmarks.calibrate import CalibrateConfig, calibrate_default_sets


@dataclass(frozen=True)
class LearnArguments:
    """Make the default face model: geometry, landmark sets and albedo; then measure it against its source.

    The model card and the hash go beside the file. Regressors fit every face model of one coefficient space:
    the same source, identity modes and expressions, whatever the mesh.
    """

    out: Path
    """The .safetensors file to write."""
    shape: tyro.conf.OmitArgPrefixes[LearnFaceModelConfig]
    """Geometry, from ICT-FaceKit."""
    landmarks: tyro.conf.OmitArgPrefixes[CalibrateConfig]
    """Landmark sets, from annotated photos."""
    portraits: Path | None = None
    """Photos that the albedo is learned from; by default `portraits_cc0` of the data."""
    albedo: AlbedoConfig = field(default_factory=AlbedoConfig)
    """Size of the albedo basis."""
    refinement: RefineAlbedoConfig = field(default_factory=RefineAlbedoConfig)
    """How the basis is refined on the portraits as they are lit."""
    overwrite: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Replace the file if it exists."""


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    chosen = tyro.cli(LearnArguments, prog="monoface facemodel learn", args=list(arguments))
    with making_face_model(chosen.out, overwrite=chosen.overwrite):
        _make(chosen)
    return 0


def _make(chosen: LearnArguments) -> None:
    chosen.out.parent.mkdir(parents=True, exist_ok=True)

    announce(Progress("making the mesh"))
    data = learn_face_model(chosen.shape).data
    say(f"geometry: {len(data.mean_mm)} vertices, {len(data.faces)} triangles")
    announce(Progress("finding landmark sets"))
    data = calibrate_default_sets(data, chosen.landmarks, say)
    announce(Progress("learning the albedo"))
    portraits = PortraitsCc0(chosen.portraits or chosen.landmarks.data / "portraits_cc0")
    samples = sample_portraits(FaceModel(data), [portraits.image(index) for index in range(len(portraits))])
    data = refine_albedo(with_learned_albedo(data, samples, chosen.albedo), samples, chosen.refinement)
    model = write_face_model(FaceModel(data), chosen.out)
    announce(Progress("measuring the face model"))
    report = check_face_model(read_ict_facekit(chosen.shape.source), model.data)
    closure = check_closure(model)
    register_face_model(chosen.out, model, report, closure)
    say_report(report)
    say_closure(closure)


def say_report(report: FaceModelReport) -> None:
    """Say how far a model is from its source."""
    expression = max(report.expression_rms_mm, key=lambda name: report.expression_rms_mm[name])
    say(f"identity: worst {report.identity_rms_mm.max():.3f} mm RMS of {len(report.identity_rms_mm)} samples")
    say(f"expression: worst {report.expression_rms_mm[expression]:.3f} mm RMS, {expression}")
    folded = ", ".join(f"{name} {count}" for name, count in report.folded.items() if count) or "none"
    say(f"folded triangles: {folded}")
    say(f"overlaps in the texture: {len(report.uv_overlaps)}; asymmetry: {report.asymmetry_mm:.4f} mm")


def say_closure(closure: ClosureReport) -> None:
    """Say how well lids and lips close."""
    gap, clearance = closure.lid_gap_mm.max(), closure.ball_clearance_mm.min()
    say(f"lids: at most {gap:.3f} mm apart in a blink, eyeballs at least {clearance:.3f} mm behind them")
    say(
        f"lips: at most {closure.lip_gap_mm.max():.3f} mm apart at rest, "
        f"{closure.closed_gap_mm.max():.3f} mm with jawOpen and mouthClose"
    )
