"""Making packs for the fine stage: of synthetic heads with known relief, and of photos."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float16, Float32, UInt8
from torch import Tensor

from monoface.core.arrays import in_numpy, in_torch
from monoface.core.errors import ConfigError, DataError
from monoface.core.progress import track
from monoface.data.packs.detail_pack import DetailPack
from monoface.data.packs.digests import recipe_of
from monoface.data.synthetic.wrinkled_heads import WrinkledHead, WrinkledHeadPainter
from monoface.facemodel import FaceModel
from monoface.geometry.cameras import WeakPerspectiveCamera, transform_points
from monoface.geometry.crops import crop_and_resize
from monoface.geometry.roi import roi_from_points
from monoface.methods.detail import DetailConfig, Displacer
from monoface.pipeline import Reconstructor
from monoface.texturing.skin import SkinFinder
from monoface.texturing.texturer import PlacedMesh, Texturer
from monoface.texturing.unwrapping import UnwrappedFace, evidence_of, unwrap_face

# How far the fitted shape of a synthetic head is from the true one, in deviations of the coefficients.
_MISFIT = 0.12
_STREAM = 617


@dataclass(frozen=True, eq=False)
class _Row:
    face: UnwrappedFace
    rotation: Tensor
    height: Tensor
    paint: Tensor
    head: int
    picture: tuple[np.ndarray, np.ndarray] | None


def detail_recipe(model: FaceModel, config: DetailConfig, made_of: list[Any]) -> str:
    """Identifies a pack by all that its content depends on.

    Args:
        model: The face model.
        config: What translators see; weights of losses count nothing.
        made_of: What was unwrapped, as JSON values.
    """
    return recipe_of(model, [*made_of, config.texture_px, config.sees, _picture_px(config)])


def heads_pack(
    painter: WrinkledHeadPainter, indices: Iterable[int], config: DetailConfig, misfit: float = _MISFIT
) -> DetailPack:
    """Unwrap synthetic heads as photos are: with a mesh that is not quite true, light and albedo fitted."""
    texturer = Texturer(painter.model, config.texture_px)
    side = _picture_px(config)
    heads = ((painter.sample(index), index) for index in indices)
    rows = [row for head, index in heads for row in head_rows(head, index, texturer, misfit, side)]
    return _pack(rows, Displacer(painter.model, config))


def photos_pack(
    reconstructor: Reconstructor,
    photos: Iterable[UInt8[np.ndarray, "height width 3"]],
    config: DetailConfig,
) -> DetailPack:
    """Unwrap the largest face of each photo that shows one clearly.

    Raises:
        DataError: If no photo does.
    """
    texturer, skin = Texturer(reconstructor.face_model, config.texture_px), SkinFinder()
    side = _picture_px(config)
    nothing = torch.full((config.texture_px, config.texture_px), torch.nan)
    rows = []
    results = track(reconstructor.reconstruct_many(photos), "unwrapping photos", "photos")
    for number, result in enumerate(results):
        if result.faces:
            face = result.faces[0]
            mesh = face.skin.placed_mesh
            unwrapped = unwrap_face(mesh, texturer, skin.trust(mesh))
            picture = cut_picture(mesh, side) if side else None
            rows.append(
                _Row(
                    unwrapped,
                    in_torch(face.posed.coefficients.rotation[0]),
                    nothing,
                    nothing,
                    number,
                    picture,
                )
            )
    return _pack(rows, Displacer(FaceModel(in_torch(reconstructor.face_model.data)), config))


def head_rows(
    head: WrinkledHead, number: int, texturer: Texturer, misfit: float, picture_px: int = 0
) -> Iterator[_Row]:
    """A row for each light of a synthetic head; with a crop of its picture, if that has a size."""
    model = FaceModel(in_torch(texturer.model.data))
    rng = np.random.default_rng((_STREAM, number))
    height, paint = _known(head, texturer.size)
    coarse = _misfitted(head, model, misfit, rng)
    for row, picture in enumerate(head.pictures):
        photo = torch.from_numpy(picture / np.float32(255)).permute(2, 0, 1)
        camera = head.camera
        own = WeakPerspectiveCamera(camera.scale_px_per_mm[row, None], camera.principal_px[row, None])
        picture, place, verts = in_numpy((photo, own, coarse))
        mesh = PlacedMesh(picture, place, verts, texturer.model)
        rotation = head.coefficients.rotation[row]
        cut = cut_picture(mesh, picture_px) if picture_px else None
        yield _Row(unwrap_face(mesh, texturer), rotation, height, paint, number, cut)


def _misfitted(head: WrinkledHead, model: FaceModel, misfit: float, rng: np.random.Generator) -> Tensor:
    """Vertices in the camera frame of a face that was not quite found."""
    found = head.coefficients[:1]
    noise = torch.from_numpy(rng.normal(0, misfit, found.identity.shape)).float()
    verts = model.shape(found.identity + noise, found.expression)
    return transform_points(found.rotation, found.translation_mm, verts)[0]


def _known(head: WrinkledHead, size: int) -> tuple[Tensor, Tensor]:
    """Relief and grey paint at a texture's size."""
    detail = head.detail
    maps = torch.from_numpy(np.stack((detail.height_mm, detail.paint.mean(axis=-1) + detail.cavity))).float()
    small = torch.nn.functional.interpolate(maps[None], size=(size, size), mode="area")[0]
    return small[0], small[1]


