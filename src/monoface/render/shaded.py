"""Light at pixels, from what is known at vertices."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from monoface.geometry.triangles import normalize_or_zero
from monoface.raster import Fragments, interpolate
from monoface.raster.rasterize import check_faces
from monoface.shading import shade
from monoface.shading.harmonics import matt_response


def shade_pixels(
    normals: Float[Tensor, "batch verts 3"],
    albedo: Float[Tensor, "batch verts 3"],
    light: Float[Tensor, "batch coeffs 3"],
    faces: Int[Tensor, "faces 3"],
    fragments: Fragments,
) -> Float[Tensor, "batch height width 3"]:
    """Light that leaves matt pixels, in linear RGB, not clamped; 0 where there is no surface.

    Differentiable once, with respect to normals, albedo, light and, through the barycentrics, vertices.

    Args:
        normals: Unit normals at vertices; those of pixels are blends of them, at unit length again.
        albedo: Linear RGB at vertices.
        light: SH coefficients of incoming radiance, as `shading.sh_irradiance` takes them.
        faces: The faces that were rasterised.
        fragments: What `raster.rasterize` returned.

    Raises:
        ValueError: If shapes or types do not fit, or a face names a vertex that does not exist.
    """
    floats = normals, albedo, light, fragments.barycentric
    alike = all(tensor.dtype == normals.dtype and tensor.device.type == "cpu" for tensor in floats)
    fusable = alike and normals.dtype in (torch.float32, torch.float64) and light.shape[-2] in (1, 4, 9)
    if not fusable or albedo.shape != normals.shape or not len(normals) == len(light) == len(floats[3]):
        return shade_pixels_reference(*floats[:3], faces, fragments)
    check_faces(faces, normals.shape[1])
    # Imported late, because numba takes half a second.
    from monoface.render._shaded_numba import FusedShadePixels

    seen = fragments.barycentric, faces, fragments.face_index
    radiance: Tensor = FusedShadePixels.apply(normals, albedo, matt_response(light), *seen)
    return radiance.movedim(1, -1)


def shade_pixels_reference(
    normals: Float[Tensor, "batch verts 3"],
    albedo: Float[Tensor, "batch verts 3"],
    light: Float[Tensor, "batch coeffs 3"],
    faces: Int[Tensor, "faces 3"],
    fragments: Fragments,
) -> Float[Tensor, "batch height width 3"]:
    """The definition of `shade_pixels`: blending, normals at unit length and shading one after the other."""
    colour = interpolate(albedo, faces, fragments)
    directions = normalize_or_zero(interpolate(normals, faces, fragments))
    return shade(colour.flatten(1, 2), directions.flatten(1, 2), light).reshape(colour.shape)
