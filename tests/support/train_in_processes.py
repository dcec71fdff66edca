"""One process of several that train together, for `tests/training/test_distribution.py`.

    python train_in_processes.py FOLDER PROCESSES STEPS

`torchrun` sets what tells the processes apart; the test does so itself, which is faster.
"""

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


def main() -> None:
    folder, processes, steps = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    method = small_method()
    rank = torch.tensor(0)
    if processes > 1:
        import os

        rank = torch.tensor(int(os.environ["RANK"]))
        # Other weights in every process, which the first one's must replace.
        torch.manual_seed(int(rank))
        for parameter in method.regressor.parameters():
            parameter.data.add_(0.01 * float(rank) * torch.randn(parameter.shape))
    trained = train(
        method, make_maker(), make_config(processes, steps), folder, lambda networks: {"one": 1.0}
    )
    state = trained["regressor"].state_dict() | {
        f"own.{name}": value for name, value in method.regressor.state_dict().items()
    }
    torch.save(state, folder / f"weights-{int(rank)}.pt")


if __name__ == "__main__":
    main()
