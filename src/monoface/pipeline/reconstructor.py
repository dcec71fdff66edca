"""One photo in, its faces in 3D out; or many photos, in batches."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, overload

import numpy as np
import torch

import monoface
from monoface.core.assets import asset_sha256, sha256_of
from monoface.core.errors import ConfigError, ModelFileError
from monoface.detection import Detection, FaceDetector
from monoface.facemodel import CoefficientLayout, FaceModel, load_default_model, load_face_model_data
from monoface.facemodel.landmarks import FLM18
from monoface.facemodel.mirroring import CoefficientMirror
from monoface.geometry.cameras import PerspectiveCamera
from monoface.geometry.roi import box_of_points, roi_of_box, same_face
from monoface.networks import Recognizer
from monoface.photos.focal import check_field_of_view, focal_of_field_of_view
from monoface.photos.reading import ImageSource, LoadedImage
from monoface.pipeline.detailing import Detailer
from monoface.pipeline.detecting import DetectsFaces, SearchedPhoto, in_batches, search_ahead, search_photos
from monoface.pipeline.pinhole import seen_by_pinhole
from monoface.pipeline.refining.blendshape_file import load_blendshape_scale
from monoface.pipeline.refining.landmark_file import landmark_points, load_landmark_habits
from monoface.pipeline.refining.refinement_file import load_refinement
from monoface.pipeline.refining.refiner import Measurement, Refiner
from monoface.pipeline.results import Face, MadeWith, PhotoResult, photo_result
from monoface.regression import CoefficientRegressor, Passes, Regression, regress_photos, weights_path
from monoface.texturing.texturer import Texturer

_FACE_MODEL_FILE = "face_model.safetensors"
# A texture of this side takes about 10 GB while it is made; displacement has more maps a texel.
_LARGEST_TEXTURE_PX, _LARGEST_DETAIL_PX = 8192, 4096
_DETECTOR_FILES = ("blazeface_short.onnx", "blazeface_full.onnx", "facemesh.onnx")


@dataclass(frozen=True)
class ReconstructorConfig:
    """How photos are reconstructed.

    Attributes:
        weights: Regressor: the name of shipped weights, or the path of a safetensors file.
        device: Where the regressor runs.
        face_model: File that `monoface facemodel learn` wrote; the shipped face model by default. It must be
            the one the weights were trained with.
        max_faces: Most faces taken from a photo, largest first; all by default.
        min_confidence: Faces of less confidence are set aside as doubtful; see `Face.confidence`.
        passes: Times a face is cropped and regressed, each time around the landmarks of the time before.
        mirror: The last time its mirror image is regressed too, and the mean of both taken.
        focal: "exif" takes photos for what a pinhole saw whose focal length their EXIF data tell; "weights"
            leaves the camera to the weights, weak perspective or a pinhole of their own before each face.
        field_of_view_deg: Angle that a pinhole sees across the photos' longer side; with "exif" only where a
            photo does not tell. Photos must not be cropped.
        texture_size: Side of the texture in pixels, a multiple of 16, at most 8192.
        detail: Weights of the fine stage, named as the regressor's are, to find wrinkles too; None does not.
        detail_size: Side of the displacement map in texels, at most 4096.
        refine: "auto" measures faces at the end by points that the network finds besides, with weights that
            are better so; "none" takes what the network says.
        batch_size: Faces regressed at a time.
        threads: Photos read and searched at a time.
    """

    weights: str = "monoface"
    device: Literal["cpu", "cuda"] = "cpu"
    face_model: Path | None = None
    max_faces: int | None = None
    min_confidence: float = 0.1
    passes: int = 2
    mirror: bool = True
    focal: Literal["weights", "exif"] = "weights"
    field_of_view_deg: float | None = None
    texture_size: int = 1024
    detail: str | None = None
    detail_size: int = 256
    refine: Literal["auto", "none"] = "auto"
    batch_size: int = 32
    threads: int = 2

    def __post_init__(self) -> None:
        for name in ("max_faces", "passes", "texture_size", "detail_size", "batch_size", "threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"{name}: expected at least 1, got {value}.")
        if not 0 <= self.min_confidence <= 1:
            raise ConfigError(f"min_confidence: expected 0 to 1, got {self.min_confidence}.")
        self._check_sizes()
        if self.field_of_view_deg is not None:
            check_field_of_view(self.field_of_view_deg)

    def _check_sizes(self) -> None:
        limits = {"texture_size": _LARGEST_TEXTURE_PX, "detail_size": _LARGEST_DETAIL_PX}
        for name, largest in limits.items():
            if getattr(self, name) > largest:
                raise ConfigError(
                    f"{name}: expected at most {largest} pixels, got {getattr(self, name)}. A photo shows no "
                    f"face so finely: choose a smaller size, and enlarge the picture afterwards if need be."
                )
        if self.texture_size % 16:
            raise ConfigError(f"texture_size: expected a multiple of 16, got {self.texture_size}.")

    def focal_px(self, photo: LoadedImage) -> float | None:
        """Focal length of a photo in pixels of the original; None leaves its camera to the weights."""
        if self.focal == "exif" and photo.exif_focal_px is not None:
            return photo.exif_focal_px
        if self.field_of_view_deg is not None:
            return focal_of_field_of_view(self.field_of_view_deg, photo.original_size_px)
        return None


class Reconstructor:
    """Turns photos into 3D faces. Loads its networks once; then it can be used for any number of photos.

    Raises:
        ConfigError: If there are no such weights, or no such device.
        AssetError: If a shipped file is missing or damaged.
        ModelFileError: If the weights or the face model cannot be read, or do not belong together.
    """

    def __init__(self, config: ReconstructorConfig | None = None) -> None:
        self.config = config or ReconstructorConfig()
        self.regressor = CoefficientRegressor.load(self.config.weights, self.config.device)
        self.face_model, face_model_sha256 = _load_face_model(self.config.face_model)
        _check_match(self.regressor, self.face_model)
        self.detector: DetectsFaces = FaceDetector()
        self._texturer = Texturer(self.face_model, self.config.texture_size)
        self._detailer = None
        if self.config.detail is not None:
            self._detailer = Detailer(self.face_model, self.config.detail, self.config.detail_size)
        self._blendshape_scale = load_blendshape_scale(
            weights_path(self.config.weights),
            self.face_model.expression_size,
            bounded=self.face_model.bounded,
        )
        self.refiner = None if self.config.refine == "none" else self._load_refiner()
        self.made_with = MadeWith(
            monoface=monoface.__version__,
            weights=self.regressor.name,
            method=self.regressor.info.method,
            sha256={
                f"{self.regressor.name}.safetensors": self.regressor.sha256,
                _FACE_MODEL_FILE: face_model_sha256,
                **{name: asset_sha256(name) for name in _DETECTOR_FILES},
                **(self._detailer.sha256 if self._detailer is not None else {}),
                **(self.refiner.sha256 if self.refiner is not None else {}),
            },
        )
        self._points = self.face_model.subset(self.face_model.landmarks("ibug68"))
        self.landmark_habits = load_landmark_habits(weights_path(self.config.weights))
        self._landmarks68 = landmark_points(self.face_model, "ibug68", self.landmark_habits)
        self._passes = Passes(
            self.config.passes,
            landmarks=self._points,
            mapped=self.face_model.subset(self.face_model.landmarks(FLM18)),
            mirror=CoefficientMirror(self.face_model) if self.config.mirror else None,
        )

    def _load_refiner(self) -> Refiner | None:
        """What measures faces; None with weights that are no better for it."""
        refinement = load_refinement(weights_path(self.config.weights))
        if refinement is None or not refinement.default:
            return None
        return Refiner(refinement, self.regressor.info, self.face_model, Recognizer(torch.get_num_threads()))

    # A string is a path here, although it is also a sequence of strings.
    @overload
    def reconstruct(self, source: ImageSource) -> PhotoResult: ...  # type: ignore[overload-overlap]

    @overload
    def reconstruct(self, source: Sequence[ImageSource]) -> list[PhotoResult]: ...

    def reconstruct(self, source: ImageSource | Sequence[ImageSource]) -> PhotoResult | list[PhotoResult]:
        """Reconstruct the faces of one photo, or of a list of photos.

        Whatever is wrong with a photo is told by the status of its result. Results hold their photos, so for
        thousands of photos use `reconstruct_each`.

        Args:
            source: Path, Pillow image, array or tensor, as `read_image` takes them, or a list of these.

        Returns:
            One result, or a list of results in the order of the sources.
        """
        if isinstance(source, Sequence) and not isinstance(source, str):
            return list(self.reconstruct_each(source))
        return self._reconstruct_batch(self._search([source]))[0]

    def reconstruct_each(self, sources: Iterable[ImageSource]) -> Iterator[PhotoResult]:
        """Reconstruct photos one after the other, in order, within bounded memory.

        Photos are read and searched ahead on threads, and the faces of several photos regressed together.
        """
        searched = search_ahead(sources, self._search, self.config.threads)
        for batch in in_batches(searched, self.config.batch_size):
            yield from self._reconstruct_batch(batch)

    def _search(self, sources: Sequence[ImageSource]) -> list[SearchedPhoto]:
        return search_photos(sources, self.detector, self.config.max_faces)

    @torch.no_grad()
    def _reconstruct_batch(self, batch: list[SearchedPhoto]) -> list[PhotoResult]:
        seen = [
            (one.photo, detection) for one in batch for detection in one.detections if one.photo is not None
        ]
        faces = [
            face
            for start in range(0, len(seen), self.config.batch_size)
            for face in self._reconstruct_seen(seen[start : start + self.config.batch_size])
        ]
        results = []
        for one in batch:
            count = len(one.detections)
            results.append(self._result(one, faces[:count]))
            faces = faces[count:]
        return results

    def _reconstruct_seen(self, seen: list[tuple[LoadedImage, Detection]]) -> list[Face]:
        """Regress faces of any photos together."""
        found = self._regress(seen)
        zoom = torch.tensor([photo.scale for photo, _ in seen])
        found = found.uncropped(torch.zeros(len(seen), 2), zoom)
        measured: list[Measurement | None] = [None] * len(seen)
        if self.refiner is not None and seen:
            landmarks_px = found.landmarks_px(self._points).numpy()
            found, told = self.refiner(found, [photo for photo, _ in seen], landmarks_px)
            measured = [*told]
        verts_mm = self.face_model.shape(found.coefficients.identity, found.coefficients.expression)
        faces = []
        for row, (photo, detection) in enumerate(seen):
            one = self._in_pinhole(found[row : row + 1], photo)
            faces.append(
                Face(
                    score=float(detection.score),
                    box=detection.box / photo.scale,
                    confidence=float(one.confidence),
                    coefficients=one.coefficients,
                    camera=one.camera,
                    verts_mm=verts_mm[row].numpy(),
                    landmarks68_px=one.landmarks_px(self._landmarks68)[0].numpy(),
                    photo=photo,
                    texturer=self._texturer,
                    made_with=self.made_with,
                    detailer=self._detailer,
                    measurement=measured[row],
                    blendshape_scale=self._blendshape_scale,
                )
            )
        return faces

    def _in_pinhole(self, found: Regression, photo: LoadedImage) -> Regression:
        """A face as the photo's pinhole sees it, if its focal length is known."""
        focal_px = self.config.focal_px(photo)
        if focal_px is None:
            return found
        middle_px = torch.tensor([photo.original_size_px]) / 2
        pinhole = PerspectiveCamera(torch.tensor([focal_px]), middle_px)
        shape = found.coefficients.identity, found.coefficients.expression
        coefficients = seen_by_pinhole(found.coefficients, found.camera, self._points(*shape), pinhole)
        return replace(found, coefficients=coefficients, camera=pinhole)

    def _regress(self, seen: list[tuple[LoadedImage, Detection]]) -> Regression:
        """Crop and regress, several times; cameras are those of the working copies.

        Networks with a landmark map see an empty one at first, and then the landmarks that they found.
        """
        images = [photo.image_srgb for photo, _ in seen]
        boxes = roi_of_box(np.stack([detection.box for _, detection in seen]))
        return regress_photos(self.regressor, images, boxes, self._passes)

    def _result(self, searched: SearchedPhoto, faces: list[Face]) -> PhotoResult:
        distinct = _without_duplicates(faces)
        trusted = tuple(face for face in distinct if face.confidence >= self.config.min_confidence)
        doubtful = tuple(face for face in distinct if face.confidence < self.config.min_confidence)
        result = photo_result(
            searched.name, searched.photo, trusted, doubtful, searched.problem, self.made_with
        )
        asked = self.config.focal == "exif" and bool(result.found)
        if asked and searched.photo is not None and searched.photo.exif_focal_px is None:
            return replace(result, reason=f"{result.reason}; EXIF tells no focal length")
        return result


