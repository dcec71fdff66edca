"""What all exporters are given: a rigged head as plain arrays, which knows no face model.

Lengths are millimetres in the model frame (+x towards the subject's left, +y up, +z out of the face). UV
has its origin top left. Exporters convert to what their format wants; nothing here is ever changed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt8

from monoface.core.errors import MonofaceError
from monoface.export.skeleton import Skeleton
from monoface.geometry.tangents import orthonormal_tangents, tangent_handedness, texture_tangents
from monoface.geometry.triangles import normalize_or_zero, vertex_normals

# Networks predict rotations in float32.
_ROTATION_TOLERANCE = 1e-4


class ExportError(MonofaceError):
    """A head cannot be exported, because its pieces contradict each other, or a file of ours is damaged."""


@dataclass(frozen=True, eq=False)
class Material:
    """How the surface of a part looks: without any light, for the photo's light is in the texture, or lit.

    Attributes:
        name: Unique in the head.
        texture_srgb: Texture, or None for one colour. Materials may share one array; it is stored once.
        color: Linear RGB in [0, 1], where there is no texture.
        normal_map: Tangent-space normals as glTF has them, or None. They show under a viewer's light only.
        lit: Whether a viewer's light shines on it: a rough, matt surface.
        see_through: Whether the texture has a fourth channel, opacity, and both sides are seen, as of lashes.
    """

    name: str
    texture_srgb: UInt8[np.ndarray, "height width channels"] | None = None
    color: tuple[float, float, float] = (1.0, 1.0, 1.0)
    normal_map: UInt8[np.ndarray, "rows columns 3"] | None = None
    lit: bool = False
    see_through: bool = False

    def __post_init__(self) -> None:
        channels = 4 if self.see_through else 3
        if self.texture_srgb is not None and self.texture_srgb.shape[-1] != channels:
            raise ExportError(
                f"material {self.name}: expected a texture of {channels} channels, "
                f"got {self.texture_srgb.shape[-1]}."
            )


@dataclass(frozen=True, eq=False)
class MeshPart:
    """One named mesh of the head, such as skin, teeth or an eye.

    Attributes:
        name: Unique in the head.
        verts_mm: Vertices of this person's neutral face.
        faces: Triangles, counter-clockwise seen from outside.
        uv: Texture coordinates, origin top left; vertices are doubled along seams.
        material: Name of its material.
        morphs_mm: Offsets of vertices at weight 1, by morph name. Names left out do not move the part.
        normals: Unit normals of the neutral face; computed from the triangles when left out.
        weld: For each vertex, the vertex of this part that stands for all at its place.
        numbers: Of each vertex, by name, for formats that have room for them.
        joint_weights: How far each vertex follows each joint of the head's skeleton; rows sum to 1.
    """

    name: str
    verts_mm: Float[np.ndarray, "verts 3"]
    faces: Int[np.ndarray, "faces 3"]
    uv: Float[np.ndarray, "verts 2"]
    material: str
    morphs_mm: Mapping[str, Float[np.ndarray, "verts 3"]] = field(default_factory=dict)
    normals: Float[np.ndarray, "verts 3"] | None = None
    weld: Int[np.ndarray, " verts"] | None = None
    numbers: Mapping[str, Float[np.ndarray, " verts"]] = field(default_factory=dict)
    joint_weights: Float[np.ndarray, "verts joints"] | None = None

    def __post_init__(self) -> None:
        count = len(self.verts_mm)
        if not count or not len(self.faces):
            raise ExportError(
                f"part {self.name}: expected vertices and triangles, got none. Leave the part out."
            )
        for name, index in (("faces", self.faces), ("weld", self.weld)):
            if index is not None and not 0 <= index.min() <= index.max() < count:
                raise ExportError(f"part {self.name}: expected {name} in 0..{count - 1}, got one outside.")
        arrays = {"verts_mm": self.verts_mm, "uv": self.uv, **self.morphs_mm, **self.numbers}
        if self.joint_weights is not None:
            arrays["joint_weights"] = self.joint_weights
        for name, array in arrays.items():
            if len(array) != count:
                raise ExportError(f"part {self.name}: expected {count} rows in {name}, got {len(array)}.")
            if not np.isfinite(array).all():
                raise ExportError(
                    f"part {self.name}: expected finite numbers in {name}, got NaN or infinity."
                )

    def neutral_normals(self) -> Float[np.ndarray, "verts 3"]:
        """Unit normals of the neutral face, given or computed; +z where there is none."""
        return self.normals_at(self.verts_mm) if self.normals is None else _unit_or_forward(self.normals)

    def tangents(self) -> Float[np.ndarray, "verts 4"]:
        """Unit tangents of the neutral face along growing u, and 1, or -1 where the texture is mirrored."""
        verts, uv = self.verts_mm[None].astype(np.float64), self.uv.astype(np.float64)
        along_u, along_v = texture_tangents(verts, self.faces.astype(np.int64), uv)
        normals = self.neutral_normals()
        tangent = orthonormal_tangents(normals, along_u[0])
        # Any direction across the normal will do where the texture tells none.
        other = np.linalg.cross(normals, np.roll(normals, 1, axis=-1) + 0.5)
        missing = (tangent == 0).all(axis=-1, keepdims=True)
        tangent = np.where(missing, normalize_or_zero(other), tangent)
        handed = tangent_handedness(normals, along_u[0], along_v[0])
        return np.concatenate((tangent, handed[:, None]), axis=-1)

    def normals_at(self, verts_mm: Float[np.ndarray, "verts 3"]) -> Float[np.ndarray, "verts 3"]:
        """Unit normals with the vertices elsewhere; +z where a vertex has no triangle with an area."""
        weld = None if self.weld is None else self.weld.astype(np.int64)
        return _unit_or_forward(vertex_normals(verts_mm, self.faces.astype(np.int64), weld))


@dataclass(frozen=True, eq=False)
class EyeNode:
    """An eyeball, and how it is turned.

    Attributes:
        part: Name of the part that turns.
        pivot_mm: Centre of the ball.
        rotation: From looking straight ahead (+z) to the present gaze.
    """

    part: str
    pivot_mm: Float[np.ndarray, " 3"]
    rotation: Float[np.ndarray, "3 3"]

    def __post_init__(self) -> None:
        _check_rotation(f"eye {self.part}", self.rotation)


@dataclass(frozen=True, eq=False)
class OrthographicCameraNode:
    """The photo's camera, weak perspective: pixel = scale * (x, y) + principal point.

    Attributes:
        T_camera_model: Rigid 4 x 4 transform to the camera frame (OpenCV axes), millimetres.
        scale_px_per_mm: Pixels a millimetre.
        principal_px: Where the viewing axis meets the photo.
        size_px: Width and height of the photo.
    """

    T_camera_model: Float[np.ndarray, "4 4"]
    scale_px_per_mm: float
    principal_px: tuple[float, float]
    size_px: tuple[int, int]

    def __post_init__(self) -> None:
        _check_camera(self.T_camera_model, self.scale_px_per_mm, self.size_px)


@dataclass(frozen=True, eq=False)
class PerspectiveCameraNode:
    """The photo's camera, a pinhole: pixel = focal * (x, y) / z + principal point.

    Attributes:
        T_camera_model: Rigid 4 x 4 transform to the camera frame (OpenCV axes), millimetres.
        focal_px: Focal length.
        principal_px: Where the viewing axis meets the photo.
        size_px: Width and height of the photo.
    """

    T_camera_model: Float[np.ndarray, "4 4"]
    focal_px: float
    principal_px: tuple[float, float]
    size_px: tuple[int, int]

    def __post_init__(self) -> None:
        _check_camera(self.T_camera_model, self.focal_px, self.size_px)


@dataclass(frozen=True, eq=False)
class RiggedHead:
    """A head that moves: parts, their materials, an expression, turning eyes and the photo's camera.

    Attributes:
        parts: At least one.
        materials: Those that parts name.
        morph_names: All morphs, in the order in which files list them.
        morph_weights: The photo's expression, one weight a morph.
        eyes: Parts that turn.
        camera: The photo's camera, if the head comes from a photo.
        extras: What else files shall say about the head, as JSON values.
        skeleton: Bones that parts with `joint_weights` follow.
    """

    parts: tuple[MeshPart, ...]
    materials: tuple[Material, ...]
    morph_names: tuple[str, ...] = ()
    morph_weights: Float[np.ndarray, " morphs"] = field(default_factory=lambda: np.zeros(0))
    eyes: tuple[EyeNode, ...] = ()
    camera: OrthographicCameraNode | PerspectiveCameraNode | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)
    skeleton: Skeleton | None = None

    def __post_init__(self) -> None:
        if not self.parts:
            raise ExportError("head: expected at least one part, got none.")
        if self.morph_weights.shape != (len(self.morph_names),):
            raise ExportError(
                f"head: expected {len(self.morph_names)} morph weights, got {len(self.morph_weights)}."
            )
        if not np.isfinite(self.morph_weights).all():
            raise ExportError("head: expected finite morph weights, got NaN or infinity.")
        _check_unique("part", (part.name for part in self.parts))
        _check_unique("material", (material.name for material in self.materials))
        _check_unique("morph", self.morph_names)
        _check_unique("eye", (eye.part for eye in self.eyes))
        _check_known("eye", (eye.part for eye in self.eyes), {part.name for part in self.parts})
        _check_known(
            "material", (part.material for part in self.parts), {material.name for material in self.materials}
        )
        _check_known("morph", (name for part in self.parts for name in part.morphs_mm), set(self.morph_names))
        joints = 0 if self.skeleton is None else len(self.skeleton.joints)
        for part in self.parts:
            if part.joint_weights is not None and part.joint_weights.shape[1] != joints:
                raise ExportError(
                    f"part {part.name}: expected weights of {joints} joints, "
                    f"got {part.joint_weights.shape[1]}."
                )

    def material_of(self, part: MeshPart) -> Material:
        """Material that a part of this head names."""
        return next(material for material in self.materials if material.name == part.material)

    def eye_of(self, part: MeshPart) -> EyeNode | None:
        """How a part of this head turns, or None if it does not."""
        return next((eye for eye in self.eyes if eye.part == part.name), None)

    def posed_verts_mm(self, part: MeshPart) -> Float[np.ndarray, "verts 3"]:
        """Vertices of a part of this head in the photo's expression: morphed, then turned if it is an eye."""
        verts_mm = part.verts_mm.astype(np.float64)
        for name, weight in zip(self.morph_names, self.morph_weights, strict=True):
            if weight != 0 and name in part.morphs_mm:
                verts_mm += weight * part.morphs_mm[name]
        eye = self.eye_of(part)
        return verts_mm if eye is None else (verts_mm - eye.pivot_mm) @ eye.rotation.T + eye.pivot_mm


