"""What the benchmarks that measure our weights are all told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class WeightsConfig:
    """Which weights are measured, and where they run.

    Attributes:
        weights: Name of shipped weights, or path of a safetensors file.
        face_model: File that `monoface facemodel learn` wrote; the shipped face model by default.
        device: cpu or cuda.
        overwrite: Replace the report if it exists.
    """

    weights: str = "monoface"
    face_model: Path | None = None
    device: Literal["cpu", "cuda"] = "cpu"
    overwrite: bool = False


@dataclass(frozen=True, kw_only=True)
class FacesConfig(WeightsConfig):
    """The same of benchmarks that measure whole faces.

    Attributes:
        as_reconstruct: Faces as `monoface reconstruct` makes them; otherwise the regressor alone, one look.
    """

    as_reconstruct: bool = True
