"""Mirror symmetry of a source face model: which point mirrors which, and one half turned into a whole."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from monoface.core.errors import ModelFileError
from monoface.facemodel.data import FaceModelData

MIRROR = np.array((-1.0, 1.0, 1.0))
"""Factor of each coordinate when the model frame is mirrored."""
_EXPRESSION_WEIGHT = 0.05


def mirror_points(source: FaceModelData) -> Int[np.ndarray, " verts"]:
    """For each vertex of a source model the vertex (of the first at its place) that is its mirror image.

    Places alone do not decide: lips and lids touch, and parts share places. So vertices are compared
    within their part by their place in the mean, by their offsets in the identity modes and, with a small
    weight since they are not quite symmetric, in the expressions, left against right. Each identity mode
    of a symmetric source is either symmetric or antisymmetric; which one is found first, by a comparison
    over places alone, where the few ambiguous vertices do not matter.

    Raises:
        ModelFileError: If a mode is neither symmetric nor antisymmetric.
    """
    from scipy.spatial import cKDTree  # Of the extra `facemodel`; importing the package does not need it.

    mean = source.mean_mm.double().numpy()
    modes = source.identity_basis_mm.double().numpy()
    _, nearest = cKDTree(mean).query(mean * MIRROR)
    signs = _mode_signs(modes, nearest)
    expressions = _EXPRESSION_WEIGHT * source.expression_basis_mm.double().numpy()
    swapped = expressions[[source.expression_names.index(mirrored_name(n)) for n in source.expression_names]]
    features = np.concatenate((mean[None], modes, expressions))
    mirrored = np.concatenate((mean[None], modes * signs[:, None, None], swapped)) * MIRROR
    flat, flat_mirrored = (
        values.transpose(1, 0, 2).reshape(len(mean), -1) for values in (features, mirrored)
    )
    pair = np.empty(len(mean), dtype=np.int64)
    for name in source.part_names:
        inside = source.regions[name].numpy()
        images = np.nonzero(source.regions[mirrored_part(name)].numpy())[0]
        _, nearest = cKDTree(flat[images]).query(flat_mirrored[inside])
        pair[inside] = images[nearest]
    return source.weld.numpy()[pair]


def mirrored_name(expression: str) -> str:
    """Name of the mirror image of one of ARKit's expressions: `jawLeft` becomes `jawRight`."""
    for side, other in (("Left", "Right"), ("Right", "Left")):
        if expression.endswith(side):
            return expression.removesuffix(side) + other
    return expression


def mirrored_part(name: str) -> str:
    """Name of the mirror image of a part: `eye_left` becomes `eye_right`."""
    return {"eye_left": "eye_right", "eye_right": "eye_left"}.get(name, name)


def _mode_signs(modes: Float[np.ndarray, "modes verts 3"], pair: np.ndarray) -> Float[np.ndarray, " modes"]:
    reflected = modes[:, pair] * MIRROR
    overlap = np.einsum("kvc,kvc->k", reflected, modes) / np.maximum(
        np.einsum("kvc,kvc->k", modes, modes), 1e-12
    )
    if (np.abs(overlap) < 0.9).any():
        worst = int(np.abs(overlap).argmin())
        raise ModelFileError(
            f"identity mode {worst}: expected it to be symmetric or antisymmetric (overlap with its mirror "
            f"image +1 or -1), got {overlap[worst]:.2f}. Only symmetric sources can be remeshed by halves."
        )
    return np.sign(overlap)


def symmetric_mean(source: FaceModelData, pair: Int[np.ndarray, " verts"]) -> Float[np.ndarray, "verts 3"]:
    """Mean of the source averaged with its mirror image, in millimetres: exact to the last bit."""
    mean = source.mean_mm.double().numpy()
    averaged = (mean + mean[pair] * MIRROR) / 2
    # Both sides of a pair would differ in rounding; one side decides.
    decides = np.where(mean[:, 0] >= 0, np.arange(len(mean)), pair)
    return np.where(mean[:, :1] >= 0, averaged, averaged[decides] * MIRROR)


