"""Wrinkles of a reconstructed face: heights over its texture, their normal map, and the dense mesh."""

import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8, UInt16
from PIL import Image
from torch import Tensor

from monoface.core.assets import asset_names, asset_path, sha256_of
from monoface.core.errors import ConfigError, ModelFileError
from monoface.core.processes import PerProcess
from monoface.displacement.config import DisplacementConfig
from monoface.displacement.displacer import Displacer
from monoface.displacement.evidence import Evidence
from monoface.facemodel import FaceModel
from monoface.facemodel.parts import skin_triangles
from monoface.geometry.triangles import vertex_normals
from monoface.networks import Translator, load_translator
from monoface.render import BorderStrip, DenseMesh, border_strip
from monoface.shading.displacement import displaced_points, tangent_space_normals
from monoface.texturing.appearance import Appearance
from monoface.texturing.texturer import PlacedMesh, Texturer
from monoface.texturing.unwrapping import evidence_of, unwrap_face

_SUFFIX = ".safetensors"
# Heights of a displacement map are whole steps from this value, which means none.
ZERO_STEP = 32768
_MOST_STEPS = 32767


@dataclass(frozen=True, eq=False)
class FaceDetail:
    """Relief of one face that its coarse mesh does not have, laid out by the model's UV.

    It is static: what the photo's expression shows, whatever expression the rig is set to afterwards.

    Attributes:
        height_mm: Along the normals of the coarse mesh; 0 where the photo shows no skin.
        normal_map: Tangent-space normals as glTF has them, 8 bits.
        limit_mm: Largest height that there could be.
        dense: The mesh with one vertex a texel, in PyTorch; not part of the stable interface.
    """

    height_mm: Float[np.ndarray, "size size"]
    normal_map: UInt8[np.ndarray, "size size 3"]
    limit_mm: float
    dense: "DenseSkin"

    @property
    def size(self) -> int:
        """Side of the maps in texels."""
        return len(self.height_mm)

    @property
    def mm_per_step(self) -> float:
        """Height of a step of `steps`."""
        return self.limit_mm / _MOST_STEPS

    @property
    def steps(self) -> UInt16[np.ndarray, "size size"]:
        """Heights in 16 bits: (step - 32768) times `mm_per_step` are millimetres."""
        steps: UInt16[np.ndarray, "size size"] = (
            np.round(self.height_mm / self.mm_per_step).clip(-_MOST_STEPS, _MOST_STEPS) + ZERO_STEP
        ).astype(np.uint16)
        return steps

    def displaced(self, verts_mm: Float[np.ndarray, "verts 3"]) -> "DisplacedSkin":
        """The skin with one vertex a texel, displaced by the heights, and closed along its seams.

        Args:
            verts_mm: Vertices of the coarse mesh: `Face.verts_mm`, for the photo's expression.
        """
        closed = self.dense.closed(torch.from_numpy(verts_mm), torch.from_numpy(self.height_mm))
        return DisplacedSkin(closed.points.numpy(), closed.faces.numpy(), closed.uv.numpy())

    def encode_png(self) -> bytes:
        """The heights as a grey PNG of 16 bits."""
        file = io.BytesIO()
        Image.fromarray(self.steps).save(file, "PNG")
        return file.getvalue()

    def report(self) -> dict[str, Any]:
        """What must be known to use the displacement map, as JSON values."""
        return {
            "size_px": self.size,
            "mm_per_step": float(f"{self.mm_per_step:.8g}"),
            "zero_step": ZERO_STEP,
            "direction": "normal",
            "mean_absolute_mm": round(float(np.abs(self.height_mm).mean()), 5),
        }


@dataclass(frozen=True, eq=False)
class DisplacedSkin:
    """A mesh of the skin with its relief.

    Attributes:
        verts_mm: Vertices in the frame of the coarse ones; those on seams are doubled.
        faces: Triangles.
        uv: Texture coordinates.
    """

    verts_mm: Float[np.ndarray, "verts 3"]
    faces: Int[np.ndarray, "faces 3"]
    uv: Float[np.ndarray, "verts 2"]


