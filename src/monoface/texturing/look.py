"""How heads are to look: what of the photo becomes texture, and what stands for hair."""

from dataclasses import dataclass
from typing import Literal

TextureKind = Literal["photo", "clean", "none"]
HairKind = Literal["cap", "none"]
MaterialKind = Literal["unlit", "lit"]


@dataclass(frozen=True)
class HeadLook:
    """What was chosen.

    Attributes:
        texture: "clean" takes of the photo only the face's own skin, brows, lips, eyes and beard, as far as
            the parser saw them at a usable angle, and fills the rest with skin; "photo" takes what was seen,
            glasses, hair and all; "none" takes the albedo model's colours in the photo's light.
        hair: "cap" paints a scalp of the hair's colour; "none" leaves it skin.
        material: "unlit" keeps the photo's light in the texture; "lit" takes it out, and viewers light the
            head.
    """

    texture: TextureKind = "clean"
    hair: HairKind = "none"
    material: MaterialKind = "unlit"
