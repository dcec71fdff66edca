"""A run small enough to make in two processes: `python train_in_processes.py FOLDER` is the second."""

import sys
from pathlib import Path

import torch
from synthetic_head import synthetic_head
from synthetic_packs import SETS, labelled_samples, landmark_samples, small_method, small_twodasl

from monoface.data.batches.augment import AugmentConfig
from monoface.data.batches.photo_batch import BatchMaker
from monoface.training import TrainConfig, train

STEPS = 3


def make_maker() -> BatchMaker:
    labelled = labelled_samples()
    packs = [labelled, landmark_samples(labelled)]
    shares = {"labelled": 0.7, "landmarks": 0.3}
    return BatchMaker(packs, shares, synthetic_head(), SETS, crop_px=32, augment=AugmentConfig())


def make_config(processes: int) -> TrainConfig:
    return TrainConfig(
        steps=STEPS, batch=8, warmup=2, average=0.9, precision="32-true", devices=processes, log_every=1,
        evaluate_every=2, tensorboard=False,
    )  # fmt: skip


METHODS = {"pretrain": small_method, "twodasl": small_twodasl}


def train_small(folder: Path, name: str, processes: int, change: float = 0.0) -> dict[str, torch.Tensor]:
    """Averaged and own weights of all networks of a method after a run in the folder of its name.

    `change` makes the weights that it begins with others.
    """
    method = METHODS[name]()
    for network in method.networks.values():
        for parameter in network.parameters():
            parameter.data += change
    config = make_config(processes)
    trained = train(method, make_maker(), config, folder / name, lambda networks: {"one": 1.0})
    return {
        f"{kind}.{one}.{key}": value
        for kind, networks in (("averaged", trained), ("own", method.networks))
        for one, network in networks.items()
        for key, value in network.state_dict().items()
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    out = Path(sys.argv[1])
    # The first process's weights must replace these.
    weights = {name: train_small(out, name, 2, change=0.01) for name in METHODS}
    torch.save(weights, out / "weights-1.pt")
