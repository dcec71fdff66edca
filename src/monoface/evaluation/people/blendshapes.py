"""blendshapes: expression weights against a table of labels, and weights that calm faces should not have.

A weight that is never far from its mean costs little in any loss and says nothing. So open mouths, shut eyes
and puckered lips are asked for by name, and over many calm portraits the median of each weight is told:
where it is far from 0, it hides something that is no expression.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import tyro
from jaxtyping import Float64

from monoface.core.errors import ConfigError, DataError
from monoface.data.sources import UnlabelledPhotos
from monoface.evaluation.config import FacesConfig
from monoface.evaluation.people.blendshape_labels import Label, read_labels_table, refuse_unknown_names
from monoface.evaluation.reconstructed import ReconstructedFaces
from monoface.evaluation.reports.cases import ALL, Case, Measure, worst_cases
from monoface.evaluation.reports.cases_report import CasesReport, make_report
from monoface.evaluation.reports.definition import WORST, Definition, Galleries
from monoface.evaluation.reports.page import Gallery, picture_of
from monoface.evaluation.reports.report import refuse_existing_results, write_results
from monoface.metrics import Agreement, bootstrap_mean
from monoface.pipeline import Face, MadeWith, read_image

CALM: Final = "calm"
"""Group of the photos of calm faces."""

MEASURES: Final = (
    Measure("error", "error", ""),
    Measure("correlation", "correlation", ""),
    Measure("slope", "slope", ""),
    Measure("wanted", "wanted", ""),
    Measure("found", "found", ""),
    Measure("calm_median", "calm, median", "", 3),
)
_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True)
class EvaluateBlendshapesConfig(FacesConfig):
    """Which labels are compared, whose calm faces are looked at, and where the report goes.

    Attributes:
        table: CSV file with the columns file, name and value: a photo's path from the folder of photos, the
            name of an expression (jawOpen), and its weight; a line for each.
        out: JSON file to write; the page goes beside it, as .html.
        photos: Folder of the table's photos; that of the table by default.
        calm: Folder of photos of calm faces, as files or as images-*.tar, for the median of each weight.
        calm_photos: At most so many of them, the first ones by name.
    """

    table: Annotated[Path | None, tyro.conf.Positional] = None
    out: Path = Path("blendshapes.json")
    photos: Path | None = None
    calm: Path | None = None
    calm_photos: int = 100

    def __post_init__(self) -> None:
        if self.table is None and self.calm is None:
            raise ConfigError("blendshapes: expected a table of labels, or calm faces (--calm), or both.")
        if self.calm_photos < 1:
            raise ConfigError(f"calm_photos: expected at least 1, got {self.calm_photos}.")


@dataclass(frozen=True, eq=False)
class CalmWeights:
    """Weights found in photos of calm faces.

    Attributes:
        median: Of each expression, by name.
        photos: How many faces it is over.
        failures: Why others had none, by the photo's key.
    """

    median: Mapping[str, float]
    photos: int
    failures: Mapping[str, str]


def run(config: EvaluateBlendshapesConfig) -> CasesReport:
    """Measure weights as the configuration says; write the report and its page.

    Raises:
        OutputExistsError: If the report exists and may not be overwritten.
        DataError: If the table or photos cannot be read, or a label names no expression.
        ConfigError: If there are no such weights, or no such device.
        AssetError: If a shipped file is damaged.
        ModelFileError: If the weights are no regressor, or belong to another face model.
    """
    refuse_existing_results(config.out, overwrite=config.overwrite)
    labels = read_labels_table(config.table) if config.table is not None else []
    faces = ReconstructedFaces.of(config)
    refuse_unknown_names(labels, faces.model.expression_names)
    folder = config.photos or (config.table.parent if config.table is not None else Path())
    found = {name: faces.largest(folder / name) for name in dict.fromkeys(label.file for label in labels)}
    calm = look_at_calm(faces, config.calm, config.calm_photos) if config.calm is not None else None
    weights_of = {name: face if isinstance(face, str) else face.blendshapes for name, face in found.items()}
    report = summarise(labels, weights_of, calm, settings={"faces": faces.looks}, made_with=faces.made_with)
    write_results(report, config.out, worst_pictures(report, labels, found), overwrite=config.overwrite)
    return report


def look_at_calm(faces: ReconstructedFaces, folder: Path, count: int) -> CalmWeights:
    """Weights of the largest face of each photo of a folder.

    Raises:
        DataError: If the folder holds no photos, or none of them shows a face.
    """
    weights: list[dict[str, float]] = []
    failures = {}
    for key, photo in _photos_of(folder, count):
        face = faces.largest(photo)
        if isinstance(face, str):
            failures[key] = face
        else:
            weights.append(face.blendshapes)
    if not weights:
        raise DataError(f"{folder}: expected photos of calm faces, found none that shows a face.")
    median = {name: float(np.median([one[name] for one in weights])) for name in weights[0]}
    return CalmWeights(median, len(weights), failures)


def summarise(
    labels: Sequence[Label],
    weights_of: Mapping[str, Mapping[str, float] | str],
    calm: CalmWeights | None = None,
    *,
    settings: Mapping[str, str] | None = None,
    made_with: MadeWith | None = None,
) -> CasesReport:
    """Report on labels and what was found for them.

    Args:
        labels: Lines of the table.
        weights_of: Weights found in each photo by name, or why there is none.
        calm: What was found in calm faces.
        settings: What was chosen.
        made_with: Weights and hashes.
    """
    cases = [_case(label, weights_of[label.file]) for label in labels]
    overall = _figures(cases)
    names = dict.fromkeys(label.name for label in labels)
    figures = {name: _figures([case for case in cases if name in case.groups]) for name in names}
    known = np.array([case.errors["error"] for case in cases if "error" in case.errors])
    counts = {"labels": str(len(labels)), "photos": str(len(weights_of))}
    if calm is not None:
        largest_first = sorted(calm.median.items(), key=lambda pair: -pair[1])
        for name, median in largest_first:
            figures.setdefault(name, {})["calm_median"] = median
        overall["calm_median"] = largest_first[0][1]
        counts["calm faces"] = str(calm.photos)
        cases += [Case(key, (CALM,), {}, reason) for key, reason in calm.failures.items()]
    return make_report(
        "blendshapes, against labels",
        definition(),
        MEASURES,
        cases,
        figures={ALL: overall, **figures},
        intervals={"error": bootstrap_mean(known)} if len(known) else {},
        settings={**counts, **(settings or {})},
        made_with=made_with,
        scatters={"Found against wanted": ("wanted", "found")} if len(known) else {},
    )


def definition() -> Definition:
    """What the figures mean."""
    return Definition(
        data="photos and labels of the user's table; calm: photos of the user's folder",
        measure="error: mean absolute difference of found and wanted weights. Correlation; slope: of the "
        "regression of found on wanted ones. Wanted, found: their means. Calm, median: of each weight over "
        "the photos of calm faces; for all names together the largest",
        alignment="none; the largest face of each photo",
        normaliser="none; weights are from 0 to 1",
        means="over the labels of a name, or of all",
        failures="photos without a face are listed and left out",
        source="ours. Labels of two programs mean the same only where their scales do.",
    )


def worst_pictures(
    report: CasesReport, labels: Sequence[Label], found: Mapping[str, Face | str]
) -> Galleries:
    """The photos whose weights are farthest from their labels."""
    label_of = {f"{label.file}: {label.name}": label for label in labels}
    pictures = []
    for case in worst_cases(report.cases, MEASURES[0]):
        face = found[label_of[case.key].file]
        assert isinstance(face, Face)
        text = f"{case.key}: wanted {case.errors['wanted']:.2f}, found {case.errors['found']:.2f}"
        pictures.append(picture_of(_reduced(face.photo.image_srgb), text))
    return {WORST: Gallery(pictures)}


def _case(label: Label, found: Mapping[str, float] | str) -> Case:
    key = f"{label.file}: {label.name}"
    if isinstance(found, str):
        return Case(key, (label.name,), {}, found)
    value = found[label.name]
    errors = {"error": abs(value - label.value), "wanted": label.value, "found": value}
    return Case(key, (label.name,), errors)


def _figures(cases: Sequence[Case]) -> dict[str, float]:
    known = [case.errors for case in cases if "error" in case.errors]
    if not known:
        return {}
    values: dict[str, Float64[np.ndarray, " cases"]] = {
        name: np.array([errors[name] for errors in known]) for name in ("error", "wanted", "found")
    }
    agreement = Agreement.of(values["found"], values["wanted"], draws=1)
    means = {name: float(array.mean()) for name, array in values.items()}
    return {**means, "correlation": agreement.correlation, "slope": agreement.slope}


def _photos_of(folder: Path, count: int) -> Sequence[tuple[str, Path | np.ndarray]]:
    """Photos of a folder by key, as files or from the archives of a source."""
    if folder.is_dir() and any(folder.glob("images-*.tar")):
        source = UnlabelledPhotos(folder)
        return [(source.keys[row], source.image(row)) for row in range(min(count, len(source)))]
    inside = sorted(folder.iterdir()) if folder.is_dir() else []
    paths = [path for path in inside if path.suffix.lower() in _SUFFIXES]
    if not paths:
        raise DataError(f"{folder}: expected photos of calm faces, as files or images-*.tar, found none.")
    return [(path.name, path) for path in paths[:count]]


def _reduced(image: np.ndarray, side_px: int = 320) -> np.ndarray:
    return read_image(image, max_side_px=side_px).image_srgb