def _without_duplicates(faces: list[Face]) -> list[Face]:
    """Faces in their order, without those that landed on the same face as one of more confidence."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: face.confidence, reverse=True):
        box = box_of_points(face.landmarks68_px)
        if not any(same_face(box, box_of_points(other.landmarks68_px)) for other in kept):
            kept.append(face)
    return [face for face in faces if any(face is other for other in kept)]


def _load_face_model(path: Path | None) -> tuple[FaceModel, str]:
    """Face model and the hash of its file."""
    if path is None:
        return load_default_model(), asset_sha256(_FACE_MODEL_FILE)
    if not path.is_file():
        raise ConfigError(f"face model {path}: expected a file, found none.")
    return FaceModel(load_face_model_data(path)), sha256_of(path)


def _check_match(regressor: CoefficientRegressor, model: FaceModel) -> None:
    if regressor.info.coefficient_space != model.coefficient_space:
        raise ModelFileError(
            f"weights {regressor.name}: expected coefficients of the space {model.coefficient_space}, got "
            f"{regressor.info.coefficient_space}. Use the face model they were trained with."
        )
    if regressor.layout.geometry != CoefficientLayout.of(model):
        raise ModelFileError(
            f"weights {regressor.name}: expected coefficients {CoefficientLayout.of(model)}, "
            f"got {regressor.layout}. Train the weights again."
        )
    if regressor.layout.albedo and regressor.info.albedo_space != model.albedo_space:
        raise ModelFileError(
            f"weights {regressor.name}: expected albedo of the space {model.albedo_space}, got "
            f"{regressor.info.albedo_space}. Use the face model they were trained with."
        )
