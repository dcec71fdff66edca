"""What each system's terms are worth to the flagship: trained with all, without each one, without any.

    python benchmarks/monoface_ablation.py --data DATA --out OUT --people PEOPLE/cfp … --shares cfp 0.5 …
        --views VIEWS [--packs PACKS] [--init pretrain] [--steps 600]

Every run has the same steps, batches, start and seed; a system that is left out takes its terms with it and
nothing else. A run that was interrupted goes on where it ended, finished ones are not repeated. Networks are
measured alone: one look, no map of descriptors, no refinement. Writes `ablation.json` and `ablation.md` to
OUT: how far the shape of one frontal photo goes towards profiles of the same person (held-out people of
`cfp`), how wrong openings of mouth and eyes are (`aflw` val with `merl_rav`), and landmarks (development
photos of AFLW2000-3D, re-annotated), each with the paired 95 % bootstrap interval of the difference from all
systems, over people or photos.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
import tyro

from monoface.evaluation.landmarks.aflw2000 import EvaluateAflw2000Config
from monoface.evaluation.landmarks.aflw2000 import run as evaluate_aflw2000
from monoface.evaluation.landmarks.gaps import EvaluateGapsConfig
from monoface.evaluation.landmarks.gaps import run as evaluate_gaps
from monoface.evaluation.people.profiles import EvaluateProfilesConfig
from monoface.evaluation.people.profiles import run as evaluate_profiles
from monoface.evaluation.reports.cases import ALL
from monoface.evaluation.reports.comparison import Difference, compare_reports
from monoface.methods.monoface import MonofaceConfig
from monoface.metrics import BIN_MEAN, IMAGE_MEAN
from monoface.training import TrainConfig
from monoface.training.regressors.monoface import TrainMonofaceConfig, train_monoface

EVERYTHING = "all three"
WITHOUT: Mapping[str, Mapping[str, bool]] = {
    EVERYTHING: {},
    "without 2DASL": {"twodasl": False},
    "without MGCNet": {"mgcnet": False},
    "without Detail": {"detail": False},
    "labels alone": {"twodasl": False, "mgcnet": False, "detail": False},
}
_FIGURES = (
    ("profiles", "knows_percent", ALL, "profiles: knows, %"),
    ("profiles", "over_another_percent", ALL, "over another's, %"),
    ("gaps", "mouth_error_percent", IMAGE_MEAN, "mouth, error, %"),
    ("gaps", "eyes_error_percent", IMAGE_MEAN, "eyes, error, %"),
    ("aflw2000", "nme_percent_reannotated", BIN_MEAN, "landmarks, NME, %"),
)


@dataclass(frozen=True)
class Ablation:
    """What is run.

    Attributes:
        data: Folder of the sources.
        out: Folder of the runs and of the results.
        people: Folders that `monoface data people` made.
        views: Folder of packs that `monoface data views` made.
        shares: How much of a batch comes from each pack.
        packs: Folder of synthetic heads; made if absent.
        init: Weights that all runs start from.
        steps: Of each run.
        batch: Samples a step.
        views_every: Of so many steps one sees views.
        learning_rate: At its highest.
        heads: Synthetic heads.
        variants: Only these; all by default.
        threads: Of torch.
        seed: Of batches and augmentation.
    """

    data: Path
    out: Path
    people: tuple[Path, ...]
    views: Path
    shares: dict[str, float] = field(default_factory=dict)
    packs: Path | None = None
    init: str = "pretrain"
    steps: int = 600
    batch: int = 128
    views_every: int = 5
    learning_rate: float = 8e-4
    heads: int = 8000
    variants: tuple[str, ...] = tuple(WITHOUT)
    threads: int = 1
    seed: int = 0


def main() -> None:
    """Train and measure what is not there yet, then write the results."""
    chosen = tyro.cli(Ablation)
    torch.set_num_threads(chosen.threads)
    reports = {}
    for name in chosen.variants:
        folder = chosen.out / name.replace(" ", "_")
        print(f"{name}", flush=True)
        weights = folder / "monoface.safetensors"
        if not weights.is_file():
            train_monoface(_settings(chosen, name, folder), lambda line: print(line, flush=True))
        reports[name] = _measured(chosen.data, weights)
    results = _results(reports)
    setup = {"init": chosen.init, "steps": chosen.steps, "batch": chosen.batch, "seed": chosen.seed}
    table = _markdown(results, chosen)
    (chosen.out / "ablation.json").write_text(json.dumps({"setup": setup, "results": results}, indent=1))
    (chosen.out / "ablation.md").write_text(table, encoding="utf-8")
    print(table)


def _settings(chosen: Ablation, name: str, out: Path) -> TrainMonofaceConfig:
    base = TrainMonofaceConfig(data=chosen.data, out=out)
    heads = replace(base.recipe.heads, count=chosen.heads)
    return replace(
        base,
        packs=chosen.packs or chosen.out / "packs",
        recipe=replace(base.recipe, heads=heads, prepared=chosen.people),
        shares=chosen.shares or base.shares,
        views=chosen.views,
        views_every=chosen.views_every,
        view_share=0.3,
        init=Path(chosen.init),
        method=replace(MonofaceConfig(), **WITHOUT[name]),
        train=TrainConfig(
            steps=chosen.steps,
            batch=chosen.batch,
            learning_rate=chosen.learning_rate,
            warmup=min(100, chosen.steps // 10 + 1),
            average=0.99,
            seed=chosen.seed,
            evaluate_every=chosen.steps,
        ),
    )


def _measured(data: Path, weights: Path) -> dict[str, Path]:
    """Reports on weights, by benchmark."""
    paths = {name: weights.with_name(f"{name}.json") for name in ("profiles", "gaps", "aflw2000")}
    alone = {"weights": str(weights), "as_reconstruct": False}
    if not paths["profiles"].is_file():
        evaluate_profiles(EvaluateProfilesConfig(data=data / "cfp", out=paths["profiles"], **alone))
    if not paths["gaps"].is_file():
        evaluate_gaps(EvaluateGapsConfig(data=data / "aflw", out=paths["gaps"], **alone))
    if not paths["aflw2000"].is_file():
        dev = data / "aflw2000_dev"
        evaluate_aflw2000(EvaluateAflw2000Config(data=dev, out=paths["aflw2000"], weights=str(weights)))
    return paths


def _results(reports: Mapping[str, Mapping[str, Path]]) -> dict[str, dict[str, dict[str, object]]]:
    """Figures of each variant and how they differ from those of all systems, by the figure's title."""
    results: dict[str, dict[str, dict[str, object]]] = {}
    for name, paths in reports.items():
        results[name] = {}
        for benchmark, measure, group, title in _FIGURES:
            compared = compare_reports(reports[EVERYTHING][benchmark], paths[benchmark])
            results[name][title] = _row(compared.differences[measure][group])
    return results


def _row(one: Difference) -> dict[str, object]:
    interval = one.interval_95
    return {"value": one.second, "change": one.mean, "interval_95": (interval.low, interval.high)}


def _markdown(results: Mapping[str, Mapping[str, Mapping[str, object]]], chosen: Ablation) -> str:
    titles = [title for *_, title in _FIGURES]
    lines = [
        f"{chosen.steps} steps of {chosen.batch} crops from `{chosen.init}`, one in {chosen.views_every} "
        f"with views; in parentheses the change from `{EVERYTHING}`, paired 95 % interval.",
        "",
        "| taught by | " + " | ".join(titles) + " |",
        "|---" * (len(titles) + 1) + "|",
    ]
    for name, row in results.items():
        cells = []
        for title in titles:
            cell = row[title]
            low, high = cell["interval_95"]  # type: ignore[misc]
            text = f"{cell['value']:.2f}"
            cells.append(
                text if name == EVERYTHING else f"{text} ({cell['change']:+.2f}, {low:+.2f} to {high:+.2f})"
            )
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
