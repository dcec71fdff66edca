"""How photos are reconstructed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from monoface.core.errors import ConfigError
from monoface.core.memory import available_bytes
from monoface.photos.focal import check_field_of_view, focal_of_field_of_view
from monoface.photos.reading import LoadedImage
from monoface.texturing.look import TextureKind

# A photo shows no face more finely; displacement has more maps a texel.
_LARGEST_TEXTURE_PX, _LARGEST_DETAIL_PX = 8192, 4096

# Measured on the sample photo: peak memory while a texture is made.
_BYTES_PER_TEXEL = 72
# Sides up to this take less memory than photos do.
_ALWAYS_TRIED_PX = 2048


@dataclass(frozen=True)
class ReconstructorConfig:
    """How photos are reconstructed.

    Attributes:
        weights: Regressor: the name of shipped weights, or the path of a safetensors file.
        device: Where the regressor runs.
        face_model: File that `monoface facemodel learn` wrote; the shipped face model by default. It must be
            the one the weights were trained with.
        max_faces: Most faces taken from a photo, largest first; all by default.
        small_faces: Every photo is searched for the smallest faces, which takes longer the larger it is. By
            default only where no face is found otherwise, or others are small, too.
        min_confidence: Faces of less confidence are set aside as doubtful; see `Face.confidence`.
        passes: Times a face is cropped and regressed, each time around the landmarks of the time before.
        mirror: The last time its mirror image is regressed too, and the mean of both taken.
        focal: "exif" takes photos for what a pinhole saw whose focal length their EXIF data tell; "weights"
            leaves the camera to the weights, weak perspective or a pinhole of their own before each face.
        field_of_view_deg: Angle that a pinhole sees across the photos' longer side; with "exif" only where a
            photo does not tell. Photos must not be cropped.
        texture_size: Side of the texture in pixels, a multiple of 16, at most 8192.
        texture: "clean" takes of photos only the face's own skin, brows, lips, eyes and beard, and fills the
            rest with skin; "photo" takes what was seen; "none" takes the albedo model's colours in the
            photo's light.
        detail: "relief" finds wrinkles too, or weights of a network alone, named as the regressor's are; None
            finds none.
        detail_size: Side of the displacement map in texels, at most 4096; None takes 256 to 2048, by what the
            photo holds.
        detail_strength: Factor of the heights of wrinkles.
        refine: "auto" measures faces at the end by points that the network finds besides, with weights that
            are better so; "none" takes what the network says.
        batch_size: Faces regressed at a time.
        threads: Photos read and searched at a time.
    """

    weights: str = "monoface"
    device: Literal["cpu", "cuda"] = "cpu"
    face_model: Path | None = None
    max_faces: int | None = None
    small_faces: bool = False
    min_confidence: float = 0.4
    passes: int = 2
    mirror: bool = True
    focal: Literal["weights", "exif"] = "weights"
    field_of_view_deg: float | None = None
    texture_size: int = 1024
    texture: TextureKind = "clean"
    detail: str | None = None
    detail_size: int | None = None
    detail_strength: float = 1.0
    refine: Literal["auto", "none"] = "auto"
    batch_size: int = 8
    threads: int = 2

    def __post_init__(self) -> None:
        for name in ("max_faces", "passes", "texture_size", "detail_size", "batch_size", "threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"{name}: expected at least 1, got {value}.")
        if not 0 <= self.detail_strength <= 4:
            raise ConfigError(f"detail_strength: expected 0 to 4, got {self.detail_strength:g}.")
        if not 0 <= self.min_confidence <= 1:
            raise ConfigError(f"min_confidence: expected 0 to 1, got {self.min_confidence}.")
        self._check_sizes()
        if self.field_of_view_deg is not None:
            check_field_of_view(self.field_of_view_deg)

    def _check_sizes(self) -> None:
        limits = {"texture_size": _LARGEST_TEXTURE_PX, "detail_size": _LARGEST_DETAIL_PX}
        for name, largest in limits.items():
            if (getattr(self, name) or 0) > largest:
                raise ConfigError(
                    f"{name}: expected at most {largest} pixels, got {getattr(self, name)}. A photo shows no "
                    f"face so finely: choose a smaller size, and enlarge the picture afterwards if need be."
                )
        if self.texture_size % 16:
            raise ConfigError(f"texture_size: expected a multiple of 16, got {self.texture_size}.")

    def refuse_beyond_memory(self) -> None:
        """Refuse a texture that this machine has no memory for at present.

        Raises:
            ConfigError: If it is larger than what fits.
        """
        available = available_bytes()
        if available is None or self.texture_size <= _ALWAYS_TRIED_PX:
            return
        needed = _BYTES_PER_TEXEL * self.texture_size**2
        if needed > available:
            fits = max(_ALWAYS_TRIED_PX, int((available / _BYTES_PER_TEXEL) ** 0.5) // 16 * 16)
            raise ConfigError(
                f"texture_size: expected at most {fits} pixels, for which there is memory at present, got "
                f"{self.texture_size}, which takes {needed / 1e9:.1f} GB of the {available / 1e9:.1f} GB "
                "left."
            )

    def focal_px(self, photo: LoadedImage) -> float | None:
        """Focal length of a photo in pixels of the original; None leaves its camera to the weights."""
        if self.focal == "exif" and photo.exif_focal_px is not None:
            return photo.exif_focal_px
        if self.field_of_view_deg is not None:
            return focal_of_field_of_view(self.field_of_view_deg, photo.original_size_px)
        return None
