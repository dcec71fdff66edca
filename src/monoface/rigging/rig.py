"""A face model's head with all that animators want of it: bones, lashes, a mouth, a clean cut."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from monoface.export import WholeMesh
from monoface.export.skeleton import Skeleton
from monoface.facemodel.data import FaceModelData
from monoface.facemodel.parts import skin_verts
from monoface.rigging.bones import HEAD, JAW, Bones
from monoface.rigging.cutting import Cut, cut_mesh
from monoface.rigging.lashes import LashStrip, lash_strips, lash_texture
from monoface.rigging.mouth import TONGUE_OUT, Mouth
from monoface.rigging.mouth_texture import mouth_texture, outside_uv
from monoface.rigging.pieces import Piece, with_pieces

LASHES = "lashes"
INSIDE = ("mouth", "teeth")
"""Parts that have the mouth's own texture."""

# The bust is cut by a sphere: its middle, seen from the chin of the 68 points, and its radius. Nothing is cut
# above the lower end of the narrow face, nor of heads that have no neck.
_CUT_MIDDLE_MM, _CUT_RADIUS_MM = (0.0, 17.0, -112.0), 117.0
_CHIN = 8


@dataclass(frozen=True, eq=False)
class HeadRig:
    """What is common to all heads of a face model.

    Attributes:
        data: The face model.
        bones: Its skeleton, and weights of all its vertices.
        cut: What is left of its mesh.
        lashes: Strips along the lids; none where the model does not tell lids.
        mouth: The inside of the mouth; None where the model has none.
        mouth_texture: Of the inside, linear RGB; None without.
        lash_texture: With opacity.
    """

    data: FaceModelData
    bones: Bones
    cut: Cut
    lashes: tuple[LashStrip, ...]
    mouth: Mouth | None
    mouth_texture: Float[np.ndarray, "size size 3"] | None
    lash_texture: np.ndarray = field(default_factory=lash_texture)

    @classmethod
    def of(cls, data: FaceModelData) -> "HeadRig":
        """The rig of a face model."""
        mean = data.mean_mm.astype(np.float64)
        points = data.landmarks["ibug68"]
        chin = points.weight.astype(np.float64)[_CHIN] @ mean[points.index[_CHIN]]
        out = mean - (0, *chin[1:])
        height = _CUT_RADIUS_MM - np.linalg.norm(out - _CUT_MIDDLE_MM, axis=1)
        above = mean[:, 1] >= mean[data.regions["narrow_face"], 1].min()
        above |= ~skin_verts(data) | ("neck" not in data.regions)
        height = np.where(above, np.maximum(height, 1.0), height)
        mouth = Mouth.of(data)
        return cls(
            data=data,
            bones=Bones.of(data),
            cut=cut_mesh(height, data.faces, data.weld),
            lashes=lash_strips(data),
            mouth=mouth,
            mouth_texture=None if mouth is None else mouth_texture(data, mouth),
        )

    @property
    def morph_names(self) -> tuple[str, ...]:
        """The face model's expressions, and after them `tongueOut` where there is a tongue."""
        return self.data.expression_names + (() if self.mouth is None else (TONGUE_OUT,))

    @property
    def part_names(self) -> tuple[str, ...]:
        """Parts of rigged heads."""
        return self.data.part_names + ((LASHES,) if self.lashes else ())

    def skeleton(self, neutral_mm: Float[np.ndarray, "verts 3"]) -> Skeleton:
        """Bones of a person."""
        return self.bones.skeleton_of(neutral_mm, self.data)

    def mesh(
        self,
        neutral_mm: Float[np.ndarray, "verts 3"],
        morphs_mm: Float[np.ndarray, "morphs verts 3"],
        numbers: Mapping[str, Float[np.ndarray, " verts"]] | None = None,
    ) -> WholeMesh:
        """The whole mesh of a person, from vertices and offsets of the face model's own mesh."""
        neutral = neutral_mm if self.mouth is None else self.mouth.placed(neutral_mm)
        cut, data = self.cut, self.data
        bare = WholeMesh(
            verts_mm=cut.take(neutral),
            faces=cut.faces,
            face_part=data.face_part[cut.face_origin],
            part_names=self.part_names,
            uv=cut.take(data.uv),
            weld=cut.weld,
            morphs_mm=cut.take(morphs_mm),
            morph_names=self.data.expression_names,
            numbers={name: cut.take(rows[:, None])[:, 0] for name, rows in (numbers or {}).items()},
            joint_weights=cut.take(self.bones.weights),
        )
        added = [*self._lash_pieces(neutral, morphs_mm), *self._tongue_pieces(neutral, morphs_mm)]
        return with_pieces(bare, added, self.morph_names)

    def _lash_pieces(self, neutral: np.ndarray, morphs_mm: np.ndarray) -> list[Piece]:
        """The strips of lashes; each morph moves them as it moves their lids."""
        pieces = []
        for strip in self.lashes:
            centre = self.data.eyes[strip.eye].centre.astype(np.float64) @ neutral
            still = strip.verts(neutral, centre)
            offsets = np.zeros((len(morphs_mm), *still.shape))
            for row in np.flatnonzero(np.abs(morphs_mm[:, strip.index]).max(axis=(1, 2, 3)) > 0):
                offsets[row] = strip.verts(neutral + morphs_mm[row], centre) - still
            part, joint = self.part_names.index(LASHES), self._joint(HEAD)
            weld = np.arange(len(still))
            pieces.append(Piece(still, strip.faces, strip.uv, weld, offsets, {}, part, joint))
        return pieces

    def _tongue_pieces(self, neutral: np.ndarray, morphs_mm: np.ndarray) -> list[Piece]:
        """The tongue that comes out, among the inside of the mouth."""
        if self.mouth is None:
            return []
        tongue = self.mouth.tongue
        return [
            Piece(
                verts_mm=tongue.verts(neutral),
                faces=tongue.faces,
                uv=outside_uv(tongue.uv),
                weld=tongue.weld,
                morphs_mm=tongue.moved(morphs_mm),
                more_mm={TONGUE_OUT: tongue.out_mm},
                part=self.part_names.index(INSIDE[0]),
                joint=self._joint(JAW),
            )
        ]

    def _joint(self, name: str) -> int:
        return self.bones.skeleton.names.index(name)
