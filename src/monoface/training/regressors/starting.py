"""Where a regressor's weights begin: those of another run, which may see or tell less."""

import dataclasses
from pathlib import Path

from monoface.core.errors import ConfigError
from monoface.facemodel import CoefficientLayout, FaceModel
from monoface.networks import Regressor, add_input_channel, add_outputs, load_regressor
from monoface.networks.weights_arrays import asset_or_path

# What the weights of the head that finds points are called by.
_POINT_HEAD = "point_head."


def start_from(init: Path, regressor: Regressor, model: FaceModel, layout: CoefficientLayout) -> None:
    """Copy weights, shipped or of a file, into a network of the same kind, or one that sees or tells more.

    A landmark map that the file does not know is ignored at first; albedo and light are zero. Points that
    it does not know begin where they are. The side of the crops may differ, for the backbone is averaged over
    its map, but not that of a file with points.

    Raises:
        AssetError: If no weights of that name ship.
        ModelFileError: If the file is no regressor.
        ConfigError: If it is another network, or belongs to another face model.
    """
    source, info = load_regressor(asset_or_path(init))
    state, config = source.state_dict(), source.config
    wanted = regressor.config
    if config.landmark_map is None and wanted.landmark_map is not None:
        state = add_input_channel(state)
        wider = dataclasses.replace(config.backbone, in_channels=config.backbone.in_channels + 1)
        config = dataclasses.replace(config, backbone=wider, landmark_map=wanted.landmark_map)
    if config.outputs == layout.geometry_size:
        state = add_outputs(state, wanted.outputs - config.outputs)
        config = dataclasses.replace(config, outputs=wanted.outputs)
    if not config.points:
        own = regressor.state_dict()
        state = {name: value for name, value in own.items() if name.startswith(_POINT_HEAD)} | state
        config = dataclasses.replace(config, size_px=wanted.size_px, points=wanted.points)
    if config != wanted or info.coefficient_space != model.coefficient_space:
        raise ConfigError(
            f"init {init.name}: expected {wanted} in the space {model.coefficient_space}, got "
            f"{source.config} in {info.coefficient_space}. Set the method to match, or start without."
        )
    regressor.load_state_dict(state)
