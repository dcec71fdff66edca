"""Second verb: attributes of vertices, at pixels."""

from jaxtyping import Float, Int

from monoface.core.arrays import Array, namespace
from monoface.raster._backends import backend_for
from monoface.raster.fragments import Fragments
from monoface.raster.rasterize import check_faces, check_floats


def interpolate(
    attributes: Float[Array, "#batch verts channels"],
    faces: Int[Array, "faces 3"],
    fragments: Fragments,
) -> Float[Array, "batch height width channels"]:
    """Blends the attributes of the three vertices of each pixel's triangle.

    Differentiable with respect to attributes and, through the barycentrics, to vertex positions.

    Args:
        attributes: Anything per vertex, in the precision of the fragments; one set may serve the
            whole batch.
        faces: The faces that were rasterised. Other vertex indices in the same rows are allowed: that
            is how attributes with seams of their own, such as UV, are read.
        fragments: What `rasterize` returned.

    Returns:
        Attributes at pixels; 0 where there is no surface.

    Raises:
        ValueError: If shapes or types do not fit, or a face names a vertex that does not exist.
    """
    check_floats("attributes", attributes)
    check_faces(faces, attributes.shape[1])
    barycentric = fragments.barycentric
    batch = len(barycentric)
    if attributes.dtype != barycentric.dtype or len(attributes) not in (1, batch):
        raise ValueError(
            f"attributes: expected {barycentric.dtype} with a batch of 1 or {batch}, "
            f"got {attributes.dtype} with {len(attributes)}"
        )
    batched = namespace(attributes).broadcast_to(attributes, (batch, *attributes.shape[1:]))
    return backend_for(attributes).interpolate(batched, faces, fragments)
