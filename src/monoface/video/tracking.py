"""Who is where in each frame: faces are followed from crop to crop, and searched where one is missing."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, UInt8

from monoface.core.errors import ConfigError
from monoface.detection import Detection, FaceDetector, FaceDetectorConfig
from monoface.geometry.roi import box_of_points, next_roi, roi_of_box, same_face
from monoface.networks import Recognizer
from monoface.photos.reading import LoadedImage
from monoface.pipeline import Reconstructor
from monoface.pipeline.refining.refiner import poses_of, seen_points
from monoface.video.reading import Frame
from monoface.video.records import Look

# A track ends below the first, and begins above the second.
_LOST, _FOUND = 0.35, 0.5
# Descriptors of one person are less far apart; the recognition network's own threshold is 0.6.
_SAME_PERSON = 0.55
_OTHER_PERSON = 0.7
# Frames between looks for people who came in, between searches for who is missing, and between descriptors.
_NEWCOMERS, _MISSING, _DESCRIBED = 30, 5, 60
# Looks at somebody new before the face is followed.
_SETTLING = 3
# Grey levels by which pictures differ at a cut, and how many times as much as lately.
_CUT_LEVELS, _CUT_TIMES = 18.0, 4.0
_THUMBNAIL_PX = 32


@dataclass(eq=False)
class Track:
    """A person in a clip.

    Attributes:
        number: From 1, in the order in which people appear.
        descriptor: Mean of what the recognition network said.
        roi: Where the face is looked for in the next frame; None while it is lost.
        described: Looks since the descriptor was last asked for.
        count: Descriptors in the mean.
        losses: How often the face was lost.
    """

    number: int
    descriptor: Float[np.ndarray, " 128"]
    roi: Float[np.ndarray, " 4"] | None
    described: int = 0
    count: int = 1
    losses: int = 0

    def described_as(self, descriptor: Float[np.ndarray, " 128"]) -> bool:
        """Join another descriptor to the mean; false, and nothing changes, if it is somebody else's."""
        self.described = 0
        if np.linalg.norm(descriptor - self.descriptor) > _OTHER_PERSON:
            return False
        self.count += 1
        self.descriptor = self.descriptor + (descriptor - self.descriptor) / self.count
        return True


