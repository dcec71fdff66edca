"""What is computed of a face when it is first asked for: from its photo, and from its face model."""

from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, UInt8

from monoface.facemodel import NumpyFaceModel
from monoface.photos.reading import LoadedImage
from monoface.pipeline.face_assets import FaceAssets
from monoface.pipeline.posed_face import PosedFace
from monoface.texturing.appearance import Appearance
from monoface.texturing.delighting import light_on_relief, without_light
from monoface.texturing.placed_mesh import PlacedMesh
from monoface.texturing.skin import ParsedFace
from monoface.texturing.trusting import own_trust

if TYPE_CHECKING:
    from monoface.pipeline.detailing import FaceDetail

# Colours are taken so far from what is no skin: the edge of a mask is easily missed by that much.
_COLOUR_MARGIN_PX = 3
# What a report says of a face: small, and computed from what is large.
_REPORTED = ("appearance", "mean_vertex_sigma_mm", "detail_report")
# What takes megabytes.
_LARGE = ("placed_mesh", "parsed", "texture", "albedo_texture", "detail")
# What a pickle keeps of what was computed: pictures that took long and are small.
_KEPT = ("texture", "albedo_texture", "visibility", "vertex_sigma_mm", "mean_vertex_sigma_mm")


@dataclass(frozen=True, eq=False, repr=False)
class FaceSkin:
    """Surface of a posed face: appearance, texture, detail and what the photo shows of it.

    Attributes:
        posed: The face.
        photo: The photo, as the pipeline works on it.
        assets: The face model that the face belongs to, and what makes textures and finds detail.
    """

    posed: PosedFace
    photo: LoadedImage
    assets: FaceAssets

    @property
    def model(self) -> NumpyFaceModel:
        """The face model that the coefficients belong to."""
        return self.assets.model

    @cached_property
    def neutral_verts_mm(self) -> Float[np.ndarray, "verts 3"]:
        """Vertices of this person without an expression, in the model frame."""
        found = self.posed.coefficients
        return self.model.shape(found.identity, np.zeros_like(found.expression))[0]

    @cached_property
    def vertex_sigma_mm(self) -> Float[np.ndarray, " verts"] | None:
        """How far each vertex may be off; see `Face.vertex_sigma_mm`."""
        measurement = self.posed.measurement
        if measurement is None:
            return None
        return measurement.uncertainty.vertex_sigma_mm(self.assets.uncertainty)

    @cached_property
    def mean_vertex_sigma_mm(self) -> float | None:
        """Mean of `vertex_sigma_mm` over the narrow face."""
        measurement = self.posed.measurement
        return None if measurement is None else measurement.uncertainty.mean_sigma_mm(self.assets.uncertainty)

    @cached_property
    def placed_mesh(self) -> PlacedMesh:
        """The mesh in the part of the photo that shows it."""
        posed = self.posed
        return PlacedMesh.in_photo(self.photo, posed.coefficients, posed.camera, posed.verts_mm, self.model)

    def forget_mesh(self) -> None:
        """Let go of the placed mesh, which has a part of the photo in four times the memory."""
        self.__dict__.pop("placed_mesh", None)

    def forget_pictures(self) -> None:
        """Let go of all that takes megabytes, to be computed anew if asked for; what reports say stays."""
        for name in _REPORTED:
            getattr(self, name)
        for name in _LARGE:
            self.__dict__.pop(name, None)

    @cached_property
    def visibility(self) -> Bool[np.ndarray, " verts"]:
        """Whether the photo shows each vertex: it faces the camera and nothing of the head hides it."""
        return self.placed_mesh.visible

    @cached_property
    def bare_skin(self) -> Float[np.ndarray, " verts"]:
        """How far each vertex may tell of the skin's colour and of the light: bare skin, 0 to 1."""
        return self.parsed.trust(margin_px=_COLOUR_MARGIN_PX)

    @cached_property
    def own_skin(self) -> Float[np.ndarray, " verts"]:
        """How far each vertex shows the face itself, 0 to 1: what of the photo may become texture."""
        return own_trust(self.parsed, self.assets.texturer.zones())

    @cached_property
    def parsed(self) -> ParsedFace:
        """What the face parser sees."""
        return self.assets.skin_finder.parse(self.placed_mesh)

    @cached_property
    def appearance(self) -> Appearance:
        """Albedo coefficients and light: the network's if it tells both, or else fitted to the photo."""
        albedo, light = self.posed.albedo, self.posed.light
        if albedo is None or light is None:
            return self.fitted_appearance
        return Appearance(albedo, light)

    @cached_property
    def fitted_appearance(self) -> Appearance:
        """What explains this photo best, so that what is filled in joins on to what the photo shows."""
        return self.assets.texturer.appearance(self.placed_mesh, self.bare_skin)

    @cached_property
    def texture(self) -> UInt8[np.ndarray, "size size 3"]:
        """The face's texture in sRGB; see `Face.texture`."""
        return self.assets.texturer.texture(
            self.placed_mesh, self.fitted_appearance, self.bare_skin, self.own_skin
        )

    @cached_property
    def albedo_texture(self) -> UInt8[np.ndarray, "size size 3"]:
        """The texture without the photo's light; see `Face.albedo_texture`."""
        mesh, appearance, on_relief = self.placed_mesh, self.fitted_appearance, None
        detailer, detail = self.assets.detailer, self.detail
        if detailer is not None and detail is not None:
            displacer = detailer.at(detail.size).displacer
            on_relief = light_on_relief(mesh, appearance, detail.height_mm, displacer)
        return without_light(self.texture, mesh, appearance, self.assets.texturer.layout(), on_relief)

    @cached_property
    def detail(self) -> "FaceDetail | None":
        """Wrinkles and folds that the coarse mesh does not have; None if they were not asked for."""
        detailer = self.assets.detailer
        if detailer is None:
            return None
        fine = detailer.fitting(self.placed_mesh)
        return fine.find(self.placed_mesh, self.fitted_appearance, self.parsed.trust())

    @cached_property
    def detail_report(self) -> dict[str, Any] | None:
        """What a report says of the detail; None without."""
        return None if self.detail is None else self.detail.report()

    def __getstate__(self) -> dict[str, Any]:
        names = (*(field.name for field in fields(self)), *_KEPT)
        return {name: self.__dict__[name] for name in names if name in self.__dict__}
