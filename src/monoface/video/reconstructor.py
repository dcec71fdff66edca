"""A clip in, one animated head a person out."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from monoface.core.errors import ConfigError
from monoface.core.progress import track as announced
from monoface.facemodel.blendshape_scale import BlendshapeScale
from monoface.networks.eyes.outputs import EYE_SHAPES
from monoface.photos.reading import read_image
from monoface.pipeline import Face, Reconstructor
from monoface.pipeline.multi_photo.reconstruct import bring_together
from monoface.video.blendshapes import blendshapes_of
from monoface.video.keyframes import Keyframes
from monoface.video.live import FrameFace, LiveFace
from monoface.video.motion import Motion, Smoothness
from monoface.video.reading import Frame
from monoface.video.records import Record
from monoface.video.tracking import Track, Tracker, detection_of


@dataclass(frozen=True)
class VideoConfig:
    """How clips are turned into heads.

    Attributes:
        smooth: From 0, which leaves what was measured, to 1.
        max_faces: Most people followed at a time; None follows all.
        min_frames: People seen in fewer frames are left out.
        every: Of so many frames of the clip one is given.
    """

    smooth: float = 0.5
    max_faces: int | None = None
    min_frames: int = 5
    every: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.smooth <= 1:
            raise ConfigError(f"smooth: expected 0 to 1, got {self.smooth}.")
        if self.max_faces is not None and self.max_faces < 1:
            raise ConfigError(f"max_faces: expected a positive number or None, got {self.max_faces}.")
        if self.min_frames < 1 or self.every < 1:
            raise ConfigError("min_frames and every: expected at least 1.")


@dataclass(frozen=True, eq=False)
class PersonInClip:
    """A person of a clip, with one identity and texture, and the motion.

    Attributes:
        number: From 1, in the order in which people appear.
        face: The head with the clip's identity and merged texture, as the best frame has it.
        motion: Smoothed.
        measured: Before smoothing.
        losses: How often the face was lost: it left, was hidden, or the scene changed.
        smoothness: Of the landmarks; None of a person without a stretch of some frames.
        keyframes: Frames that identity and texture come from.
        names: Of the expression weights.
    """

    number: int
    face: Face
    motion: Motion
    measured: Motion
    losses: int
    smoothness: Smoothness | None
    keyframes: tuple[int, ...]
    names: tuple[str, ...]
    _scale: BlendshapeScale = field(repr=False)

    @property
    def blendshapes(self) -> Float[np.ndarray, "frames expressions"]:
        """ARKit's blendshapes, 0 to 1, in the order of `names`."""
        return blendshapes_of(self.motion, self.names, self._scale)


@dataclass(eq=False)
class _Person:
    record: Record = field(default_factory=Record)
    keyframes: Keyframes = field(default_factory=Keyframes)


class VideoReconstructor:
    """Turns clips into animated heads. Loads its networks once.

    Args:
        reconstructor: Looks at faces; by default one is made.
        config: How.

    Raises:
        ConfigError: If the weights' faces cannot be measured.
    """

    def __init__(self, reconstructor: Reconstructor | None = None, config: VideoConfig | None = None) -> None:
        self.reconstructor = reconstructor or Reconstructor()
        self.config = config or VideoConfig()
        self.tracker = Tracker(self.reconstructor, self.config.max_faces)

    def results(self, frames: Iterable[Frame]) -> Iterator[list[FrameFace]]:
        """Everybody in each frame, as frames come: identity grows surer, smoothing is causal.

        Args:
            frames: In the order of time.
        """
        self.tracker = tracker = Tracker(self.reconstructor, self.config.max_faces)
        faces: dict[Track, LiveFace] = {}
        for frame in frames:
            seen = []
            for track, look in tracker.follow(frame):
                if track not in faces:
                    faces[track] = LiveFace(self.reconstructor, track.number, self.config.smooth)
                seen.append(faces[track](frame, look))
            yield seen

    def reconstruct(self, frames: Iterable[Frame]) -> list[PersonInClip]:
        """Everybody in a clip: one pass over the frames, and a second one over what was seen.

        Args:
            frames: In the order of time; `video.reading.Clip` is such.
        """
        self.tracker = tracker = Tracker(self.reconstructor, self.config.max_faces)
        people: dict[Track, _Person] = {}
        try:
            for frame in announced(frames, "following faces"):
                for track, look in tracker.follow(frame):
                    if track not in people:
                        people[track] = _Person()
                    people[track].record.add(frame.number, frame.time_s, look)
                    people[track].keyframes.offer(frame, look)
            return [
                self._concluded(track, person)
                for track, person in people.items()
                if len(person.record) >= self.config.min_frames
            ]
        finally:
            for person in people.values():
                person.record.close()

    def _concluded(self, track: Track, person: _Person) -> PersonInClip:
        chosen = person.keyframes.chosen
        alone = []
        for one in chosen:
            photo = read_image(one.image_srgb, max_side_px=max(one.image_srgb.shape))
            alone += self.reconstructor.reconstruct_found(photo, [detection_of(one.look, one.scale)])
        faces = bring_together(alone, None, self.reconstructor.refiner)
        face = faces[faces[0].skin.shared.reference]
        measured = self._measured(person.record, face.posed.identity)
        motion = measured.smoothed(self.config.smooth, self.config.every)
        return PersonInClip(
            track.number,
            face,
            motion,
            measured,
            track.losses,
            self._smoothness(measured, motion, face.posed.identity),
            tuple(one.number for one in chosen),
            self.reconstructor.face_model.expression_names,
            self.reconstructor.blendshape_scale,
        )

    def _measured(self, record: Record, identity: Float[np.ndarray, " identity"]) -> Motion:
        """Poses and expressions with the identity of the clip."""
        refiner = self.reconstructor.refiner
        assert refiner is not None
        parts, number, time_s, place = [], record.numbers, record.times_s, 0
        for seen, start, eyes, sure in record.parts():
            poses = refiner.following(seen, start, identity, eyes)
            count = len(poses)
            rows = slice(place, place + count)
            place += count
            shapes = np.full((count, 2, len(EYE_SHAPES)), np.nan) if eyes is None else eyes.shapes
            variance = np.exp(2 * sure[:, 1])
            parts.append(
                Motion(
                    number[rows],
                    time_s[rows],
                    poses.rotation,
                    poses.scale_px,
                    poses.shift_px,
                    poses.expression,
                    shapes,
                    sure[:, 0],
                    variance,
                )
            )
        motion = Motion.joined(parts)
        motion.variance[:] /= np.median(motion.variance)
        return motion

    def _smoothness(
        self, before: Motion, after: Motion, identity: Float[np.ndarray, " identity"]
    ) -> Smoothness | None:
        """Of the longest stretch."""
        pairs = zip(before.stretches(self.config.every), after.stretches(self.config.every), strict=True)
        longest = max(pairs, key=lambda pair: len(pair[0]))
        if len(longest[0]) < self.config.min_frames:
            return None
        model = self.reconstructor.face_model
        points = model.subset(model.landmarks("ibug68"))
        return Smoothness.of(*(one.landmarks_px(points, identity) for one in longest))