@torch.no_grad()
def _pack(rows: list[_Row], displacer: Displacer) -> DetailPack:
    if not rows:
        raise DataError("detail: expected a face in at least one photo, got none.")
    faces = [row.face for row in rows]
    return DetailPack(
        photo=np.stack([np.rint(255 * face.texture.image).astype(np.uint8) for face in faces]),
        seen=np.stack([np.rint(255 * face.texture.weight).astype(np.uint8) for face in faces]),
        verts_camera=np.stack([face.verts_camera for face in faces]),
        rotation=np.stack([row.rotation.numpy() for row in rows]),
        albedo=np.stack([face.appearance.albedo for face in faces]),
        light=np.stack([face.appearance.light for face in faces]),
        height_mm=np.stack([row.height.half().numpy() for row in rows]),
        paint=np.stack([row.paint.half().numpy() for row in rows]),
        maps=np.concatenate([_maps(face, displacer) for face in faces]),
        head=np.array([row.head for row in rows]),
        **_pictures([row.picture for row in rows if row.picture is not None]),
    )


def _picture_px(config: DetailConfig) -> int:
    """Side of the crops that losses on pixels need; 0 for others, for crops make packs larger."""
    return config.picture_px if config.losses == "mesh" else 0


def _pictures(cut: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, np.ndarray]:
    if not cut:
        return {}
    return {
        name: np.stack(arrays)
        for name, arrays in zip(("picture", "camera"), zip(*cut, strict=True), strict=True)
    }


def cut_picture(
    mesh: PlacedMesh, size_px: int
) -> tuple[UInt8[np.ndarray, "{size_px} {size_px} 3"], Float32[np.ndarray, " 3"]]:
    """The face's crop of a photo, and its camera: pixels a millimetre, and the principal point.

    Raises:
        ConfigError: If the camera is no weakly perspective one.
    """
    if not isinstance(mesh.camera, WeakPerspectiveCamera):
        raise ConfigError(
            "detail: losses on pixels need faces under weak perspective, got a pinhole camera. Choose "
            "weights such as pretrain, twodasl or detail-coarse, or losses=mesh_texels."
        )
    landmarks = mesh.model.landmarks("ibug68").points(mesh.verts_px[None])[..., :2]
    box = roi_from_points(landmarks)
    photo = np.rint(255 * mesh.photo).astype(np.uint8).transpose(1, 2, 0)
    camera = mesh.camera.cropped(box[:, :2], size_px / (box[:, 2] - box[:, 0]))
    numbers = np.concat((camera.scale_px_per_mm[:, None], camera.principal_px), axis=1)[0]
    return crop_and_resize(photo, box[0].astype(np.float64), size_px), numbers


def _maps(face: UnwrappedFace, displacer: Displacer) -> Float16[np.ndarray, "1 channels size size"]:
    maps = evidence_of(face, displacer).as_input(displacer.config.sees)
    return maps.half().numpy()
