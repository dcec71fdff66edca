"""Packs of drawn heads in shards, several processes at a time; shards that exist are kept."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import torch

from monoface.core.errors import ConfigError
from monoface.core.progress import track
from monoface.data.packs.detail_pack import DetailPack
from monoface.data.synthetic.wrinkled_heads import WrinkledHeadPainter, WrinkledHeadsConfig
from monoface.facemodel import load_default_model
from monoface.methods.detail import DetailConfig
from monoface.training.detail.make_packs import heads_pack

_SHARD = 50
# Made by the first shard of each process.
_painters: dict[WrinkledHeadsConfig, WrinkledHeadPainter] = {}


def drawn_packs(
    drawing: WrinkledHeadsConfig,
    count: int,
    method: DetailConfig,
    folder: Path,
    workers: int,
    report: Callable[[str], None],
) -> list[DetailPack]:
    """Packs of heads, a shard each.

    Args:
        drawing: What heads look like.
        count: How many.
        method: What the translator will see.
        folder: Where shards are; those that are finished are kept, whatever they were drawn from.
        workers: Processes; one draws in this process.
        report: Gets a sentence for each shard.

    Raises:
        ConfigError: If there are no workers.
    """
    if workers < 1:
        raise ConfigError(f"workers: expected at least 1, got {workers}.")
    starts = range(0, count, _SHARD)
    shards = [folder / f"{start:05d}" for start in starts]
    missing = [
        (drawing, method, range(start, min(start + _SHARD, count)), shard)
        for start, shard in zip(starts, shards, strict=True)
        if not (shard / "pack.json").is_file()
    ]
    done = len(shards) - len(missing)
    if workers == 1 or len(missing) < 2:
        for one in track(missing, f"rendering heads ({folder.name})", "shards"):
            _draw_shard(*one)
            done += 1
            report(f"drawn: {done} of {len(shards)} shards ({folder.name})")
    else:
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(
            workers, mp_context=spawn, initializer=torch.set_num_threads, initargs=(1,)
        ) as pool:
            made = as_completed([pool.submit(_draw_shard, *one) for one in missing])
            for finished in track(made, f"rendering heads ({folder.name})", "shards", len(missing)):
                finished.result()
                done += 1
                report(f"drawn: {done} of {len(shards)} shards ({folder.name})")
    return [DetailPack.load(shard) for shard in shards]


def _draw_shard(drawing: WrinkledHeadsConfig, method: DetailConfig, indices: range, shard: Path) -> None:
    painter = _painters.get(drawing)
    if painter is None:
        painter = _painters[drawing] = WrinkledHeadPainter(load_default_model(), drawing)
    heads_pack(painter, indices, method).save(shard)
