"""The face model: a 3DMM with named parts, regions, landmarks and turning eyes."""

import hashlib
from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from monoface.core.errors import ModelFileError
from monoface.facemodel.data import Correctives, FaceModelData
from monoface.facemodel.eye_turns import turn_chords, with_turned_eyes
from monoface.facemodel.landmarks import FLM18, FLM18_GROUPS, FLM18_OF_21, JAW, JAW17, LandmarkSet
from monoface.facemodel.point_basis import PointBasis, corrective_offsets


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

    @property
    def bounded(self) -> bool:
        """Whether expression weights lie in [0, 1]."""
        return self.data.expression_bounds is not None

    def shape(
        self, identity: Float[Tensor, "batch identity"], expression: Float[Tensor, "batch expressions"]
    ) -> Float[Tensor, "batch verts 3"]:
        """Vertices in the model frame, millimetres, with the eyeballs turned by `eyeLook*`."""
        neutral = self.mean_mm + torch.einsum("bk,kvc->bvc", identity, self.identity_basis_mm)
        moved = neutral + torch.einsum("be,evc->bvc", expression, self.expression_basis_mm)
        if len(self.corrected):
            extra = corrective_offsets(identity, expression[:, self.corrected], self.corrective_mm)
            moved = moved.index_add(1, self.corrective_verts, extra)
        return with_turned_eyes(moved, tuple(self.data.eyes.values()), expression)

    def expression_basis_for(
        self, identity: Float[Tensor, "batch identity"]
    ) -> Float[Tensor, "batch expressions verts 3"]:
        """Offsets of expressions at weight 1 of given people, in millimetres: the basis with its correctives.

        Eyeballs move along the chords of their turns (`eye_turns.turn_chords`), since offsets are linear: at
        weight 1 they are where `shape` has them, and on the way there a little smaller.

        Large: on the shipped model 6 MB a face.
        """
        basis = self.expression_basis_mm.expand(len(identity), -1, -1, -1).clone()
        if len(self.corrected):
            extra = torch.einsum("bk,ekvc->bevc", identity, self.corrective_mm)
            basis[:, self.corrected[:, None], self.corrective_verts] += extra
        if self.data.eyes:
            neutral = self.mean_mm + torch.einsum("bk,kvc->bvc", identity, self.identity_basis_mm)
            for eye in self.data.eyes.values():
                basis[:, :, eye.ball_index.to(basis.device)] += turn_chords(eye, neutral)
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

    def require_landmarks(self, names: Iterable[str], purpose: str) -> None:
        """Check that landmark sets are there, before any work goes into what needs them.

        Args:
            names: Of the sets.
            purpose: What needs them, for the error.

        Raises:
            ModelFileError: If one is missing.
        """
        missing = sorted(set(names) - self.data.landmarks.keys() - {FLM18, JAW17})
        if missing:
            known = ", ".join(sorted(self.data.landmarks)) or "none"
            raise ModelFileError(
                f"face model: expected the landmark sets {', '.join(missing)}, which {purpose} needs, got a "
                f"model with {known}. Add them to the model, or leave out what needs them."
            )

    def subset(self, points: LandmarkSet) -> PointBasis:
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
        return PointBasis(mean, identity, expression, self.corrected, corrective, bounded=self.bounded)


def _no_correctives(identity_size: int) -> Correctives:
    nothing = torch.zeros(0, dtype=torch.long)
    return Correctives(nothing, nothing, torch.zeros(0, identity_size, 0, 3))
