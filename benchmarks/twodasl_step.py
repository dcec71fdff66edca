"""Times a training step of 2DASL, part by part, and its looks at inference.

    python benchmarks/twodasl_step.py --packs PACKS [--batch 64] [--threads 1]

PACKS is the folder of packs that `monoface train` made. Times are milliseconds: the median over repetitions,
with the least in parentheses. A step is forward, backward and the optimisers, in bfloat16 as in training.
"""

import argparse
import dataclasses
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from twodasl_ablation import load_packs

from monoface.data.batches.augment import AugmentConfig
from monoface.data.batches.photo_batch import BatchMaker
from monoface.evaluation.landmarks.detected_landmarks import FaceMeshLandmarks
from monoface.facemodel import load_default_model
from monoface.methods import Method
from monoface.methods.pretrain import Pretrain
from monoface.methods.twodasl import TwoDasl, TwoDaslConfig
from monoface.networks import RegressorInfo
from monoface.networks.storage import weights_of
from monoface.pipeline import CoefficientRegressor
from monoface.training.regressors.runs import TrainRegressorConfig


def milliseconds(work: Callable[[int], object], repetitions: int) -> str:
    """Median and least time of calls, the first one not counted."""
    work(0)
    times = []
    for number in range(repetitions):
        start = time.perf_counter()
        work(number)
        times.append((time.perf_counter() - start) * 1000)
    return f"{statistics.median(times):8.1f} ({min(times):.1f})"


def step_of(method: Method, maker: BatchMaker, batch: int) -> Callable[[int], None]:
    """A whole step of training on one of three batches."""
    batches = [maker.sample(0, step, batch) for step in range(3)]
    optimisers = {}
    for name, network in method.networks.items():
        network.to(memory_format=torch.channels_last)
        optimisers[name] = torch.optim.AdamW(network.parameters(), lr=1e-5, fused=True)

    def step(number: int) -> None:
        with torch.autocast("cpu", torch.bfloat16):
            result = method.step(batches[number % 3])
        for name, total in result.total.items():
            optimisers[name].zero_grad()
            total.backward()
            optimisers[name].step()

    return step


def configurations() -> dict[str, TwoDaslConfig]:
    """One part more from line to line."""
    everything = TwoDaslConfig()
    one_look = dataclasses.replace(everything, cycle_share=0.0, self_critic=0.0, coefficients=0.0, gaps=0.0)
    weighted = dataclasses.replace(one_look, coefficients=everything.coefficients)
    return {
        "one look, with a map": one_look,
        "and weighted coefficients": weighted,
        "and gaps": dataclasses.replace(weighted, gaps=everything.gaps),
        "and a second look (a quarter)": dataclasses.replace(everything, self_critic=0.0),
        "and the critic (a quarter): all": everything,
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--packs", type=Path, required=True)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repetitions", type=int, default=8)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    print(
        f"{platform.processor() or platform.machine()}, {chosen.threads} threads, torch {torch.__version__}"
    )
    model = load_default_model()
    packs = load_packs(chosen.packs)
    usual = TrainRegressorConfig(data=chosen.packs, out=chosen.packs).shares
    shares = {pack.name: usual.get(pack.name, 0.0) for pack in packs}
    method = TwoDasl(model)
    maker = BatchMaker(packs, shares, model, method.set_names, augment=AugmentConfig())

    print(f"\nstep of {chosen.batch} crops")
    methods: dict[str, Method] = {"pretrain": Pretrain(model)}
    methods |= {name: TwoDasl(model, config) for name, config in configurations().items()}
    for name, one in methods.items():
        step = step_of(one, maker, chosen.batch)
        print(f"  {name:<34}{milliseconds(step, chosen.repetitions)}", flush=True)

    info = RegressorInfo("twodasl", model.coefficient_space, model.identity_size, model.expression_size)
    regressor = CoefficientRegressor(weights_of(method.regressor.eval()), info, name="untrained", sha256="")
    crop = np.random.default_rng(0).integers(0, 256, (1, 120, 120, 3), dtype=np.uint8)
    points = np.random.default_rng(0).uniform(30, 90, (1, 18, 2))
    detect, box = FaceMeshLandmarks(), np.array([[0.0, 0.0, 120.0, 120.0]])
    print("\none crop at inference")
    for name, work in {
        "first look, empty map": lambda _: regressor.predict(crop),
        "second look, 18 points": lambda _: regressor.predict(crop, points),
        "landmarks of the face-mesh network": lambda _: detect([crop[0]], box),
    }.items():
        print(f"  {name:<34}{milliseconds(work, 10 * chosen.repetitions)}", flush=True)


if __name__ == "__main__":
    main()
