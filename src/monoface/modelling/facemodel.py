"""`monoface facemodel learn`: the default face model, from ICT-FaceKit and portraits."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from monoface.core.errors import ConfigError
from monoface.facemodel.data import EyeJoint, FaceModelData
from monoface.facemodel.ict import read_ict_facekit
from monoface.facemodel.landmarks import LandmarkSet
from monoface.facemodel.model import FaceModel
from monoface.facemodel.modes import coefficient_space, default_identity_modes
from monoface.modelling.albedo.painting import painted_albedo
from monoface.modelling.checks import FOLDING_BY_DESIGN
from monoface.modelling.closing.closing import with_closing_lids_and_lips
from monoface.modelling.mesh.contact import shutting_lids, touching_lips
from monoface.modelling.mesh.correspondence import skin_points
from monoface.modelling.mesh.eyeballs import centre_weights, eye_frame, outer_shell
from monoface.modelling.mesh.regions import source_regions
from monoface.modelling.mesh.remesh import RemeshConfig, remesh
from monoface.modelling.mesh.symmetry import MIRROR, NewMesh, as_tensor, mirror_points, symmetric_mean
from monoface.modelling.mesh.unfold import smoothed_offsets

PART_NAMES = ("skin", "mouth", "teeth", "eye_left", "eye_right")
"""Parts of the default model: named meshes of an exported head."""
_PART_OF_SOURCE_PART = {
    "face": "skin", "head": "skin", "eye_sockets": "skin", "mouth": "mouth", "gums": "mouth",
    "teeth": "teeth", "eye_left": "eye_left", "eye_right": "eye_right",
}  # fmt: skip


@dataclass(frozen=True)
class LearnFaceModelConfig:
    """How the default face model is made.

    Attributes:
        source: ICT-FaceKit: its `FaceXModel` folder or the packed npz.
        identity_modes: Number of identity modes to keep.
        remesh: How fine the mesh is.
    """

    source: Path
    identity_modes: int = 80
    remesh: RemeshConfig = field(default_factory=RemeshConfig)

    def __post_init__(self) -> None:
        if self.identity_modes < 1:
            raise ConfigError(f"identity_modes: expected at least 1, got {self.identity_modes}.")


def learn_face_model(config: LearnFaceModelConfig) -> FaceModel:
    """Make the default face model.

    Raises:
        ModelFileError: If the source cannot be read or is not symmetric.
    """
    source = read_ict_facekit(config.source)
    pair = mirror_points(source)
    data = assemble(source, pair, remesh(source, pair, config.remesh), config.identity_modes)
    return FaceModel(with_closing_lids_and_lips(data))


def assemble(
    source: FaceModelData, pair: Int[np.ndarray, " source_verts"], mesh: NewMesh, identity_modes: int
) -> FaceModelData:
    """The face model that a new mesh makes of a source's modes, with painted albedo.

    Identity coordinates are those of `default_identity_modes`; so two meshes over
    one source understand the same coefficients.
    """
    combination = default_identity_modes(source, identity_modes)
    identity = torch.einsum("ik,ivc->kvc", combination, source.identity_basis_mm.double()).numpy()
    face_part = _new_parts(source, mesh.face_part)
    regions = _sampled_regions(source, mesh)
    expressions = mesh.sample.take(source.expression_basis_mm.double().numpy())
    mean = mesh.sample.take(symmetric_mean(source, pair))
    jaw_open = expressions[source.expression_names.index("jawOpen")]
    mean = _mirrored_exactly(touching_lips(mean, jaw_open, regions["lips"].numpy()), mesh.mirror)
    expressions = _repaired(source, mesh, mean, expressions, regions["eyelids"].numpy())
    regions |= _part_regions(mesh.faces, face_part, len(mean))
    albedo = as_tensor(painted_albedo(source, mesh, regions, face_part))
    model = FaceModelData(
        mean_mm=as_tensor(mean),
        identity_basis_mm=as_tensor(mesh.sample.take(identity)),
        expression_basis_mm=as_tensor(expressions),
        albedo_mean=albedo,
        albedo_basis=torch.zeros(0, len(mean), 3),
        faces=torch.from_numpy(mesh.faces),
        face_part=torch.from_numpy(face_part),
        part_names=PART_NAMES,
        uv=as_tensor(mesh.uv),
        weld=torch.from_numpy(mesh.weld),
        mirror=torch.from_numpy(mesh.mirror),
        regions=regions,
        landmarks={},
        expression_names=source.expression_names,
        expression_bounds=source.expression_bounds,
        eyes=_eye_joints(source, mean, regions),
        provenance=_provenance(source, coefficient_space(combination, source.expression_names)),
    )
    return replace(model, landmarks=_moved_landmarks(source, model))


def _mirrored_exactly(places: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Places rounded to float32, the second of each mirrored pair taken from the first."""
    rounded = places.astype(np.float32)
    first = np.minimum(np.arange(len(mirror)), mirror)
    return np.where((first == np.arange(len(mirror)))[:, None], rounded, rounded[first] * MIRROR)


