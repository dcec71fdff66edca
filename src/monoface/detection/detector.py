"""Finding all faces of a photo, from a few pixels to larger than the picture.

*Look*: the full-range network sees the whole picture, the short-range one sees it with a border around, so
that between them a face may be anything from a fourteenth of the picture to more than all of it. *Look
again*: every candidate is cropped, turned upright and centred, and judged by the short-range network at the
scale it knows best; box and keypoints come from here. *Verify*: what is neither clearly a face nor clearly
none is judged in many views (see `judging`).

Large pictures, and small ones in which nothing was found, are then searched in overlapping tiles for small
faces; a picture without a clear face is searched turned by quarter turns. Both look at many more places, so
their thresholds is stricter, and it is the tiles that decide how strict.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from monoface.core.errors import ConfigError
from monoface.detection.blazeface import (
    FULL_RANGE,
    SHORT_RANGE,
    BlazeFace,
    Candidates,
    drop_duplicates,
    drop_shadows,
    merge_overlapping,
)
from monoface.detection.crop_views import CropView, NetworkRunner
from monoface.detection.crops import photo_from_array
from monoface.detection.detections import Detection
from monoface.detection.face_box import estimate_face_box
from monoface.detection.facemesh import FaceMeshNetwork
from monoface.detection.sessions import probability_to_logit
from monoface.detection.verifying import CandidateVerifier, Thresholds
from monoface.detection.windows import tile_sides, tiles, whole_picture

# The full-range network finds faces from 14 of its 192 pixels; with this border the short-range one finds
# faces that are larger than the picture.
_SMALLEST_PART = 14 / 192
_BORDER = 1.4
_MERGE_IOU = 0.3
_MAX_INSIDE = 0.6
# Candidates from this part of the photo's longer side on may be judged leniently.
_LARGE_PART = 0.3
# So many faces that are hardly larger than what is searched for are a crowd, of which more are a little
# smaller: it is searched once more, for faces smaller by so much.
_CROWD, _NEAR_SMALLEST, _FINER = 20, 1.5, 1.5
# Photos at least this long are searched in tiles even if faces were found in the whole.
_TILE_FROM_PX = 1000

# What fills much of a picture is rarely mistaken for a face, and often a profile, which the face mesh denies.
# Beside a clear face, in tiles and in turned photos there is less reason to be lenient.
_LENIENT = Thresholds(clear_logit=1.6, doubtful_logit=-0.8, min_logit=0.3, min_mesh_logit=None)
_STRICT = Thresholds(clear_logit=1.6, doubtful_logit=0.2, min_logit=0.4, min_mesh_logit=-1.0)

# From this score on, what is nested with a candidate is part of the same face, and gets no second look.
_CLEAR_SCORE = 0.8


@dataclass(frozen=True)
class FaceDetectorConfig:
    """How faces are searched.

    Attributes:
        max_faces: Faces to report, the largest; all if None.
        min_face_px: Smallest face to search for, in pixels of the photo; in crowds of such faces, two thirds.
        min_face_part: Smallest face to search for, as a part of the photo's longer side; the larger counts.
        proposal_score: What a network must give a candidate for a second look.
        tile_overlap: Overlap of neighbouring tiles, as a part of their side.
        turned: Search a photo without a clear face turned by quarter turns, too.
        batch_size: Windows in one run of a network.
        threads: Threads that share the windows of a photo.
    """

    max_faces: int | None = None
    min_face_px: float = 24.0
    min_face_part: float = 1 / 160
    proposal_score: float = 0.2
    tile_overlap: float = 0.25
    turned: bool = True
    batch_size: int = 8
    threads: int = 2

    def __post_init__(self) -> None:
        if self.max_faces is not None and self.max_faces < 1:
            raise ConfigError(f"max_faces: expected a positive number or None, got {self.max_faces}.")
        if self.min_face_px <= 0 or not 0 <= self.min_face_part < 1:
            raise ConfigError(
                "min_face_px and min_face_part: expected a positive size and a part in [0, 1), "
                f"got {self.min_face_px} and {self.min_face_part}."
            )
        if not 0 < self.proposal_score < 1:
            raise ConfigError(f"proposal_score: expected a value in (0, 1), got {self.proposal_score}.")
        if not _SMALLEST_PART < self.tile_overlap < 1:
            raise ConfigError(
                f"tile_overlap: expected a value in ({_SMALLEST_PART:.3f}, 1), got {self.tile_overlap}."
            )
        if min(self.batch_size, self.threads) < 1:
            raise ConfigError("batch_size and threads: expected positive numbers.")


class FaceDetector:
    """Finds faces in photos. Safe to use from several threads."""

    def __init__(self, config: FaceDetectorConfig | None = None) -> None:
        self.config = config or FaceDetectorConfig()
        self._full = BlazeFace(FULL_RANGE)
        self._short = BlazeFace(SHORT_RANGE)
        self._runner = NetworkRunner(self.config.threads, self.config.batch_size)
        self._verifier = CandidateVerifier(self._runner, self._short, FaceMeshNetwork(self.config.threads))

    def __call__(self, image: UInt8[np.ndarray, "height width 3"]) -> list[Detection]:
        """As `detect`."""
        return self.detect(image)

    def detect(self, image: UInt8[np.ndarray, "height width 3"]) -> list[Detection]:
        """Find the faces of a photo, largest first.

        Args:
            image: 8-bit RGB, upright.

        Raises:
            ImageError: If the image is not 8-bit RGB, or empty.
        """
        return self.detect_batch([image])[0]

    def detect_batch(self, images: Sequence[np.ndarray]) -> list[list[Detection]]:
        """Find the faces of several photos, of any sizes, whose first looks share the runs of the networks.

        Raises:
            ImageError: As `detect`.
        """
        photos = [photo_from_array(image) for image in images]
        proposals = self._look_at_whole(photos, roll_rad=0.0)
        return [self._find(photo, one) for photo, one in zip(photos, proposals, strict=True)]

    def _find(self, photo: Image.Image, proposals: Candidates) -> list[Detection]:
        """All faces of one photo, from what the first look proposes."""
        faces = self._faces_among(photo, proposals, lenient=True)
        if len(faces) == 0 or max(photo.size) >= _TILE_FROM_PX:
            smallest_px = max(self.config.min_face_px, max(photo.size) * self.config.min_face_part)
            faces = self._with_small(photo, faces, smallest_px)
            sides = (faces.box[:, 2:] - faces.box[:, :2]).max(axis=1)
            if np.count_nonzero(sides < _NEAR_SMALLEST * smallest_px) >= _CROWD:
                faces = self._with_small(photo, faces, smallest_px / _FINER)
        if self.config.turned and not _has_clear_face(faces):
            faces = self._best_turned(photo, faces)
        detections = [_detection(faces, index) for index in range(len(faces))]
        detections.sort(key=lambda one: -float((one.box[2:] - one.box[:2]).prod()))
        return detections[: self.config.max_faces]

    def _best_turned(self, photo: Image.Image, upright: Candidates) -> Candidates:
        """Faces of the photo as it is or turned by a quarter or half, whichever has the surest one."""
        best = upright
        for quarter in (1, 3, 2):
            proposals = self._look_at_whole([photo], quarter * math.pi / 2)[0]
            turned = self._faces_among(photo, proposals, lenient=False)
            if turned.score.max(initial=0.0) > best.score.max(initial=0.0):
                best = turned
        return best

    def _look_at_whole(self, photos: Sequence[Image.Image], roll_rad: float) -> list[Candidates]:
        """Candidates of each photo, seen whole by both networks."""
        views = [CropView(self._full, one, whole_picture(one.size, 1.0, roll_rad)) for one in photos]
        views += [CropView(self._short, one, whole_picture(one.size, _BORDER, roll_rad)) for one in photos]
        found = self._runner.run_in_photo(views, self.config.proposal_score)
        return [Candidates.joined([found[i], found[i + len(photos)]]) for i in range(len(photos))]

    def _with_small(self, photo: Image.Image, faces: Candidates, smallest_px: float) -> Candidates:
        """Faces of one photo, and besides those that are seen in tiles."""
        small = self._faces_among(photo, self._look_at_tiles(photo, smallest_px), lenient=False)
        return drop_duplicates(Candidates.joined([faces, small]), _MERGE_IOU, _MAX_INSIDE)

    def _look_at_tiles(self, photo: Image.Image, smallest_px: float) -> Candidates:
        """Candidates of one photo, seen in overlapping tiles by the full-range network."""
        overlap = self.config.tile_overlap
        views = [
            CropView(self._full, photo, crop)
            for side in tile_sides(max(photo.size), smallest_px, _SMALLEST_PART, overlap)
            for crop in tiles(photo.size, side, overlap)
        ]
        return Candidates.joined(self._runner.run_in_photo(views, self.config.proposal_score))

    def _faces_among(self, photo: Image.Image, proposals: Candidates, lenient: bool) -> Candidates:
        """Faces among candidates; with `lenient`, large ones are judged so unless there is a clear face."""
        merged = merge_overlapping(proposals, _MERGE_IOU)
        proposals = drop_shadows(merged, _CLEAR_SCORE, _MAX_INSIDE)
        focused = drop_duplicates(self._verifier.focus(photo, proposals), _MERGE_IOU, _MAX_INSIDE)
        sides = (focused.box[:, 2:] - focused.box[:, :2]).max(axis=1)
        large = sides >= _LARGE_PART * max(photo.size)
        thresholds = _LENIENT if lenient and not _has_clear_face(focused) else _STRICT
        return Candidates.joined(
            [
                self._verifier.decide(photo, focused[large], thresholds),
                self._verifier.decide(photo, focused[~large], _STRICT),
            ]
        )


def _has_clear_face(faces: Candidates) -> bool:
    return probability_to_logit(float(faces.score.max(initial=0.0))) >= _STRICT.clear_logit


def _detection(faces: Candidates, index: int) -> Detection:
    keypoints_px = faces.keypoints_px[index]
    return Detection(
        box=estimate_face_box(keypoints_px),
        score=float(faces.score[index]),
        keypoints_px=keypoints_px,
        network_box=faces.box[index],
    )