@dataclass
class Tracker:
    """Follows faces through the frames of a clip.

    Attributes:
        reconstructor: Looks at faces.
        max_faces: Most people that are followed at a time; None follows all.
        tracks: Everybody who was seen.
        cuts: Frames at which a scene was seen to begin.
    """

    reconstructor: Reconstructor
    max_faces: int | None = None
    tracks: list[Track] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.reconstructor.refiner is None:
            raise ConfigError("video: expected weights that find points, whose faces can be measured.")
        self._detector = FaceDetector(FaceDetectorConfig(turned=False, min_face_part=1 / 20))
        self._describe = Recognizer(self.reconstructor.config.threads)
        self._scenes = _Scenes()
        self._searched = -_NEWCOMERS

    def follow(self, frame: Frame) -> Iterator[tuple[Track, Look]]:
        """Everybody who is seen in the next frame."""
        height, width, _ = frame.image_srgb.shape
        photo = LoadedImage(frame.image_srgb, "frame", (width, height), 1.0)
        if self._scenes.begins(frame.image_srgb):
            self.cuts.append(frame.number)
            for track in self._active():
                self._lose(track)
        followed = self._active()
        found = dict(zip(followed, self._look(photo, [one.roi for one in followed]), strict=True))
        self._lose_doubtful(found, photo)
        if self._is_due(frame.number):
            self._searched = frame.number
            still = {track: look for track, look in found.items() if track.roi is not None}
            found |= self._search(photo, still)
        for track, look in found.items():
            if track.roi is not None:
                track.roi = next_roi(look.landmarks_px, track.roi)
                yield track, look

    def _active(self) -> list[Track]:
        return [track for track in self.tracks if track.roi is not None]

    def _lose(self, track: Track) -> None:
        track.roi = None
        track.losses += 1
        self._searched = -_NEWCOMERS

    def _is_due(self, number: int) -> bool:
        active = len(self._active())
        if self.max_faces is not None and active >= self.max_faces:
            return False
        wait = _MISSING if active < len(self.tracks) or not active else _NEWCOMERS
        return number - self._searched >= wait

    def _lose_doubtful(self, found: dict[Track, Look], photo: LoadedImage) -> None:
        """Tracks whose face is gone, is another one's, or ran onto that of a surer track."""
        kept: list[Look] = []
        for track, look in sorted(found.items(), key=lambda pair: -pair[1].confidence):
            box = box_of_points(look.landmarks_px)
            doubled = any(same_face(box, box_of_points(other.landmarks_px)) for other in kept)
            track.described += 1
            if look.confidence < _LOST or doubled or not self._is_still(track, look, photo):
                self._lose(track)
            else:
                kept.append(look)

    def _is_still(self, track: Track, look: Look, photo: LoadedImage) -> bool:
        if track.described < _DESCRIBED or look.confidence < 0.8:
            return True
        return track.described_as(self._descriptor(photo, look))

    def _search(self, photo: LoadedImage, known: dict[Track, Look]) -> dict[Track, Look]:
        boxes = [box_of_points(look.landmarks_px) for look in known.values()]
        detections = self._detector.detect(photo.image_srgb)
        new = [one for one in detections if not any(_overlaps(one, box) for box in boxes)]
        if self.max_faces is not None:
            new = new[: self.max_faces - len(known)]
        looks = self._look(photo, [one.roi_box() for one in new])
        for _ in range(_SETTLING):
            # Until the crop is the one that following it would come to; else the head seems to move at first.
            looks = self._look(photo, [_roi_around(look) for look in looks if look.confidence >= _FOUND])
        return {self._track_of(look, photo): look for look in looks if look.confidence >= _FOUND}

    def _track_of(self, look: Look, photo: LoadedImage) -> Track:
        """The lost track of the same person, or a new one."""
        descriptor = self._descriptor(photo, look)
        roi = _roi_around(look)
        lost = [track for track in self.tracks if track.roi is None]
        apart = [float(np.linalg.norm(track.descriptor - descriptor)) for track in lost]
        if apart and min(apart) < _SAME_PERSON:
            track = lost[int(np.argmin(apart))]
            track.roi, track.described = roi, 0
            return track
        self.tracks.append(Track(len(self.tracks) + 1, descriptor, roi))
        return self.tracks[-1]

    def _descriptor(self, photo: LoadedImage, look: Look) -> Float[np.ndarray, " 128"]:
        return self._describe(photo.image_srgb, look.landmarks_px[None])[0]

    def _look(self, photo: LoadedImage, rois: list[Float[np.ndarray, " 4"] | None]) -> list[Look]:
        boxes = np.array([roi for roi in rois if roi is not None], np.float64).reshape(-1, 4)
        if not len(boxes):
            return []
        found, landmarks_px = self.reconstructor.look_once(photo, boxes)
        start, seen = poses_of(found.coefficients, found.camera), seen_points(found)
        identity, refiner = found.coefficients.identity, self.reconstructor.refiner
        assert refiner is not None
        eyes = refiner.read_eyes(start, identity, [photo] * len(boxes))
        rows = [slice(row, row + 1) for row in range(len(boxes))]
        return [
            Look(
                seen[one],
                start[one],
                None if eyes is None else eyes[one],
                identity[one],
                float(found.confidence[row]),
                float(found.log_error[row]),
                landmarks_px[row],
            )
            for row, one in enumerate(rows)
        ]


def detection_of(look: Look, scale: float) -> Detection:
    """A face that was followed, as the detector would report it in a picture at a scale."""
    points = look.landmarks_px.astype(np.float64) * scale
    eyes = points[36:42].mean(axis=0), points[42:48].mean(axis=0)
    keypoints = np.stack((*eyes, points[30], points[48:68].mean(axis=0), points[0], points[16]))
    box = box_of_points(points)
    return Detection(box, 1.0, keypoints, box)


def _roi_around(look: Look) -> Float[np.ndarray, " 4"]:
    return roi_of_box(box_of_points(look.landmarks_px)).astype(np.float64)


def _overlaps(detection: Detection, box: Float[np.ndarray, " 4"]) -> bool:
    """Whether the middle of one lies in the other."""
    middle = (detection.box[:2] + detection.box[2:]) / 2
    centre = (box[:2] + box[2:]) / 2
    in_box = bool((middle >= box[:2]).all() and (middle <= box[2:]).all())
    return in_box or bool((centre >= detection.box[:2]).all() and (centre <= detection.box[2:]).all())


class _Scenes:
    """Notices cuts: a picture that differs from the one before far more than pictures lately did."""

    def __init__(self) -> None:
        self._last: np.ndarray | None = None
        self._usual = 0.0

    def begins(self, image: UInt8[np.ndarray, "height width 3"]) -> bool:
        """Whether a scene begins with the next picture; never with the first."""
        steps = [max(1, size // _THUMBNAIL_PX) for size in image.shape[:2]]
        thumbnail = image[:: steps[0], :: steps[1]].astype(np.float32).mean(axis=2)
        last, self._last = self._last, thumbnail
        if last is None or last.shape != thumbnail.shape:
            return last is not None
        change = float(np.abs(thumbnail - last).mean())
        cut = change > max(_CUT_LEVELS, _CUT_TIMES * self._usual)
        if not cut:
            self._usual += 0.1 * (change - self._usual)
        return cut
