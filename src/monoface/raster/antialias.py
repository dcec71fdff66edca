"""Fourth verb: smooth silhouettes, and through them a gradient of what covers what."""

from typing import TYPE_CHECKING, Any

from jaxtyping import Float, Int

from monoface.raster._backends import backend_for
from monoface.raster.fragments import Fragments
from monoface.raster.rasterize import check_faces, check_floats

if TYPE_CHECKING:
    from torch import Tensor
else:
    # So that the package can be imported without PyTorch.
    Tensor = Any


def antialias(
    image: Float[Tensor, "batch height width channels"],
    verts_px: Float[Tensor, "batch verts 3"],
    faces: Int[Tensor, "faces 3"],
    fragments: Fragments,
) -> Float[Tensor, "batch height width channels"]:
    """Blends pixels on either side of a silhouette by how far it covers them.

    From each pixel we walk over the mesh towards its neighbours, triangle by triangle. Where the surface
    ends before the neighbour's centre (at its border, or because it folds back) there is a silhouette:
    if it passes between the centre of one pixel and the border to the other, that pixel takes as much of
    the other's colour as lies between. Edges nearer to the vertical blend pixels side by side, others
    pixels one above the other; a straight silhouette then covers exactly the area it should, summed
    across it. Triangles smaller than pixels are no obstacle; where surfaces pierce each other nothing
    is blended.

    Differentiable with respect to the image and to x and y of the silhouettes' vertices, which visible
    triangles alone would never move over a background.

    Args:
        image: Colours at pixels, in any channels, in the precision of the vertices.
        verts_px: The vertices that were rasterised.
        faces: The faces that were rasterised, wound consistently. Where vertices are doubled along a
            texture seam, let faces name one of both, lest the seam be taken for a silhouette.
        fragments: What `rasterize` returned.

    Raises:
        ValueError: If shapes or types do not fit, or a face names a vertex that does not exist.

    Reference:
        Laine et al., "Modular Primitives for High-Performance Differentiable Rendering", SIGGRAPH Asia
        2020, section 3.6. They look at the edges of visible triangles only; walking also finds the
        silhouettes of triangles that cover no pixel centre. We never blend beyond the neighbours' mean.
    """
    check_floats("verts_px", verts_px, last=3)
    check_faces(faces, verts_px.shape[1])
    expected = (len(verts_px), *fragments.face_index.shape[1:])
    if image.dtype != verts_px.dtype or image.shape[:-1] != expected:
        raise ValueError(
            f"image: expected {verts_px.dtype} of shape {(*expected, 'channels')}, "
            f"got {image.dtype} of {tuple(image.shape)}"
        )
    return backend_for(verts_px).antialias(image, verts_px, faces, fragments)
