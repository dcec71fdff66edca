"""Judging candidates: a second look at each, and a thresholds from many views of the doubtful ones."""

import math
from dataclasses import dataclass

import numpy as np

from monoface.detection.blazeface import BlazeFace, Candidates, merge_overlapping
from monoface.detection.crop_views import CropView, NetworkRunner
from monoface.detection.crops import SquareCrop, direction_rad
from monoface.detection.facemesh import MESH_CROP_SCALE, MESH_SIZE_PX, FaceMeshNetwork
from monoface.detection.layered_photo import LayeredPhoto
from monoface.detection.sessions import logit_to_probability, probability_to_logit
from monoface.geometry.roi import box_iou

# Side of a crop per side of the candidate's box: BlazeFace's short-range network is surest of faces that take
# a third to two thirds of its picture.
_FOCUS_SCALE = 2.2
_SCALES = (1.6, 2.2, 3.0)
_TILTS_RAD = (-0.25, 0.0, 0.25)

_SAME_IOU = 0.3
# A view in which the network sees nothing at the right place counts as this logit.
_UNSEEN_LOGIT = -5.0
_UNSEEN_SCORE = 1 / (1 + math.exp(-_UNSEEN_LOGIT))


@dataclass(frozen=True)
class Thresholds:
    """How sure one has to be of a face. All values are logits.

    Attributes:
        clear_logit: A second look this sure needs no further evidence.
        doubtful_logit: A second look less sure than this ends it.
        min_logit: What the mean over all views of a doubtful candidate must reach.
        min_mesh_logit: What the face mesh must say of a doubtful candidate and of its mirror image; None to
            leave it unasked, for it denies many a profile.
    """

    clear_logit: float
    doubtful_logit: float
    min_logit: float
    min_mesh_logit: float | None


class CandidateVerifier:
    """Decides which candidates are faces."""

    def __init__(self, runner: NetworkRunner, network: BlazeFace, mesh: FaceMeshNetwork) -> None:
        self._runner = runner
        self._network = network
        self._mesh = mesh

    def focus(self, photo: LayeredPhoto, candidates: Candidates) -> Candidates:
        """Look at each candidate again, centred and upright.

        Returns:
            Box, keypoints and score of the second look; candidates that are not seen again are left out.
        """
        crops = [_crop(candidates[index : index + 1], _FOCUS_SCALE) for index in range(len(candidates))]
        views = [CropView(self._network, photo, crop) for crop in crops]
        kept = []
        for index, seen in enumerate(self._runner.run_in_photo(views, _UNSEEN_SCORE)):
            same = seen[box_iou(candidates.box[index], seen.box) > _SAME_IOU]
            kept.append(merge_overlapping(same, _SAME_IOU)[:1])
        return Candidates.joined(kept)

    def decide(self, photo: LayeredPhoto, candidates: Candidates, thresholds: Thresholds) -> Candidates:
        """Keep the faces among candidates that were focused on; scores become those of the evidence."""
        kept = []
        for index in range(len(candidates)):
            one = candidates[index : index + 1]
            logit = probability_to_logit(float(one.score[0]))
            if logit < thresholds.clear_logit:
                if logit < thresholds.doubtful_logit or not self._mesh_agrees(
                    photo, one, thresholds.min_mesh_logit
                ):
                    continue
                logit = self._mean_logit(photo, one)
                if logit < thresholds.min_logit:
                    continue
            kept.append(Candidates(one.box, one.keypoints_px, logit_to_probability(np.array([logit]))))
        return Candidates.joined(kept)

    def _mesh_agrees(self, photo: LayeredPhoto, one: Candidates, min_logit: float | None) -> bool:
        if min_logit is None:
            return True
        pixels = photo.sample(_crop(one, MESH_CROP_SCALE), MESH_SIZE_PX)
        _, logits = self._mesh(np.stack([pixels, pixels[:, ::-1]]))
        return bool(logits.min() >= min_logit)

    def _mean_logit(self, photo: LayeredPhoto, one: Candidates) -> float:
        """Mean over crops at several scales and tilts, as they are and mirrored, of the best logit there."""
        views, expected = [], []
        for scale in _SCALES:
            centre, half = self._network.spec.size_px / 2, self._network.spec.size_px / scale / 2
            for tilt_rad in _TILTS_RAD:
                crop = _crop(one, scale, tilt_rad)
                views += [CropView(self._network, photo, crop, mirrored) for mirrored in (False, True)]
                expected += 2 * [np.array([centre - half, centre - half, centre + half, centre + half])]
        logits = []
        for box, seen in zip(expected, self._runner.look(views, _UNSEEN_SCORE), strict=True):
            scores = seen.score[box_iou(box, seen.box) > _SAME_IOU]
            logits.append(probability_to_logit(float(scores.max())) if len(scores) else _UNSEEN_LOGIT)
        return float(np.mean(logits))


def _crop(one: Candidates, scale: float, tilt_rad: float = 0.0) -> SquareCrop:
    """Crop around the first candidate, its eyes level but for a tilt."""
    roll_rad = direction_rad(one.keypoints_px[0, 0], one.keypoints_px[0, 1])
    return SquareCrop.from_box(one.box[0], scale, roll_rad + tilt_rad)