class DenseSkin:
    """The skin of a face model with one vertex for each texel of a texture.

    Args:
        model: The face model.
        displacer: Knows its layout in texture space.
    """

    def __init__(self, model: FaceModel, displacer: Displacer) -> None:
        self._model = model
        self._mesh = DenseMesh.from_layout(displacer.layout, model.uv)
        face = displacer.layout.face_index.long().flatten()[self._mesh.texels]
        skin = skin_triangles(model.data)
        of_skin = skin[face]
        self._kept = of_skin.nonzero()[:, 0]
        place = torch.full((len(of_skin),), -1)
        place[self._kept] = torch.arange(len(self._kept))
        self.faces: Int[Tensor, "faces 3"] = place[self._mesh.faces[of_skin[self._mesh.faces].all(dim=1)]]
        self.uv: Float[Tensor, "verts 2"] = self._mesh.uv[self._kept]
        self._coarse_faces = model.faces[skin]

    def points(
        self, verts_mm: Float[Tensor, "verts 3"], height_mm: Float[Tensor, "size size"]
    ) -> Float[Tensor, "dense 3"]:
        """Displaced vertices, in the frame of the coarse ones."""
        normals = vertex_normals(verts_mm, self._model.faces, self._model.weld)
        both = self._mesh.from_vertices(torch.cat((verts_mm, normals), dim=-1)[None])[0, self._kept]
        height = self.from_texture(height_mm[None])[:, 0]
        directions = torch.nn.functional.normalize(both[:, 3:], dim=-1)
        return displaced_points(both[:, :3], directions, height)

    def from_texture(self, image: Float[Tensor, "channels size size"]) -> Float[Tensor, "dense channels"]:
        """Values of a texture at the vertices."""
        return self._mesh.from_texture(image[None])[0, self._kept]

    @cached_property
    def border(self) -> BorderStrip:
        """What lies between the outermost texels and the border of the coarse skin, along seams too."""
        corners = self._mesh.corners[self._kept]
        return border_strip(self.faces, self.uv, corners, self._coarse_faces, self._model.uv)

    def closed(
        self, verts_mm: Float[Tensor, "verts 3"], height_mm: Float[Tensor, "size size"]
    ) -> "ClosedSkin":
        """Displaced vertices as `points` has them, closed along the seams by the coarse mesh's border."""
        verts = self.border.verts
        alike = self._model.weld[verts]
        # The first border vertex at each place stands for the others.
        _, place = alike.unique(return_inverse=True)
        rows = torch.arange(len(verts))
        first = torch.full_like(rows, len(verts)).scatter_reduce(0, place, rows, "amin")[place]
        count = len(self.uv)
        return ClosedSkin(
            points=torch.cat((self.points(verts_mm, height_mm), verts_mm[verts])),
            faces=torch.cat((self.faces, self.border.faces)),
            uv=torch.cat((self.uv, self._model.uv[verts])),
            weld=torch.cat((torch.arange(count), count + first)),
        )


@dataclass(frozen=True, eq=False)
class ClosedSkin:
    """A dense skin that is one surface, apart from its openings.

    Attributes:
        points: Vertices, in the frame of the coarse ones.
        faces: Vertex indices.
        uv: Texture coordinates; vertices on seams are doubled.
        weld: For each vertex the one that stands for all at its place.
    """

    points: Float[Tensor, "verts 3"]
    faces: Int[Tensor, "faces 3"]
    uv: Float[Tensor, "verts 2"]
    weld: Int[Tensor, " verts"]