def _unit_or_forward(normals: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(normals.astype(np.float64), axis=1, keepdims=True)
    return np.where(lengths > 0, normals / np.where(lengths > 0, lengths, 1), (0.0, 0.0, 1.0))


def _check_unique(kind: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ExportError(f"head: expected each {kind} name once, got {name!r} twice.")
        seen.add(name)


def _check_known(kind: str, names: Iterable[str], known: set[str]) -> None:
    for name in names:
        if name not in known:
            raise ExportError(f"head: {kind} {name!r} is named but not given; given: {sorted(known)}.")


def _check_camera(T_camera_model: np.ndarray, scale: float, size_px: tuple[int, int]) -> None:
    _check_rotation("camera", T_camera_model[:3, :3])
    if not np.isfinite(T_camera_model).all() or not np.array_equal(T_camera_model[3], (0, 0, 0, 1)):
        raise ExportError("camera: expected a finite rigid transform with last row 0 0 0 1.")
    if not (scale > 0 and np.isfinite(scale)) or min(size_px) <= 0:
        raise ExportError(f"camera: expected a positive scale and size, got {scale} and {size_px}.")


def _check_rotation(what: str, matrix: np.ndarray) -> None:
    error = np.abs(matrix @ matrix.T - np.eye(3)).max()
    if not error < _ROTATION_TOLERANCE or np.linalg.det(matrix) < 0:
        raise ExportError(f"{what}: expected a rotation matrix, got {matrix.round(4).tolist()}.")
