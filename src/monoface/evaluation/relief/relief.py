"""relief: is what is found on skin really there? On a scan whose relief is known, and on photos.

The scan's geometry, colour map and normal map are drawn under eight lights from five sides; the normals
that are found in the pictures are compared with the true ones on the scan's own surface. On photos nobody
knows the truth, but relief must explain the photo that it was found in, and no other one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from monoface.core.arrays import in_torch
from monoface.core.errors import ConfigError
from monoface.evaluation.relief.bands import BANDS_MM, Likeness, around, band_passed
from monoface.evaluation.relief.photos import PhotoRelief, read_photos
from monoface.evaluation.relief.scan_relief import LAMPS, PICTURE_PX, ReliefScan, SeenRelief
from monoface.evaluation.reports.cases import ALL, Case, Measure, figures_of
from monoface.evaluation.reports.cases_report import CasesReport, make_report
from monoface.evaluation.reports.definition import Definition, Galleries
from monoface.evaluation.reports.page import Gallery, picture_of
from monoface.evaluation.reports.report import refuse_existing_results, write_results
from monoface.evaluation.scans.scan_data import MM_PER_UNIT, landmarks_of
from monoface.evaluation.scans.scan_photos import middle_of_face
from monoface.metrics import bootstrap_mean
from monoface.pipeline import Face, Reconstructor, ReconstructorConfig
from monoface.pipeline.detailing import RELIEF
from monoface.raster import interpolate, rasterize, texture
from monoface.render import project
from monoface.render.texture_surface import TextureSurface

_OF_BAND: Final = (
    ("correlation", "correlation of slopes", ""),
    ("amplitude", "amplitude, of the true one", ""),
)
SCAN_MEASURES: Final = (
    *(
        Measure(f"{name}_{band}", f"{text}, {low:g} to {high:g} mm", unit)
        for name, text, unit in _OF_BAND
        for band, (low, high) in BANDS_MM.items()
    ),
    Measure("normal_gain_percent", "normals nearer than the coarse mesh's", "%", 1),
)
PHOTO_MEASURES: Final = (
    Measure("explained_percent", "of the photo's light, explained", "%", 1),
    Measure("by_shading_percent", "the same by shading alone", "%", 1),
    Measure("by_another_percent", "explained by another person's relief", "%", 1),
    Measure("height_mm", "mean height", "mm", 4),
)
PHOTOS: Final = "photos"
_LEAST_WEIGHT = 0.3


@dataclass(frozen=True)
class EvaluateReliefConfig:
    """Which scan and photos, and where the report goes.

    Attributes:
        data: Folder of the scan: one .glb file, its colour map color.jpg and its normal map normal.jpg.
        out: JSON file to write; the page goes beside it, as .html.
        photos: Folder of photos to measure, too.
        detail: Fine stage: `relief`, the name of shipped weights, or the path of a safetensors file.
        size: Side of the maps in texels; by default by what a picture holds.
        yaws_deg: Turns of the scan; positive ones turn the nose to image left.
        lamps: How many of the eight lights.
        mm_per_unit: Millimetres a unit of the scan's file.
        overwrite: Replace the report if it exists.
    """

    data: Path
    out: Path
    photos: Path | None = None
    detail: str = RELIEF
    size: int | None = 1024
    yaws_deg: tuple[float, ...] = (0.0, 20.0, -20.0, 40.0, -40.0)
    lamps: int = len(LAMPS)
    mm_per_unit: float = MM_PER_UNIT
    overwrite: bool = False

    def __post_init__(self) -> None:
        if not self.yaws_deg or not 1 <= self.lamps <= len(LAMPS) or self.mm_per_unit <= 0:
            raise ConfigError(
                f"relief: expected yaws, 1 to {len(LAMPS)} lamps and positive millimetres a unit, got "
                f"{len(self.yaws_deg)}, {self.lamps} and {self.mm_per_unit:g}."
            )


def run(config: EvaluateReliefConfig) -> CasesReport:
    """Measure relief as the configuration says; write the report and its page.

    Raises:
        OutputExistsError: If the report exists and may not be overwritten.
        DataError: If the scan or a photo cannot be read.
        ConfigError: If there are no such weights.
        ModelFileError: If they cannot be read.
    """
    refuse_existing_results(config.out, overwrite=config.overwrite)
    scan = ReliefScan.read(config.data, config.mm_per_unit)
    tools = Reconstructor(ReconstructorConfig(max_faces=1, detail=config.detail, detail_size=config.size))
    middle_mm = middle_of_face(landmarks_of(scan.scan, config.mm_per_unit))
    cases, shown = [], []
    for yaw_deg in config.yaws_deg:
        pose = scan.posed(yaw_deg, middle_mm)
        lamps, seen = LAMPS[: config.lamps], scan.seen(pose)
        for lamp, picture in zip(lamps, scan.pictures(pose, lamps), strict=True):
            result = tools.reconstruct(picture)
            errors = score(result.all_faces[0], seen, scan.texel_mm) if result.all_faces else {}
            groups = (f"{abs(yaw_deg):g} degrees", lamp.name)
            failure = "" if errors else result.reason or "next to no skin is seen"
            cases.append(Case(f"yaw{yaw_deg:+03.0f}-{lamp.name}", groups, errors, failure, yaw_deg))
            if yaw_deg == config.yaws_deg[0]:
                shown.append(picture_of(picture, lamp.name))
    photos = [] if config.photos is None else photo_cases(read_photos(config.photos, tools))
    report = summarise(cases, photos, config)
    credit = "Scan: Lee Perry-Smith, Infinite-Realities, CC BY 3.0."
    galleries: Galleries = {"Lights": Gallery(shown, credit)}
    write_results(report, config.out, galleries, overwrite=config.overwrite)
    return report


@torch.no_grad()
def score(face: Face, seen: SeenRelief, texel_mm: Float[Tensor, "size size"]) -> dict[str, float]:
    """Figures of a face found in a picture of the scan, by the name of the measure."""
    maps = _sampled(_found_normals(face), seen.pixels)
    chosen = seen.seen & (maps[6] > _LEAST_WEIGHT)
    if not chosen.any():
        return {}
    window = around(chosen)
    maps, chosen = maps[(slice(None), *window)], chosen[window]
    true = seen.normals[window].movedim(-1, 0)
    weight, side_mm = chosen.float(), float(texel_mm[window][chosen].median())
    figures, errors = {}, np.zeros(2)
    for band, wavelengths_mm in BANDS_MM.items():
        fine, coarse, truth = (
            band_passed(normals, weight, wavelengths_mm, side_mm) for normals in (maps[:3], maps[3:6], true)
        )
        # The coarse mesh has slopes of its own: what it knows is no merit of the relief.
        likeness = Likeness.of(fine - coarse, truth - coarse, chosen)
        figures[f"correlation_{band}"] = likeness.correlation
        figures[f"amplitude_{band}"] = likeness.amplitude
        errors += likeness.error, Likeness.of(coarse, truth, chosen).error
    return {**figures, "normal_gain_percent": float(100 * (1 - errors[0] / errors[1]))}


def _found_normals(face: Face) -> Float[Tensor, "7 side side"]:
    """Normals with relief, those without it, in the camera frame, and the weight, at a picture's pixels."""
    detail, detailer, skin = face.detail, face.skin.assets.detailer, face.skin
    assert detail is not None
    assert detailer is not None
    detailer = detailer.at(detail.size)
    displacer, mesh = detailer.displacer, skin.placed_mesh
    verts = torch.from_numpy(mesh.verts_camera)[None]
    model = displacer.model
    surface = TextureSurface.from_vertices(verts, displacer.layout, model.uv, model.weld)
    fine = displacer.normals(torch.from_numpy(detail.height_mm)[None], surface)[0]
    weight = detailer.evidence(mesh, skin.fitted_appearance, skin.parsed.trust()).weight[0]
    maps = torch.cat((fine, surface.normals[0], weight[..., None]), dim=-1).movedim(-1, 0)
    verts_px = project(in_torch(face.posed.camera), verts)
    shown = rasterize(verts_px, model.faces, (PICTURE_PX, PICTURE_PX))
    at_pixels = texture(maps[None], interpolate(model.uv[None], model.faces, shown))[0]
    return (at_pixels * shown.mask[0][..., None]).movedim(-1, 0)


