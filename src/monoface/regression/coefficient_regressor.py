"""Trained weights ready for use: where they are, how they run, and the calibration of their confidence."""

import os
from pathlib import Path
from typing import Self

import numpy as np
from jaxtyping import Float

from monoface.core.arrays import in_numpy
from monoface.core.assets import asset_names, asset_path, sha256_of
from monoface.core.errors import ConfigError, ModelFileError
from monoface.core.kernels.threads import thread_count
from monoface.core.on_demand import require_torch
from monoface.core.sessions import open_session
from monoface.facemodel import CoefficientLayout, LinearFaceModel
from monoface.networks import Regressed, RegressorInfo, RegressorWeights, read_regressor
from monoface.networks.onnx.regressor import regressor_to_onnx
from monoface.regression.predictor import CropPredictor, Network

_SUFFIX = ".safetensors"
_NO_REGRESSORS = ("detail", "face_model", "parsing", "recognition")


class CoefficientRegressor(CropPredictor):
    """A trained regressor ready for use: 8-bit crops in, coefficients, cameras and confidences out.

    On the CPU ONNX Runtime runs it, on a GPU PyTorch; its results are arrays of numpy in either case.

    Attributes:
        info: What the weights say about themselves.
        layout: Which outputs mean what.
        size_px: Side of the crops it expects.
        name: File name of the weights, without suffix.
        sha256: Hash of the file of weights.
    """

    def __init__(
        self, regressor: RegressorWeights, info: RegressorInfo, *, name: str, sha256: str, device: str = "cpu"
    ) -> None:
        self.info = info
        self.name = name
        self.sha256 = sha256
        self.device = available_device(device)
        run = _on_cpu(regressor) if self.device == "cpu" else _in_torch(regressor, self.device)
        super().__init__(
            _checked(run, name),
            regressor.config,
            layout_of(info),
            name=f"weights {name}",
            confidence=info.confidence,
            point_sets=info.point_sets,
        )

    @classmethod
    def load(cls, name_or_path: str | Path, device: str = "cpu") -> Self:
        """Read weights by the name of a shipped asset (`pretrain`) or by the path of a safetensors file.

        Raises:
            ConfigError: If there is no such file or asset, or no such device.
            AssetError: If a shipped file is damaged.
            ModelFileError: If the file holds no regressor.
        """
        path = weights_path(name_or_path)
        regressor, info = read_regressor(path)
        return cls(regressor, info, name=path.stem, sha256=sha256_of(path), device=device)


def _checked(network: Network, name: str) -> Network:
    """The same network, which refuses to put out NaN or infinity: then its weights must be damaged."""

    def run(image: Float[np.ndarray, "batch channels size size"]) -> Regressed:
        found = network(image)
        if not all(np.isfinite(part).all() for part in (found.output, found.log_error, found.points)):
            raise ModelFileError(f"weights {name}: expected finite outputs, got NaN or infinity.")
        return found

    return run


def _on_cpu(regressor: RegressorWeights) -> Network:
    """The network in ONNX Runtime."""
    config = regressor.config
    session = open_session(lambda: regressor_to_onnx(config, regressor.weights), thread_count())

    def run(image: Float[np.ndarray, "batch channels size size"]) -> Regressed:
        if not len(image):
            shapes = (config.outputs,), (), (config.points, 3)
            return Regressed(*[np.zeros((0, *shape), np.float32) for shape in shapes])
        output, log_error, *points = session.run(None, {"image": np.ascontiguousarray(image)})
        dense = points[0] if points else np.zeros((len(output), 0), np.float32)
        return Regressed(output, log_error[:, 0], dense.reshape(len(output), config.points, 3))

    return run


def _in_torch(regressor: RegressorWeights, device: str) -> Network:
    import torch

    from monoface.networks.regressor import fold_batch_norm
    from monoface.networks.storage import regressor_of

    network = fold_batch_norm(regressor_of(regressor)).requires_grad_(False).to(device)
    made_in = os.getpid()

    def run(image: Float[np.ndarray, "batch channels size size"]) -> Regressed:
        if os.getpid() != made_in:
            raise ConfigError(
                f"device {device}: expected the process that loaded the weights, got a forked child, to "
                'which a GPU cannot be handed on. Start processes by the method "spawn" or "forkserver".'
            )
        with torch.no_grad():
            return in_numpy(network.regress(torch.from_numpy(image).to(device)))

    return run


def layout_of(info: RegressorInfo) -> CoefficientLayout:
    """What the outputs of a network mean."""
    return CoefficientLayout(
        identity=info.identity,
        expression=info.expression,
        bounded=info.bounded,
        albedo=info.albedo,
        light=info.light,
        focal_per_size=info.focal_per_size,
    )


def check_space(name: str, info: RegressorInfo, model: LinearFaceModel) -> None:
    """Refuse weights that put out coefficients of another face model.

    Args:
        name: Of the weights.
        info: What they say about themselves.
        model: The face model that coefficients are given to.

    Raises:
        ModelFileError: If their coefficients are of another space.
    """
    layout = layout_of(info)
    if info.coefficient_space != model.coefficient_space:
        raise ModelFileError(
            f"weights {name}: expected coefficients of the space {model.coefficient_space}, got "
            f"{info.coefficient_space}. Use the face model they were trained with."
        )
    if layout.geometry != CoefficientLayout.of(model):
        raise ModelFileError(
            f"weights {name}: expected coefficients {CoefficientLayout.of(model)}, got {layout}. Train the "
            "weights again."
        )
    if layout.albedo and info.albedo_space != model.albedo_space:
        raise ModelFileError(
            f"weights {name}: expected albedo of the space {model.albedo_space}, got "
            f"{info.albedo_space}. Use the face model they were trained with."
        )


def weights_path(name_or_path: str | Path) -> Path:
    """Path of weights given by the name of a shipped asset or by a path.

    What ends with `.safetensors` or contains a folder is a path, anything else a name.

    Raises:
        ConfigError: If there is no such file, or no such name among the shipped weights.
        AssetError: If the shipped file is damaged.
    """
    path = Path(name_or_path)
    if path.suffix == _SUFFIX or len(path.parts) > 1:
        if not path.is_file():
            raise ConfigError(f"weights {path}: expected a {_SUFFIX} file, found none.")
        return path
    filename = f"{name_or_path}{_SUFFIX}"
    shipped = asset_names(_SUFFIX)
    if filename not in shipped:
        regressors = [name.removesuffix(_SUFFIX) for name in shipped if not name.startswith(_NO_REGRESSORS)]
        names = ", ".join(regressors)
        raise ConfigError(
            f"weights {name_or_path}: no weights of that name ship with monoface. "
            f"Use one of: {names or 'none'}; or give the path of a {_SUFFIX} file."
        )
    return asset_path(filename)


def available_device(name: str) -> str:
    """The device of that name.

    Raises:
        ConfigError: If it is neither `cpu` nor `cuda`, or if torch sees no CUDA device.
        MissingExtraError: If it is `cuda` and PyTorch is not installed.
    """
    if name not in ("cpu", "cuda"):
        raise ConfigError(f"device {name}: expected cpu or cuda.")
    if name == "cuda":
        require_torch("device cuda")
        import torch

        if not torch.cuda.is_available():
            raise ConfigError("device cuda: torch sees no CUDA device. Use cpu, or install torch for CUDA.")
    return name