class Detailer:
    """Finds the relief of faces of one model. May be used from several threads.

    Args:
        model: The face model.
        weights: Name of shipped weights, or path of a safetensors file.
        texture_px: Side of the maps; a multiple of what the network halves them by.

    Attributes:
        sha256: Hashes of the weights by file name.

    Raises:
        ConfigError: If there are no such weights, or the size does not fit them.
        ModelFileError: If the weights cannot be read.
    """

    def __init__(self, model: FaceModel, weights: str = "detail", texture_px: int = 256) -> None:
        path = _path_of(weights)
        self.translator, self._config = _load(path)
        self.sha256: dict[str, str] = {path.name: sha256_of(path)}
        if texture_px % max(16, self.translator.config.multiple):
            raise ConfigError(
                f"detail_size: expected a multiple of {max(16, self.translator.config.multiple)} for these "
                f"weights, got {texture_px}."
            )
        self._lock = PerProcess(Lock)
        self.displacer = Displacer(model, self._config, texture_px)
        self.texturer = Texturer(model, texture_px)

    @property
    def dense(self) -> DenseSkin:
        """The mesh with one vertex a texel, made when first asked for."""
        with self._lock():
            return self._dense

    @cached_property
    def _dense(self) -> DenseSkin:
        return DenseSkin(self.displacer.model, self.displacer)

    @torch.no_grad()
    def evidence(
        self, mesh: PlacedMesh, appearance: Appearance, bare: Float[np.ndarray, " verts"]
    ) -> Evidence:
        """A photo's face against its coarse mesh, where it shows bare skin; see `find`."""
        unwrapped = unwrap_face(mesh, self.texturer, bare, appearance)
        return evidence_of(unwrapped, self.displacer)

    @torch.no_grad()
    def find(self, mesh: PlacedMesh, appearance: Appearance, bare: Float[np.ndarray, " verts"]) -> FaceDetail:
        """Relief of one face.

        Args:
            mesh: The face in its photo.
            appearance: Albedo and light that explain the photo coarsely.
            bare: How far the photo shows bare skin at vertices, 0 to 1.
        """
        evidence = self.evidence(mesh, appearance, bare)
        height = self.displacer.find(self.translator, evidence).height_mm
        surface = evidence.surface
        displaced = self.displacer.normals(height, surface)
        local = tangent_space_normals(surface.normals, surface.along_u, surface.along_v, displaced)[0]
        # Between the charts a normal map is flat.
        flat = local.new_tensor((0.0, 0.0, 1.0))
        local = torch.where(surface.mask[..., None], local, flat)
        coded = ((local * 0.5 + 0.5) * 255).round().clamp(0, 255).byte().numpy()
        return FaceDetail(height[0].numpy(), coded, self._config.limit_mm, self.dense)


def _path_of(weights: str) -> Path:
    path = Path(weights)
    if path.suffix != _SUFFIX:
        known = asset_names(_SUFFIX)
        if f"{weights}{_SUFFIX}" not in known:
            raise ConfigError(
                f"detail weights {weights}: expected a path of a {_SUFFIX} file or a shipped name."
            )
        return asset_path(f"{weights}{_SUFFIX}")
    if not path.is_file():
        raise ConfigError(f"detail weights {weights}: expected a file, found none.")
    return path


def _load(path: Path) -> tuple[Translator, DisplacementConfig]:
    translator, info = load_translator(path)
    try:
        config = DisplacementConfig(
            translator=translator.config,
            texture_px=int(info["texture_px"]),
            sees=info["sees"],
            axis=info["axis"],
            limit_mm=float(info["limit_mm"]),
            # Older weights call it by another name.
            dead_zone_mm=float(info["dead_zone_mm"] if "dead_zone_mm" in info else info["quiet_mm"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(f"{path.name}: does not say what its maps are ({error}).") from error
    if config.axis != "normal":
        raise ModelFileError(
            f"{path.name}: expected heights along the normal, got {config.axis}. Such weights are for "
            "comparisons; train with axis normal to export them."
        )
    return translator, config
