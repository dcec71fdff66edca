"""scan: photos rendered from a real head scan, whose shape is known: how near are the shapes found in them?

One head is no sample of people. But it is no head of a face model either, and its photos are seen from
several sides and distances, so that a shape can be told from one that only suits a picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from monoface.core.errors import ConfigError, DataError
from monoface.evaluation.config import FacesConfig
from monoface.evaluation.reconstructed import ReconstructedFaces
from monoface.evaluation.reports.cases import ALL, Case, Measure, figures_of
from monoface.evaluation.reports.cases_report import CasesReport, make_report
from monoface.evaluation.reports.definition import Definition, Galleries
from monoface.evaluation.reports.page import Gallery, heat_map, picture_of
from monoface.evaluation.reports.report import installed_versions, refuse_existing_results, write_results
from monoface.evaluation.scans.mesh_predictor import LANDMARK_SET, SEVEN, seen_faces
from monoface.evaluation.scans.now_protocol import NowScan, score_scan
from monoface.evaluation.scans.scan_data import MM_PER_UNIT, HeadScan, landmarks_of
from monoface.evaluation.scans.scan_fit import fit_to_scan
from monoface.evaluation.scans.scan_photos import LIGHTS, ScanView, middle_of_face, outer_surface, take_photo
from monoface.facemodel import FaceModel
from monoface.geometry.icp import IcpConfig
from monoface.geometry.surface import Surface
from monoface.metrics import DistanceSummary, bootstrap_mean
from monoface.pipeline import MadeWith

MEASURES: Final = (
    Measure("median_mm", "median", "mm", 3),
    Measure("mean_mm", "mean", "mm", 3),
    Measure("std_mm", "std", "mm", 3),
)
MEAN_FACE: Final = "mean face"
FITTED: Final = "fitted to the scan"
_HEAT_LIMIT_MM = 5.0


@dataclass(frozen=True)
class EvaluateScanConfig(FacesConfig):
    """Which scan, how it is photographed, and where the report goes.

    Attributes:
        data: Folder of the scan: one .glb file and its colour map color.jpg.
        out: JSON file to write; the page goes beside it, as .html.
        yaws_deg: Turns of the head; positive ones turn the nose to image left.
        distances_mm: From the camera to the face.
        lights: In which light: even, or with a lamp.
        mm_per_unit: Millimetres a unit of the scan's file.
    """

    data: Path
    out: Path
    yaws_deg: tuple[float, ...] = (0.0, 20.0, -20.0, 40.0, -40.0)
    distances_mm: tuple[float, ...] = (500.0, 1500.0)
    lights: tuple[Literal["even", "lamp"], ...] = LIGHTS
    mm_per_unit: float = MM_PER_UNIT

    def __post_init__(self) -> None:
        if not self.views:
            raise ConfigError("scan: expected yaws, distances and lights, got none of one of them.")
        if min(self.distances_mm) < 250 or self.mm_per_unit <= 0:
            raise ConfigError(
                f"scan: expected distances of at least 250 mm and positive millimetres a unit, got "
                f"{min(self.distances_mm):g} and {self.mm_per_unit:g}."
            )

    @property
    def views(self) -> list[ScanView]:
        """All photos that are taken."""
        return [
            ScanView(yaw_deg, distance_mm, light)
            for yaw_deg in self.yaws_deg
            for distance_mm in self.distances_mm
            for light in self.lights
        ]


@dataclass(frozen=True, eq=False)
class RatedShape:
    """Distances between a scan and a neutral shape.

    Attributes:
        errors: By the name of the measure; empty if an alignment failed.
        distances_mm: Of each vertex of the cropped scan to the shape.
        failure: Why there are none; empty if there are.
    """

    errors: dict[str, float]
    distances_mm: Float64[np.ndarray, " verts"]
    failure: str = ""


@dataclass(frozen=True, eq=False)
class RatedPhoto:
    """A photo of the scan, and the shape found in it."""

    view: ScanView
    picture: np.ndarray
    rated: RatedShape


class ShapeRater:
    """Measures neutral shapes of a face model against a scan.

    Args:
        scan: The head.
        landmarks_mm: Its seven landmarks.
        model: Whose shapes are measured.
    """

    def __init__(self, scan: HeadScan, landmarks_mm: Float64[np.ndarray, "7 3"], model: FaceModel) -> None:
        outside = outer_surface(scan)
        self.cropped = NowScan.cropped(outside.verts_mm, outside.faces, landmarks_mm)
        self.surface = Surface(outside.verts_mm, outside.faces, scan.name)
        self._model = model
        self._seen = seen_faces(model)

    @torch.no_grad()
    def rate(self, identity: Float64[np.ndarray, " identity"]) -> RatedShape:
        """Distances of the scan to the neutral shape of an identity."""
        coefficients = torch.from_numpy(identity).float()[None]
        verts: Tensor = self._model.shape(coefficients, torch.zeros(1, self._model.expression_size))
        seven = self._model.landmarks(LANDMARK_SET).points(verts)[0].double().numpy()[list(SEVEN)]
        verts_mm = verts[0].double().numpy()
        score = score_scan(self.cropped, Surface(verts_mm, self._seen), seven)
        if score.alignment.failure:
            return RatedShape({}, np.zeros(0), score.alignment.failure)
        summary = DistanceSummary.of(score.distances_mm)
        errors = {
            "median_mm": summary.median,
            "mean_mm": summary.mean,
            "std_mm": summary.std,
        }
        return RatedShape(errors, score.distances_mm)


def run(config: EvaluateScanConfig) -> CasesReport:
    """Measure weights as the configuration says; write the report and its page.

    Raises:
        OutputExistsError: If the report exists and may not be overwritten.
        DataError: If the scan cannot be read, or shows no face.
        ConfigError: If there are no such weights, no such device, or libigl is not installed.
        AssetError: If a shipped file is damaged.
        ModelFileError: If the weights are no regressor, or belong to another face model.
    """
    refuse_existing_results(config.out, overwrite=config.overwrite)
    scan = HeadScan.read(config.data, config.mm_per_unit)
    landmarks_mm = landmarks_of(scan, config.mm_per_unit)
    faces = ReconstructedFaces.of(config)
    rater = ShapeRater(scan, landmarks_mm, faces.model)
    middle_mm = middle_of_face(landmarks_mm)
    photos = []
    for view in config.views:
        picture = take_photo(scan, view, middle_mm)
        photos.append(RatedPhoto(view, picture, rate_photo(faces, rater, picture)))
    references = {
        MEAN_FACE: rater.rate(np.zeros(faces.model.identity_size)),
        FITTED: rater.rate(fit_to_scan(faces.model, rater.surface, landmarks_mm)),
    }
    settings = {"scan": scan.name, "millimetres a unit": f"{config.mm_per_unit:g}", "faces": faces.looks}
    report = summarise(photos, references, settings=settings, made_with=faces.made_with)
    galleries = pictures(photos, references, rater)
    write_results(report, config.out, galleries, overwrite=config.overwrite)
    return report


def rate_photo(faces: ReconstructedFaces, rater: ShapeRater, picture: np.ndarray) -> RatedShape:
    """Distances of the neutral shape of the largest face in a photo."""
    face = faces.largest(picture)
    if isinstance(face, str):
        return RatedShape({}, np.zeros(0), face)
    return rater.rate(face.posed.coefficients.identity[0].astype(np.float64))


def summarise(
    photos: Sequence[RatedPhoto],
    references: dict[str, RatedShape],
    *,
    settings: dict[str, str] | None = None,
    made_with: MadeWith | None = None,
) -> CasesReport:
    """Report on rated photos, all of them and by how they were taken; and on shapes beside them.

    Raises:
        DataError: If a shape beside them could not be aligned.
    """
    for name, rated in references.items():
        if rated.failure:
            raise DataError(f"{name}: expected it to lie on the scan, got: {rated.failure}.")
    cases = [
        Case(
            one.view.key,
            (f"{abs(one.view.yaw_deg):g} degrees", f"{one.view.distance_mm:g} mm away", one.view.light),
            one.rated.errors,
            one.rated.failure,
            one.view.yaw_deg,
        )
        for one in photos
    ]
    order = list(dict.fromkeys(case.groups[place] for place in range(3) for case in cases))
    means = figures_of(cases, MEASURES, order)
    beside = {name: rated.errors for name, rated in references.items()}
    known = [case.errors for case in cases if case.errors]
    return make_report(
        "scan, photos rendered from a head scan",
        definition(),
        MEASURES,
        cases,
        figures={ALL: means[ALL], **beside, **{name: means[name] for name in order}},
        intervals={
            measure.name: bootstrap_mean(np.array([errors[measure.name] for errors in known]))
            for measure in MEASURES
        },
        settings=settings,
        made_with=made_with,
        versions=installed_versions("libigl"),
    )


def definition() -> Definition:
    """What the figures mean."""
    return Definition(
        data="the Lee Perry-Smith head scan (Infinite-Realities, CC BY 3.0), or the user's, with its colour "
        "map: neutral, eyes shut; drawn by our renderer from several sides and distances, in even light and "
        "under a lamp",
        measure="distance of each vertex of the scan, within NoW's sphere round the face, to the closest "
        "point of the neutral mesh found in a photo: median, mean, standard deviation. Only what is seen "
        "from outside counts, not the inside of the mouth",
        alignment="similarity transform by seven landmarks (marked by hand on the Lee Perry-Smith scan; on "
        "others where the face-mesh network sees them from the front), then least squares of the distances; "
        f"{IcpConfig().failure_rule}",
        normaliser="none; millimetres of the scan",
        means="mean over the photos of each photo's figure. Mean face: what the mean face scores. Fitted: "
        "the face model fitted to the scan itself",
        failures="photos without a face, or whose alignment failed, are listed and left out",
        source="ours, after NoW (Sanyal et al., CVPR 2019). Intervals are over photos of one person: they "
        "say nothing of other people.",
    )


def pictures(photos: Sequence[RatedPhoto], references: dict[str, RatedShape], rater: ShapeRater) -> Galleries:
    """The photos, and where on the scan the distances are."""
    shown = [
        picture_of(
            one.picture,
            f"{one.view.key}: " + (one.rated.failure or f"median {one.rated.errors['median_mm']:.2f} mm"),
        )
        for one in photos
    ]
    known = [one.rated.distances_mm for one in photos if not one.rated.failure]
    maps = {name: rated.distances_mm for name, rated in references.items()}
    if known:
        maps = {"mean over the photos": np.mean(known, axis=0), **maps}
    drawn = [
        picture_of(heat_map(rater.cropped.verts_mm, rater.cropped.faces, distances, _HEAT_LIMIT_MM), name)
        for name, distances in maps.items()
    ]
    caption = f"Distances on the scan, 0 (dark) to {_HEAT_LIMIT_MM:g} mm and more (red)."
    credit = "Scan: Lee Perry-Smith, Infinite-Realities, CC BY 3.0."
    return {"Where the distances are": Gallery(drawn, caption), "Photos": Gallery(shown, credit)}
