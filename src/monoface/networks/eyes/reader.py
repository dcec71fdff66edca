"""The eye network run by ONNX Runtime. numpy in, numpy out."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from monoface.core.assets import sha256_of
from monoface.core.sessions import Session, open_session
from monoface.networks.eyes.file import read_eye_network
from monoface.networks.eyes.outputs import (
    EYE_HEIGHT_PX,
    EYE_SHAPES,
    EYE_WIDTH_PX,
    EYES_ASSET,
    IRIS,
    MARKED,
    REST,
    SHAPES,
    gap_of,
)
from monoface.networks.onnx.eyes import EyeWeights, eye_network_to_onnx
from monoface.networks.weights_arrays import asset_or_path

_BLINK = EYE_SHAPES.index("eyeBlink")


@dataclass(frozen=True)
class EyeReadings:
    """What the network says of eyes, whose outer corner is at image left.

    Lengths are in widths of an eye, places from the middle of the crop.

    Attributes:
        points: Corners and lids as people mark them; see `outputs.EYE_POINTS`.
        gap: How far the lids are apart, as people mark them; not below 0.
        iris: Middle of the iris.
        shapes: Blendshapes in ARKit's scale; see `outputs.EYE_SHAPES`.
    """

    points: Float[np.ndarray, "eyes 6 2"]
    gap: Float[np.ndarray, " eyes"]
    iris: Float[np.ndarray, "eyes 2"]
    shapes: Float[np.ndarray, "eyes 7"]


class EyeReader:
    """Reads crops of eyes.

    Args:
        threads: Threads of one call.
        weights: Name of a shipped asset, or path of a file; it is read when it is first needed.

    Raises:
        AssetError: When the shipped file is first needed, if it is damaged.
        ModelFileError: Likewise, if a given one is.
    """

    def __init__(self, threads: int = 1, weights: str | Path = EYES_ASSET) -> None:
        self._threads = threads
        self._weights = weights

    @property
    def sha256(self) -> dict[str, str]:
        """Hash of its weights, by the file's name."""
        path = asset_or_path(self._weights)
        return {path.name: sha256_of(path)}

    def __call__(self, crops: UInt8[np.ndarray, "eyes 40 40 3"]) -> EyeReadings:
        """Read eyes.

        Args:
            crops: Squares around eyes, `EYE_CROP_SIDES` eyes wide, of which the middle rows are seen.
        """
        rows = slice((EYE_WIDTH_PX - EYE_HEIGHT_PX) // 2, (EYE_WIDTH_PX + EYE_HEIGHT_PX) // 2)
        image = np.ascontiguousarray(crops[:, rows].transpose(0, 3, 1, 2), np.float32) / np.float32(255)
        (found,) = self._session.run(None, {"image": image})
        points = found[:, MARKED].reshape(-1, 6, 2)
        true = self._network.calibration
        gap = np.maximum(true.gap_factor * gap_of(points) + true.gap_offset, 0)
        shapes = 1 / (1 + np.exp(-found[:, SHAPES]))
        beyond = np.maximum(shapes[:, _BLINK] - REST, 0)
        shapes[:, _BLINK] = np.minimum(shapes[:, _BLINK] + (true.blink_gain - 1) * beyond, 1)
        return EyeReadings(points, gap, found[:, IRIS], shapes)

    @cached_property
    def _network(self) -> EyeWeights:
        return read_eye_network(self._weights)

    @cached_property
    def _session(self) -> Session:
        return open_session(lambda: eye_network_to_onnx(self._network), self._threads)
