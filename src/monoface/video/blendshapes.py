"""ARKit's blendshapes of a motion."""

import numpy as np
from jaxtyping import Float

from monoface.facemodel.blendshape_scale import BlendshapeScale
from monoface.facemodel.estimation.eye_measuring import SIDES
from monoface.networks.eyes.outputs import EYE_SHAPES
from monoface.video.motion import Motion


def blendshapes_of(
    motion: Motion, names: tuple[str, ...], scale: BlendshapeScale
) -> Float[np.ndarray, "frames expressions"]:
    """Blendshapes in ARKit's scale, 0 to 1: of eyes what crops of them tell, as `PosedFace.blendshapes`.

    Args:
        motion: Of a person.
        names: Of the expression weights.
        scale: Of the weights.
    """
    values = scale(motion.expression.astype(np.float64))
    for side, name in enumerate(SIDES):
        for shape, one in enumerate(EYE_SHAPES):
            if f"{one}{name}" in names:
                column = names.index(f"{one}{name}")
                read = motion.eyes[:, side, shape]
                values[:, column] = np.where(np.isnan(read), values[:, column], read)
    return values
