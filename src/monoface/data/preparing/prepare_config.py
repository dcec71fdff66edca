"""What is kept of a folder of photos."""

from dataclasses import dataclass, field
from typing import ClassVar

from monoface.core.errors import ConfigError
from monoface.data.labelling.pseudo_labels import LabelConfig
from monoface.data.profiling.photo_turner import TurnConfig
from monoface.data.sources.annotations import AnnotationKind


@dataclass(frozen=True)
class PrepareConfig:
    """What is kept of a folder of photos, and how.

    Attributes:
        annotations: Landmarks that come with the photos: `none`; `beside`, in .pts, .csv or .npz files of
            the photos' names; `umdfaces`, in its tables; `300w-lp`, in its layout.
        labels: When the teacher's marks are believed.
        turn: How photos are turned; views of 0 turns none.
        min_face_px: Smallest face, by the longer side of the box of its 68 points.
        max_faces: At most so many faces of a photo, the largest.
        max_side_px: Larger photos are made smaller when they are read.
        max_yaw_error_deg: Known yaw and that of the fit may differ so much.
        min_points: Annotated points for which a face is kept whose teacher is not believed.
        held_out: Every n-th photo, by its content, is kept for validation; 0 keeps none.
        photos_per_shard: Photos that are prepared at a time.
        seed: Of the turned views.
    """

    annotations: AnnotationKind = "none"
    labels: LabelConfig = field(default_factory=LabelConfig)
    turn: TurnConfig = field(default_factory=lambda: TurnConfig(views=1))
    min_face_px: float = 40.0
    max_faces: int = 10
    max_side_px: int = 2048
    held_out: int = 50
    photos_per_shard: int = 256
    seed: int = 0
    # Fixed; see `core.fixed_settings`.
    max_yaw_error_deg: ClassVar[float] = 15.0
    min_points: ClassVar[int] = 4

    def __post_init__(self) -> None:
        if (
            min(self.min_face_px, self.max_faces, self.min_points, self.photos_per_shard, self.max_side_px)
            < 1
        ):
            raise ConfigError(
                "prepare: expected min_face_px, max_faces, min_points and photos_per_shard of at least 1, "
                f"got {self.min_face_px}, {self.max_faces}, {self.min_points} and {self.photos_per_shard}."
            )
