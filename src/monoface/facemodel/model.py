"""The face model: a 3DMM with named parts, regions, landmarks and turning eyes."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from monoface.core.errors import ModelFileError
from monoface.facemodel.landmarks import FLM18, FLM18_GROUPS, FLM18_OF_21, JAW, JAW17, LandmarkSet
from monoface.geometry.rotations import matrix_from_axis_angle


@dataclass(frozen=True)
class EyeJoint:
    """An eyeball that turns about its centre.

    Attributes:
        verts: Which vertices belong to it.
        centre: Weights over all vertices, summing to 1, whose mean is the centre.
        gaze_rad: Turn about the model's axes (x, y, z) that each expression at weight 1 causes.
    """

    verts: Bool[Tensor, " verts"]
    centre: Float[Tensor, " verts"]
    gaze_rad: Float[Tensor, "expressions 3"]

    @cached_property
    def ball_index(self) -> Int[Tensor, " ball"]:
        """The vertices that turn."""
        return self.verts.nonzero()[:, 0]

    @cached_property
    def centre_index(self) -> Int[Tensor, " few"]:
        """The vertices whose weighted mean is the centre."""
        return self.centre.nonzero()[:, 0]


@dataclass(frozen=True)
class Correctives:
    """What some expressions do besides, in proportion to identity: lids meet in a blink of any eye.

    An expression of weight e moves a face of identity coefficients a by e times the sum of a_i times the
    offsets of mode i, beyond its row of the expression basis.

    Attributes:
        expression: Which expressions, by their row; ascending.
        verts: The few vertices that move; ascending.
        offsets_mm: For each of these expressions at weight 1, and each identity mode.
    """

    expression: Int[Tensor, " corrected"]
    verts: Int[Tensor, " few"]
    offsets_mm: Float[Tensor, "corrected identity few 3"]


@dataclass(frozen=True)
class FaceModelData:
    """All that a face model consists of; see `FaceModel` for frames and units.

    Attributes:
        mean_mm: Vertices of the mean, neutral face.
        identity_basis_mm: Offsets of unit-variance identity modes.
        expression_basis_mm: Offsets of expressions at weight 1.
        albedo_mean: Linear RGB of each vertex.
        albedo_basis: Offsets in linear RGB of unit-variance albedo modes; may have no row.
        faces: Triangles, counter-clockwise seen from outside.
        face_part: Index of each triangle's part in `part_names`.
        part_names: For instance skin, eye_left, teeth.
        uv: Texture coordinates, origin top left; seam vertices are doubled.
        weld: For each vertex the first vertex at the same place, so that normals know no seams.
        mirror: For each vertex its mirror image in x, or itself where the mesh is not symmetric.
        regions: Named sets of vertices; `narrow_face` and `face` always.
        landmarks: Landmark sets by name.
        expression_names: One for each expression.
        expression_bounds: (0, 1) for blendshapes, None for Gaussian spaces.
        eyes: Turning eyeballs by part name.
        provenance: Where it comes from, and its terms.
        correctives: What some expressions do besides, depending on identity; None where nothing does.
    """

    mean_mm: Float[Tensor, "verts 3"]
    identity_basis_mm: Float[Tensor, "identity verts 3"]
    expression_basis_mm: Float[Tensor, "expressions verts 3"]
    albedo_mean: Float[Tensor, "verts 3"]
    albedo_basis: Float[Tensor, "albedo verts 3"]
    faces: Int[Tensor, "faces 3"]
    face_part: Int[Tensor, " faces"]
    part_names: tuple[str, ...]
    uv: Float[Tensor, "verts 2"]
    weld: Int[Tensor, " verts"]
    mirror: Int[Tensor, " verts"]
    regions: Mapping[str, Bool[Tensor, " verts"]]
    landmarks: Mapping[str, LandmarkSet]
    expression_names: tuple[str, ...]
    expression_bounds: tuple[float, float] | None
    eyes: Mapping[str, EyeJoint] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    correctives: Correctives | None = None

    def __post_init__(self) -> None:
        self._check_lengths()
        self._check_indices()
        self._check_correctives()
        missing = {"narrow_face", "face"} - self.regions.keys()
        if missing:
            raise ModelFileError(f"face model: lacks the region {', '.join(sorted(missing))}.")

    def _check_lengths(self) -> None:
        verts = len(self.mean_mm)
        by_vertex = {
            "identity_basis_mm": self.identity_basis_mm.shape[1],
            "expression_basis_mm": self.expression_basis_mm.shape[1],
            "albedo_mean": len(self.albedo_mean),
            "albedo_basis": self.albedo_basis.shape[1],
            "uv": len(self.uv),
            "weld": len(self.weld),
            "mirror": len(self.mirror),
        }
        by_vertex |= {f"region {name}": len(mask) for name, mask in self.regions.items()}
        by_vertex |= {f"verts of {name}": len(eye.verts) for name, eye in self.eyes.items()}
        by_vertex |= {f"centre of {name}": len(eye.centre) for name, eye in self.eyes.items()}
        for name, count in by_vertex.items():
            if count != verts:
                raise ModelFileError(f"face model: expected {verts} vertices in {name}, got {count}.")
        if len(self.expression_names) != len(self.expression_basis_mm):
            raise ModelFileError(
                f"face model: expected {len(self.expression_basis_mm)} expression names, "
                f"got {len(self.expression_names)}."
            )
        for name, eye in self.eyes.items():
            if eye.gaze_rad.shape != (len(self.expression_names), 3):
                raise ModelFileError(
                    f"face model: expected a turn of {name} for each of {len(self.expression_names)} "
                    f"expressions, got {tuple(eye.gaze_rad.shape)}."
                )

    def _check_indices(self) -> None:
        verts = len(self.mean_mm)
        indices = [self.faces, self.weld, self.mirror, *(points.index for points in self.landmarks.values())]
        if any(len(index) and not 0 <= int(index.min()) <= int(index.max()) < verts for index in indices):
            raise ModelFileError(f"face model: expected vertex indices in 0..{verts - 1}, got one outside.")
        parts = len(self.part_names)
        if len(self.face_part) != len(self.faces) or bool((self.face_part >= parts).any()):
            raise ModelFileError(f"face model: expected one of {parts} parts for each triangle.")
        for name, points in self.landmarks.items():
            if points.index.shape != points.weight.shape:
                raise ModelFileError(
                    f"face model: expected as many weights as vertices in landmark set {name}."
                )

    def _check_correctives(self) -> None:
        extra = self.correctives
        if extra is None:
            return
        expected = (len(extra.expression), len(self.identity_basis_mm), len(extra.verts), 3)
        if extra.offsets_mm.shape != expected:
            raise ModelFileError(
                f"face model: expected correctives of shape {expected}, got {tuple(extra.offsets_mm.shape)}."
            )
        limits = ((extra.expression, len(self.expression_names)), (extra.verts, len(self.mean_mm)))
        for index, count in limits:
            rises = bool((index[1:] > index[:-1]).all())
            if len(index) and not (rises and int(index[0]) >= 0 and int(index[-1]) < count):
                raise ModelFileError(
                    f"face model: expected ascending rows of correctives in 0..{count - 1}, got others."
                )


class FaceModel(nn.Module):
    """3D morphable model: linear in identity and in expression, apart from a few correctives.

    Model frame: right-handed, millimetres, +x towards the subject's left, +y up, +z out of the face,
    origin inside the head. Identity and albedo coefficients have unit variance. Bases are buffers, so
    the model moves with `.to(device)`; `data` keeps what is no tensor of the forward computation.
    """

    mean_mm: Tensor
    identity_basis_mm: Tensor
    expression_basis_mm: Tensor
    albedo_mean: Tensor
    albedo_basis: Tensor
    faces: Tensor
    uv: Tensor
    weld: Tensor
    corrected: Tensor
    corrective_verts: Tensor
    corrective_mm: Tensor

    def __init__(self, data: FaceModelData) -> None:
        super().__init__()
        self.data = data
        names = ("mean_mm", "identity_basis_mm", "expression_basis_mm", "albedo_mean", "albedo_basis")
        for name in names:
            self.register_buffer(name, getattr(data, name).float(), persistent=False)
        for name in ("faces", "uv", "weld"):
            self.register_buffer(name, getattr(data, name), persistent=False)
        extra = data.correctives or _no_correctives(len(data.identity_basis_mm))
        self.register_buffer("corrected", extra.expression, persistent=False)
        self.register_buffer("corrective_verts", extra.verts, persistent=False)
        self.register_buffer("corrective_mm", extra.offsets_mm.float(), persistent=False)

    @property
    def identity_size(self) -> int:
        """Number of identity coefficients."""
        return len(self.identity_basis_mm)

    @property
    def expression_size(self) -> int:
        """Number of expression coefficients."""
        return len(self.expression_basis_mm)

    @property
    def albedo_size(self) -> int:
        """Number of albedo coefficients."""
        return len(self.albedo_basis)

    @property
    def coefficient_space(self) -> str:
        """Name of the identity and expression coordinates; models with equal names understand each other.

        The provenance may state it; otherwise it is a hash of the bases.
        """
        stated = self.data.provenance.get("coefficient_space")
        if stated is not None:
            return str(stated)
        digest = hashlib.sha256()
        for basis in (self.data.identity_basis_mm, self.data.expression_basis_mm):
            digest.update(basis.half().numpy().tobytes())
        return digest.hexdigest()[:16]

    @property
    def albedo_space(self) -> str:
        """Name of the albedo coordinates: a hash of the mean and the basis; empty without a basis."""
        if not self.albedo_size:
            return ""
        digest = hashlib.sha256()
        for part in (self.data.albedo_mean, self.data.albedo_basis):
            digest.update(part.half().numpy().tobytes())
        return digest.hexdigest()[:16]

    @property
    def expression_names(self) -> tuple[str, ...]:
        """Name of each expression coefficient."""
        return self.data.expression_names

    @property
    def expression_bounds(self) -> tuple[float, float] | None:
        """Range of expression coefficients, or None for Gaussian spaces."""
        return self.data.expression_bounds

    def shape(
        self, identity: Float[Tensor, "batch identity"], expression: Float[Tensor, "batch expressions"]
    ) -> Float[Tensor, "batch verts 3"]:
        """Vertices in the model frame, millimetres, with the eyeballs turned by `eyeLook*`."""
        neutral = self.mean_mm + torch.einsum("bk,kvc->bvc", identity, self.identity_basis_mm)
        moved = neutral + torch.einsum("be,evc->bvc", expression, self.expression_basis_mm)
        if len(self.corrected):
            extra = _corrective_offsets(identity, expression[:, self.corrected], self.corrective_mm)
            moved = moved.index_add(1, self.corrective_verts, extra)
        return _with_turned_eyes(moved, tuple(self.data.eyes.values()), expression)

    def expression_basis_for(
        self, identity: Float[Tensor, "batch identity"]
    ) -> Float[Tensor, "batch expressions verts 3"]:
        """Offsets of expressions at weight 1 of given people, in millimetres: the basis with its correctives.

        Large: on the shipped model 6 MB a face.
        """
        basis = self.expression_basis_mm.expand(len(identity), -1, -1, -1).clone()
        if len(self.corrected):
            extra = torch.einsum("bk,ekvc->bevc", identity, self.corrective_mm)
            basis[:, self.corrected[:, None], self.corrective_verts] += extra
        return basis

    def albedo(self, coeffs: Float[Tensor, "batch albedo"]) -> Float[Tensor, "batch verts 3"]:
        """Diffuse reflectance of each vertex in linear RGB, clamped to [0, 1]."""
        return (self.albedo_mean + torch.einsum("bk,kvc->bvc", coeffs, self.albedo_basis)).clamp(0, 1)

    def landmarks(self, name: str) -> LandmarkSet:
        """Landmark set of that name, on the model's device.

        `flm18`, the points of landmark maps, need not be stored. It is AFLW's 21 points without ears and
        chin, so it has the rows of `aflw21`, which were found on AFLW's annotations: that is what maps are
        learned from, and the published means of the 68 points lie a few millimetres elsewhere at the
        centres of eyes and mouth. Models without `aflw21` get those means. Nor need `jaw17`, the outline.

        Raises:
            ModelFileError: If the model has no such set.
        """
        if name == FLM18 and FLM18 not in self.data.landmarks:
            if "aflw21" in self.data.landmarks:
                return self.landmarks("aflw21").grouped(tuple((row,) for row in FLM18_OF_21))
            return self.landmarks("ibug68").grouped(FLM18_GROUPS)
        if name == JAW17 and JAW17 not in self.data.landmarks:
            return self.landmarks("ibug68").grouped(tuple((row,) for row in JAW))
        if name not in self.data.landmarks:
            known = ", ".join(sorted(self.data.landmarks)) or "none"
            raise ModelFileError(f"landmark set {name}: the face model has no such set; it has {known}.")
        return self.data.landmarks[name].to(self.mean_mm.device)

    def subset(self, points: LandmarkSet) -> "PointBasis":
        """The model reduced to a few points, for losses that need no whole mesh."""
        index, weight = points.index.to(self.mean_mm.device), points.weight.to(self.mean_mm.device)[..., None]
        mean = (self.mean_mm[index] * weight).sum(dim=-2)
        identity = (self.identity_basis_mm[:, index] * weight).sum(dim=-2)
        expression = (self.expression_basis_mm[:, index] * weight).sum(dim=-2)
        corrective = None
        if len(self.corrected):
            place = index.new_full((len(self.mean_mm),), -1)
            place[self.corrective_verts] = torch.arange(len(self.corrective_verts), device=place.device)
            known = place[index]
            offsets = self.corrective_mm[:, :, known.clamp_min(0)] * (known >= 0)[..., None]
            corrective = (offsets * weight).sum(dim=-2)
        return PointBasis(mean, identity, expression, self.corrected, corrective)


class PointBasis(nn.Module):
    """A face model's mean and bases at a few points of its surface, in millimetres.

    Points on the eyeballs do not turn here.

    Args:
        mean_mm: Points of the mean, neutral face.
        identity_mm: Offsets of identity modes.
        expression_mm: Offsets of expressions at weight 1, without correctives.
        corrected: Rows of the expressions that do more, depending on identity (see `Correctives`).
        corrective_mm: What they do besides; without it, nothing.
    """

    mean_mm: Tensor
    identity_mm: Tensor
    expression_mm: Tensor
    corrected: Tensor
    corrective_mm: Tensor

    def __init__(
        self,
        mean_mm: Float[Tensor, "points 3"],
        identity_mm: Float[Tensor, "identity points 3"],
        expression_mm: Float[Tensor, "expressions points 3"],
        corrected: Int[Tensor, " corrected"] | None = None,
        corrective_mm: Float[Tensor, "corrected identity points 3"] | None = None,
    ) -> None:
        super().__init__()
        if corrected is None or corrective_mm is None:
            corrected = torch.zeros(0, dtype=torch.long, device=mean_mm.device)
            corrective_mm = mean_mm.new_zeros(0, *identity_mm.shape)
        self.register_buffer("mean_mm", mean_mm, persistent=False)
        self.register_buffer("identity_mm", identity_mm, persistent=False)
        self.register_buffer("expression_mm", expression_mm, persistent=False)
        self.register_buffer("corrected", corrected, persistent=False)
        self.register_buffer("corrective_mm", corrective_mm, persistent=False)

    def forward(
        self, identity: Float[Tensor, "batch identity"], expression: Float[Tensor, "batch expressions"]
    ) -> Float[Tensor, "batch points 3"]:
        """Points in the model frame, millimetres."""
        count = len(self.mean_mm)
        offsets = identity @ self.identity_mm.flatten(1) + expression @ self.expression_mm.flatten(1)
        points = self.mean_mm + offsets.unflatten(-1, (count, 3))
        if len(self.corrected):
            points = points + _corrective_offsets(identity, expression[:, self.corrected], self.corrective_mm)
        return points

    def moved(self, offset_mm: Float[Tensor, "points 3"]) -> "PointBasis":
        """The same points, each beside its place on the mean face by an offset in the model frame."""
        return PointBasis(
            self.mean_mm + offset_mm, self.identity_mm, self.expression_mm, self.corrected, self.corrective_mm
        )

    def expression_basis_for(
        self, identity: Float[Tensor, "batch identity"]
    ) -> Float[Tensor, "batch expressions points 3"]:
        """Offsets of expressions at weight 1 of given people: the basis with its correctives."""
        basis = self.expression_mm.expand(len(identity), -1, -1, -1)
        if not len(self.corrected):
            return basis
        extra = torch.einsum("bk,ekpc->bepc", identity, self.corrective_mm)
        return basis.index_add(1, self.corrected, extra)

    def identity_basis_for(
        self, expression: Float[Tensor, "batch expressions"]
    ) -> Float[Tensor, "batch identity points 3"]:
        """Offsets of identity modes of faces in given expressions: the basis with its correctives."""
        basis = self.identity_mm.expand(len(expression), -1, -1, -1)
        if not len(self.corrected):
            return basis
        return basis + torch.einsum("be,ekpc->bkpc", expression[:, self.corrected], self.corrective_mm)


def _corrective_offsets(
    identity: Float[Tensor, "batch identity"],
    weights: Float[Tensor, "batch corrected"],
    offsets_mm: Float[Tensor, "corrected identity points 3"],
) -> Float[Tensor, "batch points 3"]:
    pairs = (weights[:, :, None] * identity[:, None]).flatten(1)
    return (pairs @ offsets_mm.flatten(2).flatten(0, 1)).unflatten(-1, offsets_mm.shape[2:])


def _no_correctives(identity_size: int) -> Correctives:
    nothing = torch.zeros(0, dtype=torch.long)
    return Correctives(nothing, nothing, torch.zeros(0, identity_size, 0, 3))


def _with_turned_eyes(verts: Tensor, eyes: tuple[EyeJoint, ...], expression: Tensor) -> Tensor:
    if not eyes:
        return verts
    gaze_rad = torch.stack([eye.gaze_rad for eye in eyes]).to(expression)
    turns = matrix_from_axis_angle(torch.einsum("be,nec->nbc", expression, gaze_rad))
    for eye, turn in zip(eyes, turns, strict=True):
        ball_index, centre_index = eye.ball_index.to(verts.device), eye.centre_index.to(verts.device)
        weight = eye.centre.to(verts)[centre_index]
        centre = torch.einsum("v,bvc->bc", weight, verts.index_select(1, centre_index))[:, None]
        turned = (verts.index_select(1, ball_index) - centre) @ turn.transpose(-1, -2) + centre
        verts = verts.index_copy(1, ball_index, turned)
    return verts