def _sampled(
    image: Float[Tensor, "channels side side"], pixels: Float[Tensor, "size size 2"]
) -> Float[Tensor, "channels size size"]:
    grid = 2 * pixels / image.shape[-1] - 1
    return torch.nn.functional.grid_sample(image[None], grid[None], align_corners=False)[0]


def photo_cases(photos: Sequence[PhotoRelief]) -> list[Case]:
    """A case for each photo; relief of the photo before it is the other person's."""
    cases = []
    for index, photo in enumerate(photos):
        errors = {} if photo.failure else photo.figures(photos[index - 1])
        cases.append(Case(photo.key, (PHOTOS,), errors, photo.failure))
    return cases


def summarise(cases: Sequence[Case], photos: Sequence[Case], config: EvaluateReliefConfig) -> CasesReport:
    """Report on pictures of the scan, all and by how they were taken, and on photos."""
    order = list(dict.fromkeys(case.groups[place] for place in range(2) for case in cases))
    figures = figures_of(cases, SCAN_MEASURES, order)
    intervals = _intervals(cases, SCAN_MEASURES)
    measures = SCAN_MEASURES
    if photos:
        measures = (*SCAN_MEASURES, *PHOTO_MEASURES)
        of_photos = figures_of(photos, PHOTO_MEASURES, [PHOTOS])[ALL]
        figures = {**figures, ALL: {**figures[ALL], **of_photos}}
        intervals |= _intervals(photos, PHOTO_MEASURES)
    report = make_report(
        "relief, on a scan and on photos",
        definition(),
        measures,
        [*cases, *photos],
        figures=figures,
        settings={
            "fine stage": Path(config.detail).name,
            "texture": "by the picture" if config.size is None else f"{config.size} texels",
            "photos": str(len(photos)),
        },
    )
    return replace(report, intervals_95=intervals)


