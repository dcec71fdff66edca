"""Times a training step of MGCNet against its network alone, with three views of 224 x 224 pixels a sample.

    python benchmarks/mgcnet_step.py [--batch 8] [--threads 1] [--device cpu] [--repetitions 8]

Views are synthetic heads, the start is the `pretrain` that ships. Times are milliseconds a step: the median
over repetitions, with the least in parentheses. A step is forward, backward and the optimiser, in bfloat16 as
in training; the network alone minimises the sum of its outputs. The share says how much of the throughput of
the network alone is left. Batches are made before.
"""

import argparse
import dataclasses
import platform
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from monoface.core.assets import asset_path
from monoface.data.batches.view_batch import MultiViewBatch, MultiViewBatchMaker
from monoface.data.packs.view_pack import VIEW_CANVAS_PX
from monoface.data.synthetic.head_views import HeadViewsConfig, head_views
from monoface.data.synthetic.heads import HeadsConfig
from monoface.facemodel import FaceModel, load_default_model
from monoface.facemodel.coefficients import white_light
from monoface.methods.mgcnet import Mgcnet, MgcnetConfig
from monoface.networks import load_identity_encoder
from monoface.training.regressors.starting import start_from


def draw_batch(model: FaceModel, method: Mgcnet, batch: int) -> MultiViewBatch:
    """Samples of synthetic heads whose views may all be compared."""
    none = np.zeros((0, VIEW_CANVAS_PX, VIEW_CANVAS_PX, 3), np.uint8)
    heads = HeadsConfig(count=batch, max_yaw_deg=60.0)
    pack = head_views(model, none, HeadViewsConfig(heads=heads, changing=0.0))
    maker = MultiViewBatchMaker(
        [pack], {"heads": 1.0}, model, method.set_names, white_light=white_light(torch.zeros(()))
    )
    return maker.sample(0, 0, batch)


def times_of(work: Callable[[], object], repetitions: int, device: torch.device) -> list[float]:
    """Milliseconds of calls, the first two not counted."""
    times = []
    for _ in range(repetitions + 2):
        start = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append((time.perf_counter() - start) * 1000)
    return times[2:]


def step_of(method: Mgcnet, losses: Callable[[], torch.Tensor], device: torch.device) -> Callable[[], None]:
    """Forward, backward and the optimiser."""
    method.regressor.to(device, memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(method.regressor.parameters(), lr=1e-6, fused=True)

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16):
            total = losses()
        optimiser.zero_grad()
        total.backward()
        optimiser.step()

    return step


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--repetitions", type=int, default=8)
    parser.add_argument("--sides", type=int, nargs="+", default=(120, 224))
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    device = torch.device(chosen.device)
    name = platform.processor() or platform.machine()
    print(f"{name}, {chosen.threads} threads, {chosen.device}, torch {torch.__version__}")
    # A copy, for moving the shared model would move everybody's.
    model = FaceModel(load_default_model().data)
    usual = MgcnetConfig()
    batch = draw_batch(model, Mgcnet(model, usual), chosen.batch).to(device)
    print(f"step of {chosen.batch} samples of three views, drawn at {usual.render_px} px unless said")
    for side in chosen.sides:
        configs = {
            "without terms between views": dataclasses.replace(usual, input_px=side, multi_view=False),
            "whole step": dataclasses.replace(usual, input_px=side),
            "whole step with encoder": dataclasses.replace(usual, input_px=side),
            "whole step, drawn at 224 px": dataclasses.replace(usual, input_px=side, render_px=224),
        }
        alone = 0.0
        for label, config in configs.items():
            encoder = load_identity_encoder(mixed=True) if label.endswith("encoder") else None
            method = Mgcnet(model, config, encoder).to(device)
            start_from(asset_path("pretrain.safetensors"), method.regressor, model, method.layout)
            if not alone:
                image = torch.nn.functional.interpolate(batch.image.flatten(0, 1), (side, side))
                image = image.contiguous(memory_format=torch.channels_last)
                network = step_of(method, lambda net=method.regressor, x=image: net(x)[0].mean(), device)
                times = times_of(network, chosen.repetitions, device)
                alone = statistics.median(times)
                print(f"  {'network alone, ' + str(side) + ' px':<34}{alone:8.1f} ({min(times):.1f})")
            whole = step_of(method, lambda one=method: one.step(batch).total["regressor"], device)
            times = times_of(whole, chosen.repetitions, device)
            median = statistics.median(times)
            print(f"  {label:<34}{median:8.1f} ({min(times):.1f})  {100 * alone / median:5.1f} %", flush=True)


if __name__ == "__main__":
    main()
