"""Looks at faces: what translators see within the displacer's window, and what is known of it."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from monoface.displacement.evidence import ShadingMaps


@dataclass(frozen=True)
class Look:
    """A batch of faces.

    Attributes:
        shown: What the translator sees.
        height_mm: Known relief; zeros where unknown.
        paint: Known logarithm of what changes the light without being relief; zeros where unknown.
    """

    shown: ShadingMaps
    height_mm: Float[Tensor, "batch rows columns"]
    paint: Float[Tensor, "batch rows columns"]

    def mirrored(self, chosen: Bool[Tensor, " batch"]) -> "Look":
        """Some faces turned into their mirror images."""
        if not chosen.any():
            return self
        maps = torch.where(chosen[:, None, None, None], self.shown.mirrored().maps, self.shown.maps)
        turned = [
            torch.where(chosen[:, None, None], values.flip(-1), values)
            for values in (self.height_mm, self.paint)
        ]
        return Look(ShadingMaps(maps, self.shown.texture_px), *turned)

    def blurred(self, share: Float[Tensor, " batch"]) -> "Look":
        """Faces as less sharp photos show them; their relief and paint are what they are."""
        if not share.any():
            return self
        return Look(self.shown.blurred(share), self.height_mm, self.paint)

    def grafted(
        self, height_mm: Float[Tensor, "batch rows columns"], paint: Float[Tensor, "batch rows columns"]
    ) -> "Look":
        """Faces with more relief and paint, of other faces, by first-order shading in their own light."""
        change = self.shown.explained(height_mm, paint)
        return Look(self.shown.changed(change), self.height_mm + height_mm, self.paint + paint)
