"""detail: wrinkles against the truth, on synthetic heads with known relief and paint, under several lights.

With a folder of photos it also tells what relief is worth there: whether the face explains its photo better,
how high the relief is, and whether the displaced mesh is still a surface.

It asks what photos cannot answer: whether relief is found where it is, is the same under every light, and
is not made of moles, stubble and painted lines. The wrinkles are of another family than those that networks
learn from (`data.wrinkles`), and from another seed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from pathlib import Path
from typing import Final, Literal

import numpy as np
from jaxtyping import UInt8

from monoface.core.errors import ConfigError
from monoface.data.sources import Omi, PortraitsCc0, UnlabelledPhotos
from monoface.data.synthetic.wrinkle_curves import Family
from monoface.data.synthetic.wrinkle_maps import WrinkleConfig
from monoface.data.synthetic.wrinkled_heads import WrinkledHead, WrinkledHeadPainter, WrinkledHeadsConfig
from monoface.evaluation.reports.cases import ALL, Case, Measure
from monoface.evaluation.reports.cases_report import CasesReport, make_report
from monoface.evaluation.reports.definition import Definition, Galleries
from monoface.evaluation.reports.page import Gallery, picture_of
from monoface.evaluation.reports.report import refuse_existing_results, write_results
from monoface.evaluation.synthetic.detail_photos import PhotoScorer
from monoface.evaluation.synthetic.detail_score import DetailScorer, DetailSums
from monoface.facemodel import load_default_model
from monoface.metrics.bootstrap import bootstrap_mean
from monoface.pipeline import Reconstructor, ReconstructorConfig
from monoface.pipeline.detailing import RELIEF, Detailer

MEASURES: Final = (
    Measure("correlation", "correlation", ""),
    Measure("normal_gain_percent", "normals nearer than the coarse mesh's", "%", 1),
    Measure("moved_light_percent", "change under a moved light", "%", 1),
    Measure("other_light_percent", "change under another light", "%", 1),
    Measure("marks_percent", "at painted marks, of that at wrinkles", "%", 1),
    Measure("fine_normal_deg", "normals", "°"),
    Measure("coarse_normal_deg", "normals of the coarse mesh", "°"),
    Measure("mean_height_mm", "mean height", "mm", 4),
)
PHOTO_MEASURES: Final = (
    Measure("photo_coarse", "coarse face against its photo", "of 255"),
    Measure("photo_fine", "with relief", "of 255"),
    Measure("photo_painted", "with relief and paint", "of 255"),
    Measure("photo_height_mm", "mean height on photos", "mm", 4),
    Measure("broken_percent", "flipped or crossing triangles", "%", 3),
)
PHOTOS: Final = "photos"
_SHOWN = 6
_SOURCES: dict[str, type[UnlabelledPhotos]] = {"omi": Omi, "portraits_cc0": PortraitsCc0}
# Training leaves these out.
_KEPT_EVERY = 10


@dataclass(frozen=True)
class EvaluateDetailConfig:
    """Which heads are drawn, and where the report goes.

    Attributes:
        out: JSON file to write; the page goes beside it, as .html.
        weights: Fine stage: `relief`, the name of shipped weights, or the path of a safetensors file.
        size: Side of the displacement map in texels.
        count: Heads to draw.
        lights: Pictures of each, each under a light of its own: the second is the first one moved.
        moved_deg: By how much.
        family: Which wrinkles: `kept` are of no shape that networks learn from.
        seed: Of the heads; training draws with small seeds.
        max_yaw_deg: Yaw is uniform up to this, either way.
        data: Folder that holds the photos' sources; without it, no photos.
        source: Which of them.
        photos: Most photos, of those that training leaves out.
        regressor: Weights that find the coarse faces in photos.
        overwrite: Replace the report if it exists.
    """

    out: Path
    weights: str = RELIEF
    size: int = 256
    count: int = 40
    lights: int = 3
    moved_deg: float = 30.0
    family: Family = "kept"
    seed: int = 7001
    max_yaw_deg: float = 30.0
    data: Path | None = None
    source: Literal["omi", "portraits_cc0"] = "omi"
    photos: int = 60
    regressor: str = "pretrain"
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.count < 1 or self.lights < 2:
            raise ConfigError(f"detail: expected heads and two lights, got {self.count} and {self.lights}.")


def run(config: EvaluateDetailConfig) -> CasesReport:
    """Draw heads and measure weights on them; write the report and its page.

    Raises:
        OutputExistsError: If the report exists and may not be overwritten.
        ConfigError: If there are no such weights, or scipy is not installed and there are photos.
        ModelFileError: If they cannot be read.
        DataError: If the source of photos is missing.
    """
    refuse_existing_results(config.out, overwrite=config.overwrite)
    model = load_default_model()
    detailer = Detailer(model, config.weights, config.size)
    scorer = DetailScorer(lambda evidence: detailer.displacement(evidence).height_mm, detailer.displacer)
    painter = WrinkledHeadPainter(model, heads_config(config))
    sums, shown = [], []
    for index in range(config.count):
        head = painter.sample(index)
        sums.append(scorer.score(head))
        if index < _SHOWN:
            shown.append(_shown(head, scorer))
    photos = score_photos(config, detailer) if config.data is not None else []
    report = summarise(sums, config, photos)
    write_results(report, config.out, _galleries(shown), overwrite=config.overwrite)
    return report


def heads_config(config: EvaluateDetailConfig) -> WrinkledHeadsConfig:
    """The heads: all of them have wrinkles and marks."""
    wrinkles = WrinkleConfig(family=config.family, aged=1.0, marked=1.0)
    return WrinkledHeadsConfig(
        wrinkles,
        lights=config.lights,
        moved_deg=(config.moved_deg, config.moved_deg),
        max_yaw_deg=config.max_yaw_deg,
        seed=config.seed,
    )


def score_photos(config: EvaluateDetailConfig, detailer: Detailer) -> list[Case]:
    """A case for each photo that shows a face and some skin.

    Raises:
        DataError: If the source is missing.
    """
    assert config.data is not None
    source = _SOURCES[config.source](config.data / config.source)
    kept = range(0, len(source), _KEPT_EVERY)[: config.photos]
    reconstructor = Reconstructor(ReconstructorConfig(weights=config.regressor))
    scorer, cases = PhotoScorer(detailer), []
    for index, result in zip(kept, reconstructor.reconstruct_many(source.iter_images(kept)), strict=True):
        figures = scorer.score(result.faces[0]) if result.faces else None
        failure = "" if figures is not None else result.reason
        errors = {} if figures is None else figures.as_errors()
        cases.append(Case(source.keys[index], (PHOTOS,), errors=errors, failure=failure))
    return cases


def summarise(
    sums: Sequence[DetailSums], config: EvaluateDetailConfig, photos: Sequence[Case] = ()
) -> CasesReport:
    """Report on scored heads, whose figures are over the texels of all of them, and on scored photos."""
    heads = [Case(f"head{index:04d}", errors=one.figures()) for index, one in enumerate(sums)]
    measures = (*MEASURES, *PHOTO_MEASURES) if photos else MEASURES
    figures = reduce(add, sums).figures()
    intervals = DetailSums.intervals(sums)
    for measure in PHOTO_MEASURES if photos else ():
        values = np.array([case.errors[measure.name] for case in photos if not case.failure])
        figures[measure.name] = float(values.mean()) if len(values) else float("nan")
        intervals[measure.name] = bootstrap_mean(values)
    report = make_report(
        "detail, on heads drawn with a fixed seed",
        definition(config),
        measures,
        [*heads, *photos],
        figures={ALL: figures},
        settings=_settings(config),
    )
    return replace(report, intervals_95=intervals)


def _settings(config: EvaluateDetailConfig) -> dict[str, str]:
    return {
        "heads": str(config.count),
        "lights of each": str(config.lights),
        "light moved by": f"{config.moved_deg:g} degrees",
        "wrinkles": config.family,
        "seed": str(config.seed),
        "yaw up to": f"{config.max_yaw_deg:g} degrees",
        "texture": f"{config.size} texels",
        "weights": Path(config.weights).name,
        "photos": f"every tenth of {config.source}, {config.photos} at most" if config.data else "none",
    }


def definition(config: EvaluateDetailConfig) -> Definition:
    """What the figures mean."""
    return Definition(
        data=f"{config.count} heads drawn by us from the default face model, each under {config.lights} "
        "lights: wrinkles as displaced geometry of one vertex a texel, their valleys darker, moles, "
        "freckles, stubble, blotches and painted lines in the albedo, noise; 384 x 384 pixels",
        measure="correlation: of found and true heights. Normals: mean angle to the true ones; nearer: by "
        "how much it is less than that of the coarse mesh. Moved light: mean absolute change of height, over "
        f"the mean absolute height, where the lamps are turned about the head by {config.moved_deg:g} "
        "degrees. Another light: the same between lights that are drawn independently. Marks: mean absolute "
        "height where there is a mark and no wrinkle, over that where there is a wrinkle and no mark, among "
        "texels of the same contrast (logarithm of photo over coarse face: 0.03 to 0.06, to 0.12, to 0.25, "
        "to 1). Photos: mean absolute difference in sRGB between photo and render in the fitted light and "
        "albedo, over seen skin; mean absolute height over the same; part of the displaced triangles that "
        "are turned by more than 90 degrees, or pass through others where those of the coarse mesh do not",
        alignment="none; the coarse mesh is the true one without its relief, light and albedo are fitted",
        normaliser="none; millimetres of the true head",
        means="over all seen texels of all heads, at least 0.3 in weight; eyes, brows, lips, nostrils "
        "and the border of the face are left out",
        failures="a head cannot fail; photos without a face are left out",
        source="ours. Synthetic heads are no photos: figures tell one set of weights from another.",
    )


def _shown(head: WrinkledHead, scorer: DetailScorer) -> UInt8[np.ndarray, "side wide 3"]:
    """Picture, true heights and found ones, side by side; a millimetre is half of the range."""
    found = scorer.heights(head, 0)
    side = len(head.pictures[0])
    heights = head.detail.height_mm, found
    maps = [np.clip(128 + 127 * values, 0, 255).astype(np.uint8) for values in heights]
    grey = [np.repeat(_fitted(image, side)[..., None], 3, axis=-1) for image in maps]
    return np.concatenate((head.pictures[0], *grey), axis=1)


def _fitted(image: UInt8[np.ndarray, "rows columns"], side: int) -> UInt8[np.ndarray, "side side"]:
    """An image at another size, by the nearest texel."""
    index = (np.arange(side) + 0.5) * len(image) / side
    return image[np.ix_(index.astype(int), index.astype(int))]


def _galleries(shown: Sequence[UInt8[np.ndarray, "side wide 3"]]) -> Galleries:
    caption = "Picture; true heights; found heights."
    return {"Heads": Gallery([picture_of(image, caption) for image in shown])}
