"""What a linear face model computes: written once, for numpy and PyTorch."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Generic

import numpy as np
from jaxtyping import Float

from monoface.core.arrays import Array, namespace, numpy_of
from monoface.core.errors import ModelFileError
from monoface.facemodel.data import FaceModelData
from monoface.facemodel.formulas.eye_turns import changed_verts, turn_chords, with_turned_eyes
from monoface.facemodel.formulas.linear_points import LinearPoints, combined, corrective_offsets
from monoface.facemodel.landmarks import FLM18, FLM18_GROUPS, FLM18_OF_21, JAW, JAW17, LandmarkSet


class LinearFaceModel(ABC, Generic[Array]):
    """3D morphable model: linear in identity and in expression, apart from a few correctives.

    Model frame: right-handed, millimetres, +x towards the subject's left, +y up, +z out of the face,
    origin inside the head. Identity and albedo coefficients have unit variance. `NumpyFaceModel` serves
    inference, `FaceModel` training; both have what `data` has as arrays of one kind, in float32.

    Attributes:
        data: What it consists of.
    """

    data: FaceModelData
    mean_mm: Array
    identity_basis_mm: Array
    expression_basis_mm: Array
    albedo_mean: Array
    albedo_basis: Array
    faces: Array
    uv: Array
    weld: Array
    corrected: Array
    corrective_verts: Array
    corrective_mm: Array

    @abstractmethod
    def in_numpy(self) -> Any:
        """The same model in numpy, which shares its memory if it can."""

    @abstractmethod
    def subset(self, points: LandmarkSet) -> LinearPoints[Array]:
        """The model reduced to a few points."""

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
            digest.update(numpy_of(basis).astype(np.float16).tobytes())
        return digest.hexdigest()[:16]

    @property
    def albedo_space(self) -> str:
        """Name of the albedo coordinates: a hash of the mean and the basis; empty without a basis."""
        if not self.albedo_size:
            return ""
        digest = hashlib.sha256()
        for part in (self.data.albedo_mean, self.data.albedo_basis):
            digest.update(numpy_of(part).astype(np.float16).tobytes())
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
        self, identity: Float[Array, "batch identity"], expression: Float[Array, "batch expressions"]
    ) -> Float[Array, "batch verts 3"]:
        """Vertices in the model frame, millimetres, with the eyeballs turned by `eyeLook*`."""
        moved = self.mean_mm + combined(identity, self.identity_basis_mm)
        moved = moved + combined(expression, self.expression_basis_mm)
        if len(self.corrected):
            extra = corrective_offsets(identity, expression[:, self.corrected], self.corrective_mm)
            moved = changed_verts(moved, self.corrective_verts, moved[:, self.corrective_verts] + extra)
        return with_turned_eyes(moved, tuple(self.data.eyes.values()), expression)

    def expression_basis_for(
        self, identity: Float[Array, "batch identity"]
    ) -> Float[Array, "batch expressions verts 3"]:
        """Offsets of expressions at weight 1 of given people, in millimetres: the basis with its correctives.

        Eyeballs move along the chords of their turns (`eye_turns.turn_chords`), since offsets are linear: at
        weight 1 they are where `shape` has them, and on the way there a little smaller.

        Large: on the shipped model 6 MB a face.
        """
        xp = namespace(identity)
        common: Any = self.expression_basis_mm
        basis = xp.broadcast_to(common, (len(identity), *common.shape)) + xp.zeros_like(common)
        if len(self.corrected):
            extra = xp.einsum("bk,ekvc->bevc", identity, self.corrective_mm)
            basis[:, self.corrected[:, None], self.corrective_verts] += extra
        if self.data.eyes:
            neutral = self.mean_mm + combined(identity, self.identity_basis_mm)
            for eye in self.data.eyes.values():
                basis[:, :, eye.ball_index] += turn_chords(eye, neutral)
        return basis

    def albedo(self, coeffs: Float[Array, "batch albedo"]) -> Float[Array, "batch verts 3"]:
        """Diffuse reflectance of each vertex in linear RGB, clamped to [0, 1]."""
        return (self.albedo_mean + combined(coeffs, self.albedo_basis)).clip(0, 1)

    def landmarks(self, name: str) -> LandmarkSet:
        """Landmark set of that name, of the model's kind and on its device.

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
        found = self.data.landmarks[name]
        return found if isinstance(self.mean_mm, np.ndarray) else found.to(self.mean_mm.device)

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

    def _bases_at(self, points: LandmarkSet) -> tuple[Array, Array, Array, Array, Array | None]:
        """Mean, bases, corrected expressions and correctives at a few points."""
        index, weight = points.index, points.weight[..., None]
        bases = self.mean_mm, self.identity_basis_mm, self.expression_basis_mm
        mean, identity, expression = ((basis[..., index, :] * weight).sum(-2) for basis in bases)
        if not len(self.corrected):
            return mean, identity, expression, self.corrected, None
        place = namespace(index).full_like(self.weld, -1)
        place[self.corrective_verts] = namespace(index).arange(
            len(self.corrective_verts), device=self.corrective_verts.device
        )
        known = place[index]
        offsets = self.corrective_mm[:, :, known.clip(0)] * (known >= 0)[..., None]
        return mean, identity, expression, self.corrected, (offsets * weight).sum(-2)
