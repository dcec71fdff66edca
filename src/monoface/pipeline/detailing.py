"""Wrinkles of a reconstructed face: heights over its texture, their normal map, and the dense mesh."""

import copy
import io
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8, UInt16
from PIL import Image

from monoface.core.assets import asset_names, asset_path, sha256_of
from monoface.core.errors import ConfigError, ModelFileError
from monoface.core.processes import PerProcess
from monoface.displacement.config import DisplacementConfig
from monoface.displacement.displacer import Displacement, Displacer
from monoface.displacement.evidence import Evidence
from monoface.displacement.relief import ReliefConfig, find_relief
from monoface.facemodel import FaceModel
from monoface.networks import Translator, load_translator
from monoface.pipeline.dense_skin import LARGEST_DENSE_PX, DenseSkin
from monoface.shading.displacement import tangent_space_normals
from monoface.texturing.appearance import Appearance
from monoface.texturing.texturer import PlacedMesh, Texturer
from monoface.texturing.unwrapping import evidence_of, unwrap_face

RELIEF = "relief"
"""Name of the default, which stands for no file."""
_NETWORK = "detail"
SIZES_PX = (256, 512, 1024, 2048)
"""Sides of maps that photos are given."""
_SUFFIX = ".safetensors"
# Side of a texel of the smallest map on a face.
_TEXEL_MM = 1.4
# Waves that are found are some four texels long; they must be two pixels or more.
_TEXELS_PER_PIXEL = 0.6
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
    dense: DenseSkin

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


class Detailer:
    """Finds the relief of faces of one model. May be used from several threads.

    Args:
        model: The face model.
        weights: Name of shipped weights of a network, or path of a safetensors file; or `relief`, the shipped
            network and, beside what it is sure of, what an analysis of the photo finds.
        texture_px: Side of the maps, a multiple of 64, and of what a network halves them by; None takes from
            256 to 2048, by what a photo holds, see `fitting`.
        strength: Factor of all heights.

    Attributes:
        translator: The network.
        sha256: Hashes of the weights by file name.

    Raises:
        ConfigError: If there are no such weights, or the size does not fit them.
        ModelFileError: If the weights cannot be read.
    """

    def __init__(
        self,
        model: FaceModel,
        weights: str = RELIEF,
        texture_px: int | None = SIZES_PX[0],
        strength: float = 1.0,
    ) -> None:
        path = _path_of(_NETWORK if weights == RELIEF else weights)
        self.translator, self._config = _load(path)
        self.sha256: dict[str, str] = {path.name: sha256_of(path)}
        self._relief = ReliefConfig() if weights == RELIEF else None
        self._strength = strength
        self._by_photo, self._model = texture_px is None, model
        self._lock = PerProcess(RLock)
        self._sizes: dict[int, Detailer] = {}
        self._lay_out(texture_px or SIZES_PX[0])

    def _lay_out(self, texture_px: int) -> None:
        multiple = max(16 if self._relief is None else 64, self.translator.config.multiple)
        if texture_px % multiple:
            raise ConfigError(
                f"detail_size: expected a multiple of {multiple} for these weights, got {texture_px}."
            )
        self.displacer = Displacer(self._model, self._config, texture_px)
        self.texturer = Texturer(self._model, texture_px)
        self._sizes[texture_px] = self

    def at(self, texture_px: int) -> "Detailer":
        """The same with maps of another side; made once."""
        with self._lock():
            if texture_px not in self._sizes:
                other = copy.copy(self)
                other.__dict__.pop("_dense", None)
                other._lay_out(texture_px)
            return self._sizes[texture_px]

    def fitting(self, mesh: PlacedMesh) -> "Detailer":
        """The one for a photo: with maps as fine as what it shows, unless the size was given."""
        return self.at(size_for(mesh)) if self._by_photo else self

    @property
    def dense(self) -> DenseSkin:
        """The mesh with one vertex a texel, of 512 texels at most, made when first asked for."""
        with self._lock():
            if self.displacer.layout.size > LARGEST_DENSE_PX:
                return self.at(LARGEST_DENSE_PX).dense
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
    def displacement(self, evidence: Evidence) -> Displacement:
        """Heights that evidence tells, and what is paint, as far as a network says."""
        found = self.displacer.find(self.translator, evidence)
        height = found.height_mm
        if self._relief is not None:
            height = height + find_relief(evidence, self._relief)
        return replace(found, height_mm=self._strength * height)

    def find(self, mesh: PlacedMesh, appearance: Appearance, bare: Float[np.ndarray, " verts"]) -> FaceDetail:
        """Relief of one face.

        Args:
            mesh: The face in its photo.
            appearance: Albedo and light that explain the photo coarsely.
            bare: How far the photo shows bare skin at vertices, 0 to 1.
        """
        evidence = self.evidence(mesh, appearance, bare)
        height = self.displacement(evidence).height_mm
        surface = evidence.surface
        displaced = self.displacer.normals(height, surface)
        local = tangent_space_normals(surface.normals, surface.along_u, surface.along_v, displaced)[0]
        # Between the charts a normal map is flat.
        flat = local.new_tensor((0.0, 0.0, 1.0))
        local = torch.where(surface.mask[..., None], local, flat)
        coded = ((local * 0.5 + 0.5) * 255).round().clamp(0, 255).byte().numpy()
        limit_mm = max(self._config.limit_mm, float(height.abs().max()))
        return FaceDetail(height[0].numpy(), coded, limit_mm, self.dense)


def size_for(mesh: PlacedMesh) -> int:
    """Side of a map whose texels are as fine as a photo's pixels, of `SIZES_PX`."""
    face = mesh.model.data.regions["narrow_face"]
    pixels, places_mm = mesh.verts_px[face, :2], mesh.verts_camera[face, :2]
    pixel_mm = float(np.ptp(places_mm, axis=0).max() / max(np.ptp(pixels, axis=0).max(), 1e-6))
    finer = [size for size in SIZES_PX if _TEXEL_MM * SIZES_PX[0] / size >= _TEXELS_PER_PIXEL * pixel_mm]
    return max(finer, default=SIZES_PX[0])


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