def _intervals(cases: Sequence[Case], measures: Sequence[Measure]) -> dict:
    known = [case.errors for case in cases if case.errors]
    return {one.name: bootstrap_mean(np.array([errors[one.name] for errors in known])) for one in measures}


def definition() -> Definition:
    """What the figures mean."""
    return Definition(
        data="the Lee Perry-Smith head scan (Infinite-Realities, CC BY 3.0), drawn by us with its colour map "
        "and its normal map, whose texels are about 0.7 mm on the face: of waves below 1.4 mm it knows "
        "little; and the photos given",
        measure="normals as maps over the scan's texture, less their slow changes, by wavelength. "
        "Correlation and amplitude of what was found beyond the coarse mesh, against what is true beyond it; "
        "nearer: by how much the mean difference from the truth, over the three bands, is less than the "
        "coarse mesh's. Photos: squared correlation, where positive, of the logarithm of the photo's light "
        "with that of the relief under the fitted light (its shading, and its dark valleys), of waves of 2.8 "
        "to 12 mm on bare skin; the same of another photo's relief",
        alignment="none: found normals are compared with those that the same pixel shows",
        normaliser="none",
        means="mean over pictures, and over photos",
        failures="pictures without a face are listed and left out",
        source="ours. The scan is one young man with little relief, whose colour map has most of what one "
        "sees: even the true relief's shading has a correlation of 0.1 to 0.6 with the picture.",
    )
