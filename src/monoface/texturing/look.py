"""What of a photo becomes texture."""

from typing import Literal

TextureKind = Literal["photo", "clean", "none"]
"""`clean` takes of the photo only the face's own skin, brows, lips, eyes and beard, as far as the parser saw
them at a usable angle, and fills the rest with skin; `photo` takes what was seen, glasses, hair and all;
`none` takes the albedo model's colours in the photo's light."""
