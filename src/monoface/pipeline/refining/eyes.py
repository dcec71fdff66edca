"""Eyes of measured faces: cut out of the photo, read by the eye network, and set in the face."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
from jaxtyping import Float

from monoface.detection.eye_crops import eye_crops
from monoface.facemodel.estimation.eye_measuring import SIDES, EyeMeasures, SeenEyes
from monoface.facemodel.estimation.point_model import PointModel
from monoface.facemodel.estimation.poses import Poses
from monoface.facemodel.estimation.refinement import RefinedFaces
from monoface.facemodel.formulas.linear_model import LinearFaceModel
from monoface.networks.eyes.outputs import EYE_CROP_SIDES, EYE_SHAPES, EYE_WIDTH_PX
from monoface.networks.eyes.reader import EyeReader
from monoface.photos.reading import LoadedImage

POINT_SET: Final = "ibug68_reannotated"
"""Landmark set whose points of eyes are those that people mark."""

_POINTS: Final = (36, 39, 37, 38, 40, 41, 45, 42, 44, 43, 47, 46)
"""Which of the set: as `networks.eyes.outputs.EYE_POINTS`, of the right eye and then of the left one."""

_BLINK: Final = EYE_SHAPES.index("eyeBlink")


@dataclass(frozen=True)
class ReadEyes:
    """What the eye network read in photos.

    Attributes:
        seen: Lids and irises, in pixels of the original photos.
        shapes: Blendshapes in ARKit's scale, as `EYE_SHAPES`, of the right eye and the left one; NaN of eyes
            that are turned away.
    """

    seen: SeenEyes
    shapes: Float[np.ndarray, "faces 2 7"]

    def __getitem__(self, rows: slice) -> "ReadEyes":
        seen = SeenEyes(*(getattr(self.seen, one.name)[rows] for one in fields(SeenEyes)))
        return ReadEyes(seen, self.shapes[rows])

    @classmethod
    def joined(cls, parts: Sequence["ReadEyes"]) -> "ReadEyes":
        """Those of several in a row."""
        seen = (np.concatenate([getattr(one.seen, part.name) for one in parts]) for part in fields(SeenEyes))
        return cls(SeenEyes(*seen), np.concatenate([one.shapes for one in parts]))

    @property
    def blendshapes(self) -> dict[str, float]:
        """Of the first face, by name: of the eyes that were read."""
        return {
            f"{name}{side}": float(value)
            for side, row in zip(SIDES, self.shapes[0], strict=True)
            for name, value in zip(EYE_SHAPES, row, strict=True)
            if np.isfinite(value)
        }


class EyeFitter:
    """Sets lids and eyeballs of faces by what their photos show of the eyes.

    Args:
        measures: The face model's eyes.
        reader: Reads crops of eyes.
    """

    def __init__(self, measures: EyeMeasures, reader: EyeReader) -> None:
        self._measures = measures
        self._reader = reader

    @classmethod
    def of(
        cls, model: LinearFaceModel, habits_mm: Mapping[str, Float[np.ndarray, "points 3"]], reader: EyeReader
    ) -> "EyeFitter | None":
        """For a face model; None if it lacks marked eyes, ARKit's expressions or eyeballs that turn.

        Args:
            model: The face model.
            habits_mm: Where people put the points of landmark sets on the faces of some weights.
            reader: Reads crops of eyes.
        """
        if POINT_SET not in model.data.landmarks:
            return None
        points = PointModel.of(model, model.landmarks(POINT_SET), np.float32)
        if POINT_SET in habits_mm:
            points = points.moved(habits_mm[POINT_SET])
        measures = EyeMeasures.of(model, points.chosen(np.array(_POINTS)))
        return None if measures is None else cls(measures, reader)

    @property
    def sha256(self) -> dict[str, str]:
        """Hash of the weights that eyes are read with, by the file's name."""
        return self._reader.sha256

    def read(self, faces: RefinedFaces, photos: Sequence[LoadedImage]) -> ReadEyes:
        """Look at the eyes of faces.

        Args:
            faces: In pixels of the original photos.
            photos: The photo of each.
        """
        return self.read_at(faces.poses, faces.identity, photos)

    def read_at(
        self, poses: Poses, identity: Float[np.ndarray, "faces identity"], photos: Sequence[LoadedImage]
    ) -> ReadEyes:
        """As `read`, of faces of which no more is known than where they are."""
        corners_px = self._measures.corners_px(identity, poses)
        crops = [eye_crops(corners, EYE_CROP_SIDES) for corners in corners_px]
        pictures = [
            eye.scaled(photo.scale).sample(photo.image_srgb, EYE_WIDTH_PX)
            for both, photo in zip(crops, photos, strict=True)
            for eye in both
        ]
        found = self._reader(np.stack(pictures))
        flat = [eye for both in crops for eye in both]
        points_px = np.stack([eye.to_photo(points) for eye, points in zip(flat, found.points, strict=True)])
        iris_px = np.stack([eye.to_photo(iris[None])[0] for eye, iris in zip(flat, found.iris, strict=True)])
        gap_px = found.gap * [eye.eye_px for eye in flat]
        seen = SeenEyes(
            gap_px.reshape(-1, 2),
            iris_px.reshape(-1, 2, 2),
            points_px.reshape(-1, 2, 6, 2)[:, :, :2],
            found.shapes[:, _BLINK].reshape(-1, 2),
        )
        shapes = found.shapes.reshape(-1, 2, len(EYE_SHAPES))
        readable = self._measures.readable(poses, seen)
        return ReadEyes(seen, np.where(readable[..., None], shapes, np.nan))

    def __call__(self, faces: RefinedFaces, read: ReadEyes) -> RefinedFaces:
        """Faces whose eyes are open and look aside as was read."""
        expression = self._measures(faces.identity, faces.poses, read.seen)
        return replace(faces, poses=replace(faces.poses, expression=expression))
