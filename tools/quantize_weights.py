"""Rounds shipped weights to 8 bits, with a scale for each output: half of the size, nearly the same answers.

    python tools/quantize_weights.py pretrain twodasl mgcnet

Each file is replaced, its hash recorded, and its card says by how much landmarks of crops of the sample photo
move. Files that are rounded already are left alone.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors import safe_open

from monoface.core.assets import asset_path, register_asset
from monoface.facemodel import CoefficientLayout, load_default_model
from monoface.networks import Regressor, load_regressor
from monoface.networks.storage import save_regressor
from monoface.regression import CropPredictor

_PHOTO = Path(__file__).parents[1] / "examples" / "astronaut.png"
# Left, top and side of crops around the face of the sample photo, in pixels.
_CROPS = ((150, 40, 160), (160, 55, 140), (140, 30, 190), (170, 60, 120), (155, 25, 170))


def main() -> int:
    """Round the named weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", help="names of shipped weights of regressors")
    for name in parser.parse_args().names:
        print(f"{name}: {quantize(asset_path(f'{name}.safetensors'))}")
    return 0


def quantize(path: Path) -> str:
    """Round one file of a regressor; says what became of it."""
    with safe_open(path, framework="np") as file:
        if any(file.get_slice(name).get_dtype() == "I8" for name in file.keys()):  # noqa: SIM118
            return "rounded already"
    before, info = load_regressor(path)
    save_regressor(before, info, path, eight_bits=True)
    after, _ = load_regressor(path)
    layout = CoefficientLayout(
        info.identity, info.expression, info.bounded, info.albedo, info.light, info.focal_per_size
    )
    moved_px = np.linalg.norm(_landmarks_px(after, layout) - _landmarks_px(before, layout), axis=-1)
    card_path = path.with_name(f"{path.stem}.card.json")
    card = json.loads(card_path.read_text(encoding="utf-8"))
    card["storage"] = (
        "matrices and kernels in 8 bits, with a scale for each output (tools/quantize_weights.py); landmarks "
        f"in crops of the sample photo, of {before.config.size_px} px, move by {moved_px.mean():.3f} px on "
        f"average, {moved_px.max():.3f} px at most"
    )
    register_asset(path, card)
    return card["storage"]


def _landmarks_px(regressor: Regressor, layout: CoefficientLayout) -> np.ndarray:
    model = load_default_model()
    photo, size = Image.open(_PHOTO).convert("RGB"), regressor.config.size_px
    crops = np.stack(
        [
            np.asarray(photo.resize((size, size), box=(left, top, left + side, top + side)))
            for left, top, side in _CROPS
        ]
    )
    with torch.no_grad():
        found = CropPredictor.of_network(regressor, layout).predict(crops)
        return found.landmarks_px(model.subset(model.landmarks("ibug68")))


if __name__ == "__main__":
    raise SystemExit(main())
