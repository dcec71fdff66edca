"""Give a reconstructed face another expression, and another turn of the eyes.

The expression is named as in ARKit: `face.blendshapes` holds the weights that the photo shows.
"""

from pathlib import Path

import torch

from monoface import Reconstructor

face = Reconstructor().reconstruct(Path(__file__).parent / "astronaut.png").faces[0]
strongest = sorted(face.blendshapes.items(), key=lambda item: -item[1])[:5]
print("strongest in the photo:", ", ".join(f"{name} {weight:.2f}" for name, weight in strongest))


def verts_with(**weights: float) -> torch.Tensor:
    """This person's vertices in millimetres, with an expression of our own."""
    expression = torch.zeros(1, face.model.expression_size)
    for name, weight in weights.items():
        expression[0, face.model.expression_names.index(name)] = weight
    return face.model.shape(face.coefficients.identity, expression)[0]


neutral = verts_with()
surprised = verts_with(jawOpen=0.8, eyeWideLeft=1.0, eyeWideRight=1.0, browInnerUp=0.7)
moved_mm = (surprised - neutral).norm(dim=-1)
print(f"surprise moves {int((moved_mm > 1).sum())} vertices by 1 mm and more, up to {moved_mm.max():.0f} mm")

aside = verts_with(eyeLookOutLeft=0.7, eyeLookInRight=0.7)
left_eye = face.model.data.regions["eye_left"]
turned_mm = (aside - neutral)[left_eye].norm(dim=-1).max()
print(f"looking aside turns the surface of the left eye by up to {turned_mm:.1f} mm")
