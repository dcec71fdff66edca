"""What each term of 2DASL is worth: training with labels alone, with one term more each, and with all.

    python benchmarks/twodasl_ablation.py --data DATA --packs PACKS --out OUT [--init pretrain.safetensors]

PACKS is the folder of packs that `monoface train` made. Every run has the same steps, batches and start;
runs differ by variant and seed. One that was interrupted goes on where it ended, finished ones are not
repeated. Writes `ablation.json`, `ablation.md` and `ablation.png` to OUT. Intervals are 95 % paired bootstrap
intervals, over photos, of the difference from labels alone; errors of a photo are means over the seeds.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro

from monoface.data.batches.augment import AugmentConfig
from monoface.data.batches.photo_batch import BatchMaker
from monoface.data.packs.photo_pack import Pack
from monoface.facemodel import FaceModel, load_default_model
from monoface.methods.supervision import SupervisionConfig
from monoface.methods.twodasl import TwoDasl, TwoDaslConfig
from monoface.metrics import binned_mean, bootstrap_intervals, bootstrap_mean
from monoface.networks import ResNetConfig
from monoface.training import TrainConfig, train
from monoface.training.regressors.runs import TrainRegressorConfig, start_from
from monoface.training.regressors.validation import (
    ValidationSet,
    make_evaluate,
    validation_errors,
    validation_sets,
)

BASE, ALL = "labelled only", "all"


@dataclass(frozen=True)
class Ablation:
    """What is run.

    Attributes:
        data: Folder of the sources to validate on: `aflw` and `aflw2000_dev`.
        packs: Folder of packs. Where there are labels of a second round, those are taken.
        out: Folder of the runs and of the results.
        init: Weights that all runs start from; random ones if absent.
        steps: Of each run.
        batch: Samples a step.
        width: Of the network, against ResNet-18.
        learning_rate: At its highest.
        seeds: How many runs a variant has.
        variants: Only these; all by default.
        threads: Of torch.
        figures_only: Write results of the runs that are finished, and train nothing.
    """

    data: Path
    packs: Path
    out: Path
    init: Path | None = None
    steps: int = 1500
    batch: int = 64
    width: float = 0.5
    learning_rate: float = 5e-4
    seeds: int = 2
    variants: tuple[str, ...] = ()
    threads: int = 1
    figures_only: bool = False


def variants(width: float) -> dict[str, TwoDaslConfig]:
    """Configurations by name: the base, it with one term more each, and all."""
    everything = TwoDaslConfig(backbone=ResNetConfig(width=width, in_channels=4))
    told = SupervisionConfig()
    labels = dataclasses.replace(told, set_weights={}, identity_prior=0.0, expression_prior=0.0)
    base = dataclasses.replace(
        everything,
        supervision=labels,
        cycle_share=0.0,
        second_pass=0.0,
        consistency_2d=0.0,
        consistency_3d=0.0,
        cycle=0.0,
        self_critic=0.0,
        gaps=0.0,
    )
    twice = {"cycle_share": everything.cycle_share}
    added: dict[str, dict[str, object]] = {
        "+ 2D consistency": {"consistency_2d": everything.consistency_2d},
        "+ 3D consistency": {"consistency_3d": everything.consistency_3d} | twice,
        "+ cycle": {"cycle": everything.cycle} | twice,
        "+ self-critic": {"self_critic": everything.self_critic},
        "+ annotated landmarks": {"supervision": told},
        "+ second look": {"second_pass": everything.second_pass} | twice,
        "+ gaps": {"gaps": everything.gaps},
    }
    made = {name: dataclasses.replace(base, **change) for name, change in added.items()}
    return {BASE: base} | made | {ALL: everything}


def load_packs(folder: Path) -> list[Pack]:
    """Finished packs of a folder, those of a second round in place of the first one's."""
    packs = {}
    for header in sorted(folder.glob("*/pack.json")):
        pack = Pack.load(header.parent)
        if header.parent.suffix == ".second" or pack.name not in packs:
            packs[pack.name] = pack
    return [pack for pack in packs.values() if len(pack)]


