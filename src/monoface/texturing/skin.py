"""Where a photo shows a face's bare skin: neither hair nor glasses nor a hand before it."""

from threading import Lock

import numpy as np
from jaxtyping import Float
from PIL import Image

from monoface.core.kernels.threads import thread_count
from monoface.core.processes import PerProcess
from monoface.core.sessions import Session, open_session
from monoface.detection.crops import SquareCrop, roll_of_landmarks
from monoface.geometry.resampling import sample_bilinear
from monoface.geometry.roi import SIDE_PER_BOX
from monoface.networks import ParserWeights, read_parser
from monoface.networks.onnx.parser import skin_to_onnx
from monoface.render.unwrap import least_around
from monoface.texturing.texturer import PlacedMesh

# Of the shipped parser.
SKIN_WEIGHTS = "parsing.safetensors"
# Side of the crop: a pixel is about two and a half millimetres.
_CROP_PX = 112
# Probabilities of skin between which a vertex begins to count and counts in full.
_DOUBTED, _TRUSTED = 0.3, 0.7


class SkinFinder:
    """Tells by the face parser which vertices show skin. May be used from several threads.

    Args:
        parser: Of crops around faces; the shipped one, if not given, loaded when it is first needed.
    """

    def __init__(self, parser: ParserWeights | None = None) -> None:
        self._parser = parser
        self._session: Session | None = None
        self._lock = PerProcess(Lock)

    def trust(self, mesh: PlacedMesh, margin_px: int = 1) -> Float[np.ndarray, " verts"]:
        """How far the photo shows bare skin at vertices, 0 to 1; whether they are visible is not asked.

        Args:
            mesh: The face in its photo.
            margin_px: What is no skin is widened by so many pixels of the crop, of about two and a half
                millimetres: at its edges colours mix, and the parser may be off.
        """
        points_px = mesh.model.landmarks("ibug68").points(mesh.verts_px[None])[0, :, :2]
        square = _upright_square(points_px.astype(np.float64))
        photo = np.rint(255 * mesh.photo).astype(np.uint8).transpose(1, 2, 0)
        crop = square.sample(Image.fromarray(np.ascontiguousarray(photo)), _CROP_PX)
        image = np.ascontiguousarray(crop.transpose(2, 0, 1)[None], np.float32) / 255
        (skin,) = self._loaded().run(None, {"image": image})
        narrowed = least_around(skin[0, 0], margin_px)
        places_px = square.from_photo(mesh.verts_px[:, :2].astype(np.float64), _CROP_PX)
        at_verts = sample_bilinear(narrowed[..., None], places_px.astype(np.float32))[:, 0]
        return ((at_verts - _DOUBTED) / (_TRUSTED - _DOUBTED)).clip(0, 1)

    def _loaded(self) -> Session:
        with self._lock():
            if self._session is None:
                parser = self._parser or read_parser()
                self._session = open_session(lambda: skin_to_onnx(parser, _CROP_PX), thread_count())
            return self._session


def _upright_square(points_px: Float[np.ndarray, "68 2"]) -> SquareCrop:
    """Square around the 68 landmarks in which the face stands upright, as in what taught the parser."""
    return SquareCrop.around_points(points_px, SIDE_PER_BOX, roll_of_landmarks(points_px))
