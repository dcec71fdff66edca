"""Pre-flight checks of meshes predicted for NoW."""

from collections.abc import Callable, Iterator, Sequence

from monoface.core.errors import DataError
from monoface.evaluation.reports.definition import Finding, one_of_each
from monoface.evaluation.scans.mesh_checks import (
    check_files,
    check_neutral,
    check_on_mesh,
    check_seven_landmarks,
    check_unit,
)
from monoface.evaluation.scans.mesh_predictor import PredictedMesh
from monoface.evaluation.scans.meshes import MeshFile
from monoface.evaluation.scans.now_data import NowData, NowPhoto
from monoface.evaluation.scans.now_protocol import Unit
from monoface.geometry.surface import Surface

_EXPRESSIVE = "multiview_expressions"
_CHECKED = 20

Predict = Callable[[NowPhoto], PredictedMesh | str]
"""The mesh predicted for a photo, or why there is none."""


def check_predictions(data: NowData, predict: Predict, unit: Unit | None) -> list[Finding]:
    """Pre-flight checks of the predictions: all of the first photos, and landmarks by subject."""
    found: dict[str, tuple[NowPhoto, PredictedMesh]] = {}
    for photo in _spread(data.photos, _CHECKED):
        mesh = predict(photo)
        if not isinstance(mesh, str):
            found[photo.key] = (photo, mesh)
    findings: list[Finding] = []
    degenerate: dict[str, int] = {}
    files: list[MeshFile] = []
    for key, (photo, mesh) in found.items():
        files.append(mesh.file)
        try:
            surface = Surface(mesh.file.verts, mesh.file.faces, key)
        except DataError as error:
            findings.append(Finding("no surface", str(error)))
            continue
        degenerate[key] = surface.degenerate
        checks = check_seven_landmarks(mesh.landmarks, data.scan(photo.subject).landmarks_mm, key)
        if not checks:
            checks = check_on_mesh(mesh.landmarks, surface, key)
            checks += check_unit(mesh.landmarks, unit, key) if unit else []
        findings += checks
    usable = {key: mesh.landmarks for key, (_, mesh) in found.items() if mesh.landmarks.shape == (7, 3)}
    findings += check_neutral(
        usable,
        {key: found[key][0].subject for key in usable},
        {key: found[key][0].challenge == _EXPRESSIVE for key in usable},
    )
    return one_of_each([*findings, *check_files(files, degenerate)])


def _spread(photos: Sequence[NowPhoto], count: int) -> Iterator[NowPhoto]:
    """Photos for the checks: those of the first subjects, then one of each further subject."""
    subjects = list(dict.fromkeys(photo.subject for photo in photos))
    first = [photo for photo in photos if photo.subject == subjects[0]][:count]
    others = {photo.subject: photo for photo in photos if photo.subject != subjects[0]}
    yield from first
    yield from list(others.values())[:count]
