"""Where a photo shows a face's bare skin: neither hair nor glasses nor a hand before it."""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from monoface.core.kernels.threads import thread_count
from monoface.core.processes import PerProcess
from monoface.core.sessions import Session, open_session
from monoface.detection.crops import SquareCrop, roll_of_landmarks
from monoface.geometry.resampling import sample_bilinear
from monoface.geometry.roi import SIDE_PER_BOX
from monoface.networks import ParserWeights, read_parser
from monoface.networks.configs import PARSING_CLASSES
from monoface.networks.onnx.parser import classes_to_onnx
from monoface.render.unwrap import least_around
from monoface.texturing.placed_mesh import PlacedMesh

# Of the shipped parser.
SKIN_WEIGHTS = "parsing.safetensors"
# Side of the crop: a pixel is about two and a half millimetres.
_CROP_PX = 112
# Probabilities of skin between which a vertex begins to count and counts in full.
_DOUBTED, _TRUSTED = 0.3, 0.7


_SKIN = ("skin", "nose")
BROW = "brow"
"""Hair with no hair a brow's height above it, among the classes."""
# That height, in pixels of the crop: about sixteen millimetres.
_BROW_PX = 7


@dataclass(frozen=True, eq=False)
class ParsedFace:
    """What the parser says of a face in its photo.

    Attributes:
        crop: The upright part of the photo that it saw, sRGB.
        shares: Probabilities of `PARSING_CLASSES` at its pixels.
        places_px: Where the vertices lie in the crop.
    """

    crop: UInt8[np.ndarray, "side side 3"]
    shares: Float[np.ndarray, "classes side side"]
    places_px: Float[np.ndarray, "verts 2"]

    def trust(self, classes: Sequence[str] = _SKIN, margin_px: int = 1) -> Float[np.ndarray, " verts"]:
        """How far the photo shows some classes at vertices, 0 to 1; whether they are in view is not asked.

        Args:
            classes: Of `PARSING_CLASSES`, or `BROW`; bare skin, if not given.
            margin_px: What is of another class is widened by so many pixels of the crop, of about two and a
                half millimetres: at its edges colours mix, and the parser may be off.
        """
        chosen = np.sum([self._share(name) for name in classes], axis=0)
        narrowed = least_around(chosen, margin_px)
        at_verts = sample_bilinear(narrowed[..., None], self.places_px)[:, 0]
        return ((at_verts - _DOUBTED) / (_TRUSTED - _DOUBTED)).clip(0, 1)

    def _share(self, name: str) -> Float[np.ndarray, "side side"]:
        share = self.shares[PARSING_CLASSES.index("hair" if name == BROW else name)]
        if name != BROW:
            return share
        # Hair that goes on above is a fringe, or hair of the temples.
        above = np.zeros_like(share)
        above[_BROW_PX:] = share[:-_BROW_PX]
        return share * (1 - above)


class SkinFinder:
    """Tells by the face parser which vertices show skin. May be used from several threads.

    Args:
        parser: Of crops around faces; the shipped one, if not given, loaded when it is first needed.
    """

    def __init__(self, parser: ParserWeights | None = None) -> None:
        self._parser = parser
        self._session: Session | None = None
        self._lock = PerProcess(Lock)

    def parse(self, mesh: PlacedMesh) -> ParsedFace:
        """Parse a face in its photo."""
        points_px = mesh.model.landmarks("ibug68").points(mesh.verts_px[None])[0, :, :2]
        square = _upright_square(points_px.astype(np.float64))
        photo = np.rint(255 * mesh.photo).astype(np.uint8).transpose(1, 2, 0)
        crop = square.sample(Image.fromarray(np.ascontiguousarray(photo)), _CROP_PX)
        image = np.ascontiguousarray(crop.transpose(2, 0, 1)[None], np.float32) / 255
        (shares,) = self._loaded().run(None, {"image": image})
        places_px = square.from_photo(mesh.verts_px[:, :2].astype(np.float64), _CROP_PX)
        return ParsedFace(crop, shares[0], places_px.astype(np.float32))

    def trust(self, mesh: PlacedMesh, margin_px: int = 1) -> Float[np.ndarray, " verts"]:
        """How far the photo shows bare skin at vertices, 0 to 1; see `ParsedFace.trust`."""
        return self.parse(mesh).trust(margin_px=margin_px)

    def _loaded(self) -> Session:
        with self._lock():
            if self._session is None:
                parser = self._parser or read_parser()
                self._session = open_session(lambda: classes_to_onnx(parser, _CROP_PX), thread_count())
            return self._session


def _upright_square(points_px: Float[np.ndarray, "68 2"]) -> SquareCrop:
    """Square around the 68 landmarks in which the face stands upright, as in what taught the parser."""
    return SquareCrop.around_points(points_px, SIDE_PER_BOX, roll_of_landmarks(points_px))
