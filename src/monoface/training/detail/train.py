"""The command `monoface train detail`: synthetic heads and photos to packs to a trained translator."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from monoface.core.assets import register_asset, sha256_of
from monoface.core.errors import ConfigError, DataError
from monoface.data.batches.detail_batch import DetailBatchMaker, assemble
from monoface.data.packs.detail_pack import DetailPack
from monoface.data.sources.registry import HEADS, open_source
from monoface.data.synthetic.wrinkled_heads import WrinkledHeadsConfig
from monoface.facemodel import FaceModel, face_model_file, open_face_model
from monoface.methods.detail import Detail, DetailConfig
from monoface.networks import Translator, load_regressor, load_translator, save_translator
from monoface.pipeline import Reconstructor, ReconstructorConfig, weights_path
from monoface.regression import check_space
from monoface.training.detail.make_packs import detail_recipe, photos_pack
from monoface.training.detail.shards import sampled_packs
from monoface.training.engine.cards import data_and_terms, named_file, recorded_config
from monoface.training.engine.config import TrainConfig
from monoface.training.engine.distribution import launch
from monoface.training.engine.loop import train

_SOURCES = ("omi", "portraits_cc0")
# Heads that validation draws, from another seed and the other family of wrinkles.
_VALIDATION_HEADS = 50
_VALIDATION_SEED = 9001
_KEPT_EVERY = 10


@dataclass(frozen=True)
class TrainDetailConfig:
    """Train the fine stage.

    Attributes:
        out: Folder of the run: packs, checkpoints, log and, at the end, the weights.
        data: Folder that holds the photos' sources; without it, synthetic heads alone.
        sources: Which of them; every tenth photo is kept aside.
        limit: At most so many photos of each source; 0 takes all.
        heads: Heads to draw.
        drawing: What they look like; at least two lights each, and the run's seed.
        workers: Processes that draw them.
        photo_share: Part of a batch that are photos.
        regressor: Finds the coarse faces: the name of shipped weights or a path.
        method: The network and the weights of the losses.
        train: How long and how fast.
        init: Weights to start from.
        face_model: File that `monoface facemodel learn` wrote; the shipped face model by default.
    """

    out: Path
    data: Path | None = None
    sources: tuple[str, ...] = ("omi", "portraits_cc0")
    limit: int = 350
    heads: int = 1400
    drawing: WrinkledHeadsConfig = field(default_factory=lambda: WrinkledHeadsConfig(lights=3))
    workers: int = 2
    photo_share: float = 0.17
    regressor: str = "pretrain"
    method: DetailConfig = field(default_factory=DetailConfig)
    train: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            steps=9000, batch=12, learning_rate=1.5e-3, weight_decay=0.0, warmup=50, decay_from=0.4,
            average=0.995, evaluate_every=200, log_every=20, samples_every=0,
        )
    )  # fmt: skip
    init: Path | None = None
    face_model: Path | None = None

    def __post_init__(self) -> None:
        unknown = sorted(set(self.sources) - set(_SOURCES))
        if unknown:
            raise ConfigError(f"sources: expected some of {', '.join(_SOURCES)}, got {', '.join(unknown)}.")
        if self.heads < 1 and (self.data is None or self.photo_share < 1):
            raise ConfigError(f"heads: expected at least 1, got {self.heads}.")

    @property
    def uses_photos(self) -> bool:
        """Whether photos are among what is learned from."""
        return self.data is not None and self.photo_share > 0


def train_detail(config: TrainDetailConfig, report: Callable[[str], None]) -> Path:
    """Train as configured, or continue where the run's folder ends.

    Returns:
        Path of the weights.

    Raises:
        DataError: If a source is missing, or no photo shows a face.
        ConfigError: If `init` is another network.
        ModelFileError: If the regressor of the coarse faces is of another face model.
    """
    model = open_face_model(config.face_model)
    if config.uses_photos:
        check_space(config.regressor, load_regressor(weights_path(config.regressor))[1], model)
    torch.manual_seed(config.train.seed)
    method = Detail(model, config.method)
    if config.init is not None:
        _start_from(config.init, method.translator)
    fabric = launch(
        config.train.device, config.train.devices, config.train.num_nodes, config.train.chosen_precision
    )
    first = fabric.global_rank == 0
    # The other processes then find the packs made.
    with fabric.rank_zero_first():
        heads, [validation] = _drawn(config, report)
        photos = _photos(config, model, report) if config.uses_photos else []
    maker = DetailBatchMaker(heads, photos, config.photo_share if photos else 0.0)
    if first:
        report(f"training on {sum(map(len, heads))} pictures of heads and {sum(map(len, photos))} photos")
    evaluate = make_evaluate(method, validation)
    trained = train(method, maker, config.train, config.out, evaluate)
    path = config.out / "detail.safetensors"
    if first:
        translator = trained["translator"]
        assert isinstance(translator, Translator)
        save_translator(translator, translator_info(config.method), path)
        register_asset(path, _card(config, trained.steps, evaluate(trained)))
    return path


def translator_info(config: DetailConfig) -> dict[str, object]:
    """What must be known of a configuration to use its translator."""
    names = ("texture_px", "sees", "axis", "limit_mm", "dead_zone_mm")
    return {name: getattr(config, name) for name in names}


def make_evaluate(method: Detail, pack: DetailPack) -> Callable[[Mapping[str, nn.Module]], dict[str, float]]:
    """Function for the training loop: how well heights of heads kept aside are found.

    Runs where the method is when it is called.
    """

    def slopes(height_mm: Float[Tensor, "batch size size"]) -> Float[Tensor, "batch 2 size size"]:
        by_v, by_u = torch.gradient(height_mm, dim=(-2, -1))
        return torch.stack((by_u, by_v), dim=1) / method.displacer.texel_mm

    @torch.no_grad()
    def evaluate(networks: Mapping[str, nn.Module]) -> dict[str, float]:
        translator = networks["translator"].eval()
        assert isinstance(translator, Translator)
        found, true, seen = [], [], []
        for start in range(0, len(pack), 8):
            rows = range(start, min(start + 8, len(pack)))
            batch = assemble([(pack, row) for row in rows]).to(method.displacer.region.device)
            weight = batch.seen * method.displacer.region
            output = method.displacer.run(translator, batch.maps)
            found.append(method.displacer.read(output, weight).height_mm)
            true.append(batch.height_mm)
            seen.append(weight > 0.3)
        heights, truth, mask = (torch.cat(values) for values in (found, true, seen))
        pairs = heights.unflatten(0, (-1, 2))
        moved = (pairs[:, 0] - pairs[:, 1]).abs()[mask[::2]].mean()
        steepness, wrong = (slopes(maps).norm(dim=1)[mask].mean() for maps in (truth, heights - truth))
        return {
            "slope_gain_percent": float(100 * (1 - wrong / steepness.clamp_min(1e-9))),
            "correlation": float(torch.corrcoef(torch.stack((heights[mask], truth[mask])))[0, 1]),
            "error_mm": float((heights - truth)[mask].abs().mean()),
            "size_mm": float(heights[mask].abs().mean()),
            "true_size_mm": float(truth[mask].abs().mean()),
            "moved_light_percent": float(100 * moved / heights[mask].abs().mean().clamp_min(1e-6)),
        }

    return evaluate


def _drawn(
    config: TrainDetailConfig, report: Callable[[str], None]
) -> tuple[list[DetailPack], list[DetailPack]]:
    """Heads to learn from, and heads of the other family for validation."""
    taught = dataclasses.replace(config.drawing, seed=config.train.seed)
    wrinkles = dataclasses.replace(config.drawing.wrinkles, family="kept")
    kept = dataclasses.replace(config.drawing, wrinkles=wrinkles, lights=2, seed=_VALIDATION_SEED)
    packs = config.out / "packs"
    heads, validation = (
        sampled_packs(
            drawing, count, config.method, packs / name, config.workers, report, face_model=config.face_model
        )
        for drawing, count, name in ((taught, config.heads, "heads"), (kept, _VALIDATION_HEADS, "validation"))
    )
    return heads, validation


def _photos(config: TrainDetailConfig, model: FaceModel, report: Callable[[str], None]) -> list[DetailPack]:
    assert config.data is not None
    reconstructor, packs = None, []
    weights = sha256_of(weights_path(config.regressor))
    for name in config.sources:
        folder = config.out / "packs" / name
        source = open_source(name, config.data / name, _SOURCES)
        chosen = [index for index in range(len(source)) if index % _KEPT_EVERY][: config.limit or None]
        made_of = ["photos", name, len(source), len(chosen), weights]
        recipe = detail_recipe(model, config.method, made_of)
        try:
            packs.append(DetailPack.load(folder, recipe))
        except DataError:
            if (folder / "pack.json").is_file():
                report(f"{folder}: of another recipe or an earlier version, unwrapped anew")
            reconstructor = reconstructor or Reconstructor(
                ReconstructorConfig(weights=config.regressor, face_model=config.face_model)
            )
            photos_pack(reconstructor, source.iter_images(chosen), config.method).save(folder, recipe)
            report(f"unwrapped: {len(chosen)} photos of {name}")
            packs.append(DetailPack.load(folder, recipe))
    return packs


def _start_from(init: Path, translator: Translator) -> None:
    source, _ = load_translator(init)
    if source.config != translator.config:
        raise ConfigError(f"init {init.name}: expected {translator.config}, got {source.config}.")
    translator.load_state_dict(source.state_dict())


def _card(config: TrainDetailConfig, steps: int, metrics: Mapping[str, float]) -> dict[str, object]:
    written = recorded_config(config) | {"data": None, "out": None, "regressor": Path(config.regressor).name}
    written["face_model"] = named_file(face_model_file(config.face_model))
    photos = config.sources if config.uses_photos else ()
    heads = (HEADS,) if config.photo_share < 1 or not photos else ()
    return {
        "method": "detail",
        "command": "monoface train detail --data DATA --out OUT",
        **data_and_terms(dict.fromkeys((*photos, *heads), ""), config.init),
        "config": written,
        "steps": steps,
        "seed": config.train.seed,
        "metrics": {name: round(value, 4) for name, value in metrics.items()},
        "torch": torch.__version__,
    }
