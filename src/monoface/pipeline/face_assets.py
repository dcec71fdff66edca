"""What faces of one reconstructor have in common: the face model, and what textures and details them."""

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from monoface.core.arrays import in_torch
from monoface.core.assets import asset_sha256, sha256_of
from monoface.core.errors import ConfigError, ModelFileError
from monoface.core.on_demand import require_torch
from monoface.core.processes import PerProcess
from monoface.facemodel import MorphableModel, NumpyFaceModel, open_numpy_model
from monoface.facemodel.default import FACE_MODEL_FILE
from monoface.facemodel.estimation.uncertainty import VertexUncertainty
from monoface.rigging.rig import HeadRig
from monoface.texturing.look import TextureKind
from monoface.texturing.skin import SkinFinder
from monoface.texturing.texturer import Texturer

if TYPE_CHECKING:
    from monoface.pipeline.detailing import Detailer


@dataclass(frozen=True)
class AssetNames:
    """What the assets are loaded from.

    Attributes:
        face_model: File of the face model; None for the shipped one.
        face_model_sha256: Its hash.
        texture_size: Side of textures in pixels.
        detail: Fine stage; None finds no detail.
        detail_size: Side of displacement maps in texels; None goes by the photo.
        detail_strength: Factor of heights.
        texture: What of photos becomes texture.
    """

    face_model: Path | None
    face_model_sha256: str
    texture_size: int
    detail: str | None = None
    detail_size: int | None = None
    detail_strength: float = 1.0
    texture: TextureKind = "clean"

    @classmethod
    def of_files(
        cls,
        face_model: Path | None,
        texture_size: int,
        detail: str | None = None,
        detail_size: int | None = None,
        detail_strength: float = 1.0,
        texture: TextureKind = "clean",
    ) -> "AssetNames":
        """Names of assets, with the hash that the face model has now.

        Raises:
            ConfigError: If there is no such face model.
            AssetError: If the shipped one is missing or damaged.
        """
        chosen = texture_size, detail, detail_size, detail_strength, texture
        if face_model is None:
            return cls(None, asset_sha256(FACE_MODEL_FILE), *chosen)
        if not face_model.is_file():
            raise ConfigError(f"face model {face_model}: expected a file, found none.")
        return cls(face_model, sha256_of(face_model), *chosen)

    def load_face_model(self) -> NumpyFaceModel:
        """Read the face model.

        Raises:
            ModelFileError: If it cannot be read, or is not the one with that hash.
        """
        model = open_numpy_model(self.face_model)
        if self.face_model is None:
            return model
        found = sha256_of(self.face_model)
        if found != self.face_model_sha256:
            raise ModelFileError(
                f"face model {self.face_model}: expected the file with SHA-256 "
                f"{self.face_model_sha256[:12]}…, got {found[:12]}…. "
                "Put back the one that the face was made with."
            )
        return model


class FaceAssets:
    """Loads what faces need besides their own numbers, once, when it is first needed. Thread-safe.

    It pickles as the names of its files, is loaded again where it is needed, once a process, and a copy of it
    is itself. Made with a `model`, it pickles with that.

    Args:
        names: What to load.
        model: The face model, if it is not to be loaded.
    """

    def __init__(self, names: AssetNames, model: NumpyFaceModel | None = None) -> None:
        self.names = names
        self._given = model
        self._lock = PerProcess(RLock)

    @property
    def model(self) -> NumpyFaceModel:
        """The face model."""
        with self._lock():
            return self._model

    @property
    def numpy_model(self) -> MorphableModel:
        """The face model as users have it."""
        with self._lock():
            return self._numpy_model

    @property
    def texturer(self) -> Texturer:
        """Makes textures."""
        with self._lock():
            return self._texturer

    @property
    def skin_finder(self) -> SkinFinder:
        """Tells where photos show bare skin."""
        with self._lock():
            return self._skin_finder

    @property
    def rig(self) -> HeadRig:
        """Bones, lashes and mouth of exported heads."""
        with self._lock():
            return self._rig

    @property
    def detailer(self) -> "Detailer | None":
        """Finds wrinkles; None if they are not asked for."""
        with self._lock():
            return self._detailer

    @property
    def uncertainty(self) -> VertexUncertainty:
        """Tells how far vertices may be off."""
        with self._lock():
            return self._uncertainty

    @cached_property
    def _model(self) -> NumpyFaceModel:
        return self.names.load_face_model() if self._given is None else self._given

    @cached_property
    def _numpy_model(self) -> MorphableModel:
        return MorphableModel(self._model.data)

    @cached_property
    def _texturer(self) -> Texturer:
        return Texturer(self._model, self.names.texture_size, self.names.texture)

    @cached_property
    def _skin_finder(self) -> SkinFinder:
        return SkinFinder()

    @cached_property
    def _rig(self) -> HeadRig:
        return HeadRig.of(self._model.data)

    @cached_property
    def _detailer(self) -> "Detailer | None":
        names = self.names
        if names.detail is None:
            return None
        require_torch("detail")
        from monoface.facemodel.model import FaceModel
        from monoface.pipeline.detailing import Detailer

        return Detailer(
            FaceModel(in_torch(self._model.data)), names.detail, names.detail_size, names.detail_strength
        )

    @cached_property
    def _uncertainty(self) -> VertexUncertainty:
        return VertexUncertainty(self._model)

    def __copy__(self) -> "FaceAssets":
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "FaceAssets":
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        if self._given is None:
            return _assets_of_process, (self.names,)
        return FaceAssets, (self.names, self._given)


@cache
def _assets_of_process(names: AssetNames) -> FaceAssets:
    """Assets that all faces that are unpickled in this process share."""
    return FaceAssets(names)
