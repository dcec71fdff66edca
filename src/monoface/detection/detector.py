"""Finding all faces of a photo, from a few pixels to larger than the picture.

*Look*: the full-range network sees the whole picture, the short-range one sees it with a border around, so
that between them a face may be anything from a fourteenth of the picture to more than all of it. *Look
again*: every candidate is cropped, turned upright and centred, and judged by the short-range network at the
scale it knows best; box and keypoints come from here. *Verify*: what is neither clearly a face nor clearly
none is judged in many views (see `judging`).

*Turn*: a picture without a clear face is looked at turned by quarter turns, too. *Search for small faces*:
overlapping tiles, from large to small, as long as something asks for smaller ones: nothing was found yet, or
the faces found are hardly larger than what is searched for. So the work depends on what is in a picture, not
on its size. Both look at many more places, so their thresholds are stricter, and it is the tiles that decide
how strict.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

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
from monoface.detection.crops import check_rgb
from monoface.detection.detections import Detection
from monoface.detection.face_box import estimate_face_box
from monoface.detection.facemesh import FaceMeshNetwork
from monoface.detection.layered_photo import LayeredPhoto
from monoface.detection.sessions import probability_to_logit
from monoface.detection.verifying import CandidateVerifier, Thresholds
from monoface.detection.windows import tile_sides, tiles, whole_picture
from monoface.photos.loaded import LoadedImage

# The full-range network finds faces from 14 of its 192 pixels; with this border the short-range one finds
# faces that are larger than the picture.
_SMALLEST_PART = 14 / 192
_BORDER = 1.4
_MERGE_IOU = 0.3
_MAX_INSIDE = 0.6
# Candidates from this part of the photo's longer side on may be judged leniently.
_LARGE_PART = 0.3
# A face less than so many times as large as the smallest that was searched for asks for smaller ones. So many
# of them at the end are a crowd: it is searched once more, for faces smaller by so much.
_NEAR_SMALLEST, _CROWD, _FINER = 1.5, 20, 1.5

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
        small_faces: Search every photo for the smallest faces, not only where something asks for it. It
            takes a time that grows with the photo.
        turned: Search a photo without a clear face turned by quarter turns, too.
        batch_size: Windows in one run of a network.
        threads: Threads that share the windows of a photo.
    """

    max_faces: int | None = None
    min_face_px: float = 24.0
    min_face_part: float = 1 / 160
    proposal_score: float = 0.2
    tile_overlap: float = 0.25
    small_faces: bool = False
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
        for image in images:
            check_rgb(image)
        return self.detect_photos(
            [LoadedImage(image, "array", (image.shape[1], image.shape[0]), 1.0) for image in images]
        )

    def detect_photos(self, photos: Sequence[LoadedImage]) -> list[list[Detection]]:
        """As `detect_batch`, of photos that were read: boxes are in pixels of their working copies.

        Of a large photo only the overview is looked at, unless faces are small.
        """
        layered = [LayeredPhoto(photo) for photo in photos]
        proposals = self._look_at_whole(layered, roll_rad=0.0)
        return [self._find(photo, one) for photo, one in zip(layered, proposals, strict=True)]

    def _find(self, photo: LayeredPhoto, proposals: Candidates) -> list[Detection]:
        """All faces of one photo, from what the first look proposes."""
        upright = self._faces_among(photo, proposals, lenient=True)
        turned = Candidates.joined([])
        if self.config.turned and not _has_clear_face(upright):
            turned = self._surest_turned(photo)
        if not _has_clear_face(turned):
            upright = self._with_small(photo, upright)
        faces = turned if _best_score(turned) > _best_score(upright) else upright
        detections = [_detection(faces, index) for index in range(len(faces))]
        detections.sort(key=lambda one: -float((one.box[2:] - one.box[:2]).prod()))
        return detections[: self.config.max_faces]

    def _surest_turned(self, photo: LayeredPhoto) -> Candidates:
        """Faces of the photo turned by a quarter or half, whichever has the surest one."""
        best = Candidates.joined([])
        for quarter in (1, 3, 2):
            proposals = self._look_at_whole([photo], quarter * math.pi / 2)[0]
            turned = self._faces_among(photo, proposals, lenient=False)
            if _best_score(turned) > _best_score(best):
                best = turned
        return best

    def _look_at_whole(self, photos: Sequence[LayeredPhoto], roll_rad: float) -> list[Candidates]:
        """Candidates of each photo, seen whole by both networks."""
        views = [CropView(self._full, one, whole_picture(one.size_px, 1.0, roll_rad)) for one in photos]
        views += [CropView(self._short, one, whole_picture(one.size_px, _BORDER, roll_rad)) for one in photos]
        found = self._runner.run_in_photo(views, self.config.proposal_score)
        return [Candidates.joined([found[i], found[i + len(photos)]]) for i in range(len(photos))]

    def _with_small(self, photo: LayeredPhoto, faces: Candidates) -> Candidates:
        """Faces of one photo, and smaller ones as long as something asks for them."""
        longest = max(photo.size_px)
        smallest_px = max(self.config.min_face_px, longest * self.config.min_face_part)
        searched_px = longest * _SMALLEST_PART
        for side in tile_sides(longest, smallest_px, _SMALLEST_PART, self.config.tile_overlap):
            if (
                not self.config.small_faces
                and len(faces)
                and not _count_below(faces, _NEAR_SMALLEST * searched_px)
            ):
                return faces
            faces = self._with_those_in_tiles(photo, faces, side)
            searched_px = side * _SMALLEST_PART
        if _count_below(faces, _NEAR_SMALLEST * searched_px) >= _CROWD:
            faces = self._with_those_in_tiles(photo, faces, searched_px / _SMALLEST_PART / _FINER)
        return faces

    def _with_those_in_tiles(self, photo: LayeredPhoto, faces: Candidates, side_px: float) -> Candidates:
        """Faces of one photo, and besides those that the full-range network sees in tiles of one size."""
        views = [
            CropView(self._full, photo, crop)
            for crop in tiles(photo.size_px, side_px, self.config.tile_overlap)
        ]
        proposals = Candidates.joined(self._runner.run_in_photo(views, self.config.proposal_score))
        small = self._faces_among(photo, proposals, lenient=False)
        return drop_duplicates(Candidates.joined([faces, small]), _MERGE_IOU, _MAX_INSIDE)

    def _faces_among(self, photo: LayeredPhoto, proposals: Candidates, lenient: bool) -> Candidates:
        """Faces among candidates; with `lenient`, large ones are judged so unless there is a clear face."""
        merged = merge_overlapping(proposals, _MERGE_IOU)
        proposals = drop_shadows(merged, _CLEAR_SCORE, _MAX_INSIDE)
        focused = drop_duplicates(self._verifier.focus(photo, proposals), _MERGE_IOU, _MAX_INSIDE)
        large = _sides_px(focused) >= _LARGE_PART * max(photo.size_px)
        thresholds = _LENIENT if lenient and not _has_clear_face(focused) else _STRICT
        return Candidates.joined(
            [
                self._verifier.decide(photo, focused[large], thresholds),
                self._verifier.decide(photo, focused[~large], _STRICT),
            ]
        )


def _has_clear_face(faces: Candidates) -> bool:
    return probability_to_logit(_best_score(faces)) >= _STRICT.clear_logit


def _best_score(faces: Candidates) -> float:
    return float(faces.score.max(initial=0.0))


def _sides_px(faces: Candidates) -> Float[np.ndarray, " count"]:
    sides: Float[np.ndarray, " count"] = (faces.box[:, 2:] - faces.box[:, :2]).max(axis=1, initial=0.0)
    return sides


def _count_below(faces: Candidates, side_px: float) -> int:
    return int(np.count_nonzero(_sides_px(faces) < side_px))


def _detection(faces: Candidates, index: int) -> Detection:
    keypoints_px = faces.keypoints_px[index]
    return Detection(
        box=estimate_face_box(keypoints_px),
        score=float(faces.score[index]),
        keypoints_px=keypoints_px,
        network_box=faces.box[index],
    )
