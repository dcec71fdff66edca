"""Packs of synthetic heads in shards, made by several processes; finished ones are kept."""

import dataclasses
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import torch

from monoface.core.errors import ConfigError, DataError
from monoface.core.progress import track
from monoface.data.packs.detail_pack import DetailPack
from monoface.data.synthetic.wrinkled_heads import WrinkledHeadPainter, WrinkledHeadsConfig
from monoface.facemodel import open_face_model
from monoface.methods.detail import DetailConfig
from monoface.training.detail.make_packs import detail_recipe, heads_pack

_SHARD = 50
# Made by the first shard of each process.
_painters: dict[tuple[Path | None, WrinkledHeadsConfig], WrinkledHeadPainter] = {}


def sampled_packs(
    drawing: WrinkledHeadsConfig,
    count: int,
    method: DetailConfig,
    folder: Path,
    workers: int,
    report: Callable[[str], None],
    *,
    face_model: Path | None = None,
) -> list[DetailPack]:
    """Packs of heads, a shard each.

    Args:
        drawing: What heads look like.
        count: How many.
        method: What the translator will see.
        folder: Where shards are; those that are finished and were drawn alike are kept, others drawn anew.
        workers: Processes; one draws in this process.
        report: Gets a sentence for each shard.
        face_model: File of what is drawn; the shipped face model by default.

    Raises:
        ConfigError: If there are no workers.
    """
    if workers < 1:
        raise ConfigError(f"workers: expected at least 1, got {workers}.")
    shards = [
        _Shard(drawing, method, range(start, min(start + _SHARD, count)), folder / f"{start:05d}", face_model)
        for start in range(0, count, _SHARD)
    ]
    missing = [shard for shard in shards if not shard.is_there]
    stale = sum((shard.folder / "pack.json").is_file() for shard in missing)
    if stale:
        report(f"{folder}: {stale} shards of another recipe or an earlier version are drawn anew")
    done = len(shards) - len(missing)
    if workers == 1 or len(missing) < 2:
        for one in track(missing, f"rendering heads ({folder.name})", "shards"):
            _draw(one)
            done += 1
            report(f"drawn: {done} of {len(shards)} shards ({folder.name})")
    else:
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(
            workers, mp_context=spawn, initializer=torch.set_num_threads, initargs=(1,)
        ) as pool:
            made = as_completed([pool.submit(_draw, one) for one in missing])
            for finished in track(made, f"rendering heads ({folder.name})", "shards", len(missing)):
                finished.result()
                done += 1
                report(f"drawn: {done} of {len(shards)} shards ({folder.name})")
    return [DetailPack.load(shard.folder, shard.recipe) for shard in shards]


@dataclass(frozen=True)
class _Shard:
    """Some of the heads, and where their pack is."""

    drawing: WrinkledHeadsConfig
    method: DetailConfig
    indices: range
    folder: Path
    face_model: Path | None

    @property
    def recipe(self) -> str:
        heads = [self.indices.start, self.indices.stop]
        made_of = ["heads", dataclasses.asdict(self.drawing), heads]
        return detail_recipe(open_face_model(self.face_model), self.method, made_of)

    @property
    def is_there(self) -> bool:
        try:
            DetailPack.load(self.folder, self.recipe)
        except DataError:
            return False
        return True


def _draw(shard: _Shard) -> None:
    key = shard.face_model, shard.drawing
    painter = _painters.get(key)
    if painter is None:
        painter = _painters[key] = WrinkledHeadPainter(open_face_model(shard.face_model), shard.drawing)
    heads_pack(painter, shard.indices, shard.method).save(shard.folder, shard.recipe)
