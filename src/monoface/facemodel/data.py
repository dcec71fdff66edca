"""What a face model consists of, checked when it is made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic

from jaxtyping import Bool, Float, Int

from monoface.core.arrays import Array, namespace
from monoface.core.errors import ModelFileError
from monoface.facemodel.landmarks import LandmarkSet


@dataclass(frozen=True)
class EyeJoint(Generic[Array]):
    """An eyeball that turns about its centre.

    Attributes:
        verts: Which vertices belong to it.
        centre: Weights over all vertices, summing to 1, whose mean is the centre.
        gaze_rad: Turn about the model's axes (x, y, z) that each expression at weight 1 causes.
    """

    verts: Bool[Array, " verts"]
    centre: Float[Array, " verts"]
    gaze_rad: Float[Array, "expressions 3"]

    @cached_property
    def ball_index(self) -> Int[Array, " ball"]:
        """The vertices that turn."""
        return _places(self.verts)

    @cached_property
    def centre_index(self) -> Int[Array, " few"]:
        """The vertices whose weighted mean is the centre."""
        return _places(self.centre)


@dataclass(frozen=True)
class Correctives(Generic[Array]):
    """What some expressions do besides, in proportion to identity: lids meet in a blink of any eye.

    An expression of weight e moves a face of identity coefficients a by e times the sum of a_i times the
    offsets of mode i, beyond its row of the expression basis.

    Attributes:
        expression: Which expressions, by their row; ascending.
        verts: The few vertices that move; ascending.
        offsets_mm: For each of these expressions at weight 1, and each identity mode.
    """

    expression: Int[Array, " corrected"]
    verts: Int[Array, " few"]
    offsets_mm: Float[Array, "corrected identity few 3"]


@dataclass(frozen=True)
class FaceModelData(Generic[Array]):
    """All that a face model consists of, in numpy or PyTorch; see `FaceModel` for frames and units.

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
        landmarks: Landmark sets by name; reconstruction needs `ibug68`.
        expression_names: One for each expression.
        expression_bounds: (0, 1) for blendshapes; None for Gaussian spaces, whose coefficients have unit
            variance.
        eyes: Turning eyeballs by part name.
        provenance: Where it comes from, and its terms.
        correctives: What some expressions do besides, depending on identity; None where nothing does.
    """

    mean_mm: Float[Array, "verts 3"]
    identity_basis_mm: Float[Array, "identity verts 3"]
    expression_basis_mm: Float[Array, "expressions verts 3"]
    albedo_mean: Float[Array, "verts 3"]
    albedo_basis: Float[Array, "albedo verts 3"]
    faces: Int[Array, "faces 3"]
    face_part: Int[Array, " faces"]
    part_names: tuple[str, ...]
    uv: Float[Array, "verts 2"]
    weld: Int[Array, " verts"]
    mirror: Int[Array, " verts"]
    regions: Mapping[str, Bool[Array, " verts"]]
    landmarks: Mapping[str, LandmarkSet]
    expression_names: tuple[str, ...]
    expression_bounds: tuple[float, float] | None
    eyes: Mapping[str, EyeJoint] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    correctives: Correctives | None = None

    def __post_init__(self) -> None:
        self._check_shapes()
        self._check_lengths()
        self._check_indices()
        self._check_correctives()
        if self.expression_bounds not in (None, (0.0, 1.0)):
            raise ModelFileError(
                "face model: expected expression bounds of (0, 1), or none for a Gaussian space, got "
                f"{self.expression_bounds}. Scale the expression basis, so that weights lie in 0..1."
            )
        unknown = self.eyes.keys() - set(self.part_names)
        if unknown:
            raise ModelFileError(
                f"face model: expected eyes that are parts ({', '.join(self.part_names)}), "
                f"got {', '.join(sorted(unknown))}."
            )
        missing = {"narrow_face", "face"} - self.regions.keys()
        if missing:
            raise ModelFileError(f"face model: lacks the region {', '.join(sorted(missing))}.")

    def _check_shapes(self) -> None:
        """That numbers of axes and of coordinates are right, and what must not be empty is not."""
        bases = ("identity_basis_mm", "expression_basis_mm", "albedo_basis")
        wanted = dict.fromkeys(bases, (3, 3)) | dict.fromkeys(("mean_mm", "albedo_mean", "faces"), (2, 3))
        for name, (axes, last) in (wanted | {"uv": (2, 2)}).items():
            shape = tuple(getattr(self, name).shape)
            if len(shape) != axes or shape[-1] != last:
                raise ModelFileError(
                    f"face model: expected {name} of {axes} axes, the last {last} long, got shape {shape}."
                )
        if not len(self.mean_mm) or not len(self.faces):
            raise ModelFileError(
                f"face model: expected vertices and triangles, got {len(self.mean_mm)} and {len(self.faces)}."
            )
        for name, points in self.landmarks.items():
            if points.index.ndim != 2 or points.index.shape[1] < 1:
                raise ModelFileError(
                    f"face model: expected at least one vertex for each point of landmark set {name}, got "
                    f"shape {tuple(points.index.shape)}."
                )

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


def _places(values: Array) -> Any:
    """Where values of one axis are not zero."""
    return namespace(values).argwhere(values)[:, 0]
