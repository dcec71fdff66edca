"""Give a reconstructed face another expression, and another turn of the eyes.

The expression is named as in ARKit: `face.blendshapes` holds the weights that the photo shows.
"""

from pathlib import Path

import numpy as np

from monoface import Reconstructor

face = Reconstructor().reconstruct(Path(__file__).parent / "astronaut.png").faces[0]
strongest = sorted(face.blendshapes.items(), key=lambda item: -item[1])[:5]
print("strongest in the photo:", ", ".join(f"{name} {weight:.2f}" for name, weight in strongest))


def verts_with(**weights: float) -> np.ndarray:
    """This person's vertices in millimetres, with an expression of our own."""
    return face.model.verts_mm(face.identity, face.model.expression_of(weights))


neutral = face.neutral_verts_mm
surprised = verts_with(jawOpen=0.8, eyeWideLeft=1.0, eyeWideRight=1.0, browInnerUp=0.7)
moved_mm = np.linalg.norm(surprised - neutral, axis=1)
print(f"surprise moves {int((moved_mm > 1).sum())} vertices by 1 mm and more, up to {moved_mm.max():.0f} mm")

aside = verts_with(eyeLookOutLeft=0.7, eyeLookInRight=0.7)
left_eye = face.model.regions["eye_left"]
turned_mm = np.linalg.norm((aside - neutral)[left_eye], axis=1).max()
print(f"looking aside turns the surface of the left eye by up to {turned_mm:.1f} mm")