@dataclass(frozen=True)
class SurfaceSample:
    """Vertices of a new mesh as weighted means of a source mesh's vertices.

    Attributes:
        index: Source vertices of each new vertex; unused places repeat one with weight 0.
        weight: Their weights, which sum to 1.
    """

    index: Int[np.ndarray, "verts 3"]
    weight: Float[np.ndarray, "verts 3"]

    @classmethod
    def at_vertices(cls, vertices: Int[np.ndarray, " verts"]) -> "SurfaceSample":
        """New vertices that are source vertices."""
        weight = np.zeros((len(vertices), 3))
        weight[:, 0] = 1
        return cls(np.repeat(vertices[:, None], 3, axis=1), weight)

    def take(self, values: Float[np.ndarray, "*batch source_verts 3"]) -> Float[np.ndarray, "*batch verts 3"]:
        """Values at the new vertices."""
        total = values[..., self.index[:, 0], :] * self.weight[:, 0, None]
        for entry in (1, 2):
            total = total + values[..., self.index[:, entry], :] * self.weight[:, entry, None]
        return total


@dataclass(frozen=True)
class NewMesh:
    """A mesh that samples a source model.

    Attributes:
        sample: Where its vertices lie on the source.
        faces: Triangles, counter-clockwise seen from outside.
        face_part: Part of each triangle, as an index into the source's parts.
        uv: Texture coordinates.
        weld: First vertex at the same place of the surface.
        mirror: Mirror image of each vertex; its texture coordinates are (1 - u, v).
    """

    sample: SurfaceSample
    faces: Int[np.ndarray, "faces 3"]
    face_part: Int[np.ndarray, " faces"]
    uv: Float[np.ndarray, "verts 2"]
    weld: Int[np.ndarray, " verts"]
    mirror: Int[np.ndarray, " verts"]


@dataclass(frozen=True)
class HalfMesh:
    """The half of a symmetric mesh with x >= 0.

    Attributes:
        sample: Where its vertices lie on the source.
        point: Number of each vertex's place; copies along seams share it.
        faces: Triangles over the vertices.
        face_part: Part of each triangle.
        mirrored_part: Part of each triangle's mirror image.
        uv: Texture coordinates; where u is 1/2 and x is 0 the two halves share vertices.
        on_plane: Whether a vertex lies in the mirror plane.
    """

    sample: SurfaceSample
    point: Int[np.ndarray, " verts"]
    faces: Int[np.ndarray, "faces 3"]
    face_part: Int[np.ndarray, " faces"]
    mirrored_part: Int[np.ndarray, " faces"]
    uv: Float[np.ndarray, "verts 2"]
    on_plane: np.ndarray


def whole_from_half(half: HalfMesh, pair: Int[np.ndarray, " source_verts"]) -> NewMesh:
    """Both halves as one mesh, welded in the mirror plane."""
    count = len(half.uv)
    shared = half.on_plane & (half.uv[:, 0] == 0.5)
    image = np.empty(count, dtype=np.int64)
    image[shared] = np.nonzero(shared)[0]
    image[~shared] = count + np.arange(count - shared.sum())

    own = ~shared
    sample = SurfaceSample(
        np.concatenate((half.sample.index, pair[half.sample.index[own]])),
        np.concatenate((half.sample.weight, half.sample.weight[own])),
    )
    point = half.point.astype(np.int64)
    image_point = np.where(half.on_plane, point, point + point.max() + 1)
    _, first, place = np.unique(
        np.concatenate((point, image_point[own])), return_index=True, return_inverse=True
    )
    faces = np.concatenate((half.faces, image[half.faces][:, ::-1]))
    mirror = np.concatenate((image, np.nonzero(own)[0]))
    uv = np.concatenate((half.uv, half.uv[own] * (-1.0, 1.0) + (1.0, 0.0)))
    part = np.concatenate((half.face_part, half.mirrored_part))
    return NewMesh(sample, faces, part, uv, first[place], mirror)


def as_tensor(values: np.ndarray) -> torch.Tensor:
    """Array as a float32 tensor."""
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
