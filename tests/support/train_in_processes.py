"""A run small enough to make in two processes: `python train_in_processes.py FOLDER STEPS` is the second."""

import sys
from pathlib import Path

import torch
from synthetic_head import synthetic_head
from synthetic_packs import SETS, labelled_samples, landmark_samples, small_method

from monoface.data.augment import AugmentConfig
from monoface.data.batches import BatchMaker
from monoface.training import TrainConfig, train


def make_maker() -> BatchMaker:
    labelled = labelled_samples()
    packs = [labelled, landmark_samples(labelled)]
    shares = {"labelled": 0.7, "landmarks": 0.3}
    return BatchMaker(packs, shares, synthetic_head(), SETS, crop_px=32, augment=AugmentConfig())


def make_config(processes: int, steps: int) -> TrainConfig:
    return TrainConfig(
        steps=steps, batch=8, warmup=2, average=0.9, precision="32-true", devices=processes, log_every=1,
        evaluate_every=2, tensorboard=False,
    )  # fmt: skip


def train_small(folder: Path, processes: int, steps: int, change: float = 0.0) -> dict[str, torch.Tensor]:
    """Averaged and own weights after a run; `change` makes the weights it begins with others."""
    method = small_method()
    for parameter in method.regressor.parameters():
        parameter.data += change
    config = make_config(processes, steps)
    trained = train(method, make_maker(), config, folder, lambda networks: {"one": 1.0})
    own = method.regressor.state_dict()
    return trained["regressor"].state_dict() | {f"own.{name}": value for name, value in own.items()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    out = Path(sys.argv[1])
    # The first process's weights must replace these.
    torch.save(train_small(out, 2, int(sys.argv[2]), change=0.01), out / "weights-1.pt")
