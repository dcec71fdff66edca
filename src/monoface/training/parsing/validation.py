"""Validation of the face parser: overlap with the masks of people it never saw."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import nn

from monoface.data.batches.augment import AugmentConfig
from monoface.data.batches.occluders import OccluderConfig
from monoface.data.batches.parsing_batch import ParsingAugmentConfig, ParsingBatch, ParsingBatchMaker
from monoface.data.labelling.fasseg_masks import LabelledHeads
from monoface.data.packs.parsing_pack import ParsingPack
from monoface.metrics import YAW_BINS, in_yaw_bins
from monoface.metrics.segmentation import bootstrap_iou, class_overlap, intersection_over_union
from monoface.networks import PARSING_CLASSES

_BATCH = 64
_SEED = 5


@dataclass(frozen=True)
class ParsingValidation:
    """Photos of people who are held out, with their masks.

    Attributes:
        plain: The crops as they are.
        covered: The same crops in other skin tones and with occluders, the same ones every time.
        yaw_deg: Turn of each head.
        person: Number of each person.
    """

    plain: ParsingBatch
    covered: ParsingBatch
    yaw_deg: Float[np.ndarray, " photos"]
    person: Int[np.ndarray, " photos"]


def parsing_validation(
    heads: LabelledHeads, scenery: UInt8[np.ndarray, "photos 160 160 3"], crop_px: int
) -> ParsingValidation:
    """The held-out photos of `fasseg`, as they are and covered."""
    rows = np.flatnonzero(heads.held_out)
    pack = ParsingPack("held_out", heads.pack.canvases[rows], heads.pack.masks[rows])
    still = AugmentConfig(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    occluders = OccluderConfig(objects=0.5, hand=0.3, glasses=0.3, strands=0.0)
    varied = ParsingAugmentConfig(crop=still, occluders=occluders, tone=1.0, background=0.0)

    def every(augment: ParsingAugmentConfig | None) -> ParsingBatch:
        maker = ParsingBatchMaker([pack], {"held_out": 1.0}, scenery, crop_px=crop_px, augment=augment)
        return maker.each(0, _SEED)

    return ParsingValidation(every(None), every(varied), heads.yaw_deg[rows], heads.person[rows])


def make_parsing_evaluate(
    validation: ParsingValidation,
) -> Callable[[Mapping[str, nn.Module]], dict[str, float]]:
    """Function for the training loop: IoU in percent of the held-out photos, by class and by yaw."""

    def evaluate(networks: Mapping[str, nn.Module]) -> dict[str, float]:
        found = find_classes(networks["parser"], validation.plain)
        both, either = class_overlap(found, _true(validation.plain), len(PARSING_CLASSES))
        # Without occluders in the photos, that class has no overlap to speak of.
        known = slice(0, PARSING_CLASSES.index("occluder"))
        overlap = 100 * intersection_over_union(both, either)[known]
        results = dict(zip(PARSING_CLASSES, overlap.tolist(), strict=False)) | {"mean": float(overlap.mean())}
        for name, members in zip(YAW_BINS, in_yaw_bins(validation.yaw_deg), strict=True):
            by_class = 100 * intersection_over_union(both[members], either[members])[known]
            results |= {f"mean {name}": float(np.nanmean(by_class)), f"skin {name}": float(by_class[1])}
        found = find_classes(networks["parser"], validation.covered)
        both, either = class_overlap(found, _true(validation.covered), len(PARSING_CLASSES))
        overlap = 100 * intersection_over_union(both, either)
        for name in ("skin", "occluder"):
            results[f"covered {name}"] = float(overlap[PARSING_CLASSES.index(name)])
        return results

    return evaluate


def parsing_intervals(parser: nn.Module, validation: ParsingValidation) -> dict[str, tuple[float, float]]:
    """Bounds in percent of 95 % intervals over people: of each class, and of the mean of the classes."""
    found = find_classes(parser, validation.plain)
    both, either = class_overlap(found, _true(validation.plain), PARSING_CLASSES.index("occluder"))
    by_class, mean = bootstrap_iou(both, either, validation.person)
    names = (*PARSING_CLASSES[: len(by_class)], "mean")
    return {
        name: (round(100 * one.low, 2), round(100 * one.high, 2))
        for name, one in zip(names, (*by_class, mean), strict=True)
    }


@torch.no_grad()
def find_classes(parser: nn.Module, batch: ParsingBatch) -> UInt8[np.ndarray, "photos height width"]:
    """The likeliest class of each pixel."""
    device = next(parser.parameters()).device
    parts = [parser(part.to(device)).argmax(dim=1).cpu() for part in batch.image.split(_BATCH)]
    return torch.cat(parts).to(torch.uint8).numpy()


def _true(batch: ParsingBatch) -> UInt8[np.ndarray, "photos height width"]:
    return batch.classes.to(torch.uint8).numpy()