def _repaired(
    source: FaceModelData, mesh: NewMesh, mean: np.ndarray, expressions: np.ndarray, lids: np.ndarray
) -> np.ndarray:
    """Expressions whose lids shut and whose triangles do not fold, but where they should."""
    names = source.expression_names
    expressions = expressions.copy()
    for name, side in (("eyeBlinkLeft", mean[:, 0] > 0), ("eyeBlinkRight", mean[:, 0] < 0)):
        row = names.index(name)
        expressions[row] = shutting_lids(mean, expressions[row], lids & side)
    smoothed = smoothed_offsets(mean, expressions, mesh.weld[mesh.faces])[:, mesh.weld]
    by_design = np.isin(names, FOLDING_BY_DESIGN)
    return np.where(by_design[:, None, None], expressions, smoothed)


def _new_parts(source: FaceModelData, face_part: np.ndarray) -> Int[np.ndarray, " faces"]:
    number = np.array(
        [PART_NAMES.index(_PART_OF_SOURCE_PART.get(name, "skin")) for name in source.part_names]
    )
    return number[face_part]


def _sampled_regions(source: FaceModelData, mesh: NewMesh) -> dict[str, Bool[Tensor, " verts"]]:
    origin = mesh.sample.index[:, 0]
    return {name: torch.from_numpy(mask[origin]) for name, mask in source_regions(source).items()}


def _part_regions(faces: np.ndarray, face_part: np.ndarray, count: int) -> dict[str, Bool[Tensor, " verts"]]:
    """Eyeballs, one by one and together; the vertices of the parts that share none with the skin."""
    regions = {}
    for name in ("eye_left", "eye_right", "teeth"):
        mask = torch.zeros(count, dtype=torch.bool)
        mask[torch.from_numpy(faces[face_part == PART_NAMES.index(name)].ravel())] = True
        regions[name] = mask
    regions["eyes"] = regions["eye_left"] | regions["eye_right"]
    return regions


def _moved_landmarks(source: FaceModelData, model: FaceModelData) -> dict[str, LandmarkSet]:
    """The source's landmarks, which are vertices, as points of the model's skin."""
    sets = {}
    for name, landmarks in source.landmarks.items():
        points = skin_points(source, model, source.weld[landmarks.index[:, 0]].numpy())
        sets[name] = LandmarkSet(torch.from_numpy(points.corners), as_tensor(points.weight))
    return sets


def _eye_joints(
    source: FaceModelData, mean: np.ndarray, regions: Mapping[str, Tensor]
) -> dict[str, EyeJoint]:
    centre, _ = eye_frame(source, outer_shell(source))
    joints = {}
    for name, own_centre in (("eye_left", centre), ("eye_right", centre * MIRROR)):
        mask = regions[name]
        weights = torch.zeros(len(mean))
        weights[mask] = as_tensor(centre_weights(mean[mask.numpy()].astype(np.float64), own_centre))
        joints[name] = replace(source.eyes[name], verts=mask, centre=weights)
    return joints


def _provenance(source: FaceModelData, space: str) -> dict[str, Any]:
    return dict(source.provenance) | {
        "coefficient_space": space,
        "model": "monoface default face model",
        "changes": "remeshed; identity modes recombined; eyeballs rebuilt; new texture layout; own albedo",
    }