def run_variant(
    name: str, config: TwoDaslConfig, seed: int, chosen: Ablation, model: FaceModel, sets: list[ValidationSet]
) -> None:
    """Train one variant with one seed, and write the errors of each photo after one look and after two."""
    folder = run_folder(chosen, name, seed)
    if (folder / "errors.npz").is_file():
        return
    torch.manual_seed(seed)
    method = TwoDasl(model, config)
    if chosen.init is not None:
        start_from(chosen.init, method.regressor, model, method.layout)
    packs = load_packs(chosen.packs)
    usual = TrainRegressorConfig(data=chosen.data, out=folder).shares
    shares = {pack.name: usual.get(pack.name, 0.0) for pack in packs}
    maker = BatchMaker(packs, shares, model, method.set_names, augment=AugmentConfig())
    schedule = TrainConfig(
        steps=chosen.steps,
        batch=chosen.batch,
        learning_rate=chosen.learning_rate,
        warmup=min(100, chosen.steps // 10 + 1),
        average=0.99,
        seed=seed,
        evaluate_every=max(1, chosen.steps // 3),
    )
    networks = train(method, maker, schedule, folder, make_evaluate(model, sets))
    errors = {
        f"{one.name} look {looks}": 100 * validation_errors(networks["regressor"], model, one, looks)[0]
        for one in sets
        for looks in (1, 2)
    }
    np.savez(folder / "errors.npz", **errors)


def run_folder(chosen: Ablation, name: str, seed: int) -> Path:
    """Where a run is kept."""
    return chosen.out / name.replace("+ ", "with ").replace(" ", "_") / f"seed{seed}"


def finished_errors(chosen: Ablation, names: Sequence[str]) -> dict[str, list[dict[str, np.ndarray]]]:
    """Errors of each photo by set and look, for all seeds of the variants that have all of them."""
    found = {}
    for name in names:
        paths = [run_folder(chosen, name, seed) / "errors.npz" for seed in range(chosen.seeds)]
        if all(path.is_file() for path in paths):
            found[name] = [dict(np.load(path)) for path in paths]
    return found


def summarise(
    errors: Mapping[str, list[dict[str, np.ndarray]]], sets: Sequence[ValidationSet]
) -> dict[str, dict[str, dict[str, object]]]:
    """For each variant and figure: mean, mean of each seed, difference from the base and its interval."""
    yaw = {one.name: one.yaw_deg for one in sets}
    results: dict[str, dict[str, dict[str, object]]] = {}
    for name, runs in errors.items():
        results[name] = {}
        for figure in runs[0]:
            set_yaw = yaw[figure.rpartition(" look ")[0]]
            by_seed = [mean_error(run[figure], set_yaw) for run in runs]
            row: dict[str, object] = {"percent": float(np.mean(by_seed)), "by_seed": by_seed}
            if name != BASE and BASE in errors:
                mine, base = (np.mean([run[figure] for run in of], axis=0) for of in (runs, errors[BASE]))
                row |= difference(mine - base, set_yaw)
            results[name][figure] = row
    return results


def mean_error(errors: np.ndarray, yaw_deg: np.ndarray | None) -> float:
    """Mean over photos, or the mean of the yaw bins' means where the yaw is known."""
    return float(errors.mean()) if yaw_deg is None else binned_mean(errors, yaw_deg).bin_mean


def difference(change: np.ndarray, yaw_deg: np.ndarray | None) -> dict[str, object]:
    """Mean change and its interval."""
    interval = bootstrap_mean(change) if yaw_deg is None else bootstrap_intervals(change, yaw_deg)["bin_mean"]
    return {"change": mean_error(change, yaw_deg), "interval_95": (interval.low, interval.high)}


def markdown(results: Mapping[str, Mapping[str, Mapping[str, object]]], chosen: Ablation) -> str:
    """The table: errors in percent, with the change from the base and its interval."""
    figures = list(next(iter(results.values())))
    start = "random weights" if chosen.init is None else chosen.init.name
    lines = [
        f"{chosen.steps} steps of {chosen.batch} crops from {start}, width {chosen.width:g}, "
        f"{chosen.seeds} seeds. NME in percent; in parentheses the change from `{BASE}`, 95 % interval.",
        "",
        "| variant | " + " | ".join(figures) + " |",
        "|---" * (len(figures) + 1) + "|",
    ]
    for name, row in results.items():
        cells = []
        for figure in figures:
            cell = row[figure]
            text = f"{cell['percent']:.3f}"
            if "change" in cell:
                low, high = cell["interval_95"]  # type: ignore[misc]
                text += f" ({cell['change']:+.3f}, {low:+.3f} to {high:+.3f})"
            cells.append(text)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def draw_curves(chosen: Ablation, names: Sequence[str], path: Path) -> None:
    """Error on AFLW and AFLW2000-3D's development photos against steps, means over the seeds."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(11, 4.2))
    for axis, key in zip(axes, ("aflw second look", "aflw2000 second look"), strict=True):
        for name in names:
            runs = [_validation_curve(run_folder(chosen, name, seed), key) for seed in range(chosen.seeds)]
            steps = sorted(set.intersection(*(set(run) for run in runs)))
            if steps:
                style = {"linewidth": 2.2} if name in (BASE, ALL) else {"linewidth": 1, "linestyle": "--"}
                axis.plot(
                    steps, [np.mean([run[step] for run in runs]) for step in steps], label=name, **style
                )
        axis.set_title(key)
        axis.set_xlabel("step")
        axis.set_ylabel("NME in %")
    axes[0].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def _validation_curve(folder: Path, key: str) -> dict[int, float]:
    log = folder / "log.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines() if log.is_file() else []
    records = [json.loads(line) for line in lines]
    return {one["step"]: one[key] for one in records if one["kind"] == "validation" and key in one}


def main() -> None:
    """Run what is not finished, then write the results."""
    chosen = tyro.cli(Ablation)
    torch.set_num_threads(chosen.threads)
    model = load_default_model()
    configs = variants(chosen.width)
    names = [name for name in configs if not chosen.variants or name in (BASE, *chosen.variants)]
    crop_px = TwoDaslConfig().crop_px
    sets = [one for one in validation_sets(chosen.data, crop_px, 10) if one.name.startswith("aflw")]
    if not chosen.figures_only:
        # Seed by seed, so that an early look compares all variants.
        for seed in range(chosen.seeds):
            for name in names:
                print(f"{name}, seed {seed}", flush=True)
                run_variant(name, configs[name], seed, chosen, model, sets)
    errors = finished_errors(chosen, names)
    if not errors:
        print("no variant is finished for all seeds")
        return
    results = summarise(errors, sets)
    table = markdown(results, chosen)
    setup = json.loads(json.dumps(dataclasses.asdict(chosen), default=lambda path: path.name))
    (chosen.out / "ablation.json").write_text(json.dumps({"setup": setup, "results": results}, indent=1))
    (chosen.out / "ablation.md").write_text(table, encoding="utf-8")
    draw_curves(chosen, list(errors), chosen.out / "ablation.png")
    print(table)


if __name__ == "__main__":
    main()
