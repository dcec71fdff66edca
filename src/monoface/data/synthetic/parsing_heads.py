"""Synthetic heads for the face parser: what each pixel shows is known from the mesh."""

import numpy as np
import torch
from jaxtyping import UInt8

from monoface.core.progress import track_batches
from monoface.data.packs.parsing_pack import UNKNOWN, ParsingPack
from monoface.data.synthetic.framing import framing_camera
from monoface.data.synthetic.heads import HeadsConfig, render_heads, sample_background, sample_coefficients
from monoface.facemodel import FaceModel
from monoface.facemodel.parts import skin_parts
from monoface.networks import PARSING_CLASSES

_BATCH = 16
_CLASS_OF_PART = {"mouth": "mouth", "teeth": "mouth", "eye_left": "eyes", "eye_right": "eyes"}
# Later regions lie on top of earlier ones. Brows are painted on skin and too faint to be called hair.
_CLASS_OF_REGION = {"eye_sockets": "eyes", "nose": "nose", "lips": "mouth", "brows": None}
# Pixels that head and background share are neither.
_WHOLE = 0.95


def parsing_heads(
    model: FaceModel, backgrounds: UInt8[np.ndarray, "photos side side 3"], config: HeadsConfig
) -> ParsingPack:
    """Draw bald heads with the class of each pixel.

    Args:
        model: The face model to draw.
        backgrounds: Square photos that are blurred and put behind the heads; may be empty.
        config: What heads look like.
    """
    rng = np.random.default_rng((config.seed, 78))
    classes = face_classes(model)
    canvases, masks = [], []
    for start in track_batches(config.count, _BATCH, "rendering heads", "heads"):
        count = min(_BATCH, config.count - start)
        coefficients = sample_coefficients(model, count, rng, config)
        drawn = render_heads(model, coefficients, framing_camera(model, coefficients))
        for picture, opacity, seen in zip(drawn.picture, drawn.opacity, drawn.face_index, strict=True):
            background = sample_background(backgrounds, rng)
            mixed = opacity * picture + (1 - opacity) * background
            canvases.append(mixed.round().clip(0, 255).astype(np.uint8))
            mask = np.where(seen >= 0, classes[seen], PARSING_CLASSES.index("background"))
            edge = (opacity[..., 0] > 1 - _WHOLE) & (opacity[..., 0] < _WHOLE)
            masks.append(np.where(edge, UNKNOWN, mask).astype(np.uint8))
    return ParsingPack("heads", np.stack(canvases), np.stack(masks))


def face_classes(model: FaceModel) -> UInt8[np.ndarray, " faces"]:
    """Index into `PARSING_CLASSES` of each triangle of a face model; `UNKNOWN` for brows."""
    index = {name: number for number, name in enumerate(PARSING_CLASSES)}
    parts = [_class_of_part(model, name) for name in model.data.part_names]
    of_part = np.array(parts, dtype=np.uint8)[model.data.face_part.numpy()]
    classes = of_part.copy()
    on_skin = of_part == index["skin"]
    for name, class_name in _CLASS_OF_REGION.items():
        if name in model.data.regions:
            corners = model.data.regions[name][torch.as_tensor(model.faces)].sum(dim=1).numpy()
            classes[on_skin & (corners >= 2)] = UNKNOWN if class_name is None else index[class_name]
    return classes


def _class_of_part(model: FaceModel, name: str) -> int:
    """Of a part of unknown name: eyes that turn, skin, or what has no class."""
    if name in _CLASS_OF_PART:
        return PARSING_CLASSES.index(_CLASS_OF_PART[name])
    if name in model.data.eyes:
        return PARSING_CLASSES.index("eyes")
    return PARSING_CLASSES.index("skin") if name in skin_parts(model.data) else UNKNOWN
