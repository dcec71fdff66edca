"""One photo in, its faces in 3D out; or many photos, in batches."""

import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
from jaxtyping import Float

from monoface.core.assets import asset_sha256
from monoface.core.errors import ModelFileError
from monoface.core.kernels.threads import thread_count
from monoface.core.version import VERSION
from monoface.detection import Detection, FaceDetector, FaceDetectorConfig
from monoface.detection.upside_down import UpsideDownCheck
from monoface.facemodel.blendshape_scale import BlendshapeScale
from monoface.facemodel.default import FACE_MODEL_FILE
from monoface.facemodel.landmarks import FLM18
from monoface.facemodel.mirroring import CoefficientMirror
from monoface.geometry.cameras import PerspectiveCamera
from monoface.geometry.roi import box_of_points, same_face
from monoface.geometry.rotations import camera_to_head, head_angles_from_matrix
from monoface.networks import Recognizer
from monoface.networks.eyes.reader import EyeReader
from monoface.photos.reading import ImageSource, LoadedImage
from monoface.pipeline.detecting import DetectsFaces, SearchedPhoto, in_batches, search_ahead, search_photos
from monoface.pipeline.face import Face
from monoface.pipeline.face_assets import AssetNames, FaceAssets
from monoface.pipeline.face_skin import FaceSkin
from monoface.pipeline.pinhole import seen_by_pinhole
from monoface.pipeline.plausibility import human_probability
from monoface.pipeline.posed_face import MadeWith, PosedFace, pose_of
from monoface.pipeline.reconstructor_config import ReconstructorConfig
from monoface.pipeline.refining.blendshape_file import load_blendshape_scale
from monoface.pipeline.refining.eyes import EyeFitter
from monoface.pipeline.refining.landmark_file import landmark_points, load_landmark_habits
from monoface.pipeline.refining.refinement_file import load_refinement
from monoface.pipeline.refining.refiner import Measurement, Refiner
from monoface.pipeline.results import PhotoResult, photo_result
from monoface.regression import (
    CoefficientRegressor,
    Passes,
    Regression,
    TurnedFace,
    check_space,
    regress_photos,
    regress_turned,
    weights_path,
)
from monoface.texturing.skin import SKIN_WEIGHTS

_DETECTOR_FILES = ("blazeface_short.onnx", "blazeface_full.onnx", "facemesh.onnx")


class Reconstructor:
    """Turns photos into 3D faces. Loads its networks once; then it can be used for any number of photos.

    It pickles as its configuration, and loads its networks again where it is unpickled. A forked child may
    use it as it is, on one thread, if it does not run on a GPU.

    Raises:
        ConfigError: If there are no such weights, no such device, or no memory for so large a texture.
        AssetError: If a shipped file is missing or damaged.
        ModelFileError: If the weights or the face model cannot be read, or do not belong together.
    """

    def __init__(self, config: ReconstructorConfig | None = None) -> None:
        self.config = config or ReconstructorConfig()
        self.config.refuse_beyond_memory()
        self.regressor = CoefficientRegressor.load(self.config.weights, self.config.device)
        names = AssetNames.of_files(
            self.config.face_model,
            self.config.texture_size,
            self.config.detail,
            self.config.detail_size,
            self.config.detail_strength,
            self.config.texture,
        )
        self._assets = FaceAssets(names)
        self.face_model = self._assets.model
        check_space(self.regressor.name, self.regressor.info, self.face_model)
        self.detector: DetectsFaces = FaceDetector(FaceDetectorConfig(small_faces=self.config.small_faces))
        self._upside_down = UpsideDownCheck(self.config.threads)
        detailer = self._assets.detailer
        self._blendshape_scale = load_blendshape_scale(
            weights_path(self.config.weights),
            self.face_model.expression_size,
            bounded=self.face_model.bounded,
        )
        self.refiner = None if self.config.refine == "none" else self._load_refiner()
        self.made_with = MadeWith(
            monoface=VERSION,
            weights=self.regressor.name,
            method=self.regressor.info.method,
            sha256={
                f"{self.regressor.name}.safetensors": self.regressor.sha256,
                FACE_MODEL_FILE: names.face_model_sha256,
                **{name: asset_sha256(name) for name in (*_DETECTOR_FILES, SKIN_WEIGHTS)},
                **(detailer.sha256 if detailer is not None else {}),
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

    def __copy__(self) -> Self:
        again = object.__new__(type(self))
        again.__dict__.update(self.__dict__)
        return again

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        # What was loaded does not change.
        return self.__copy__()

    def __reduce__(self) -> tuple[Any, ...]:
        detector = None if isinstance(self.detector, FaceDetector) else self.detector
        return _loaded_again, (self.config, self.made_with, detector)

    def _load_refiner(self) -> Refiner | None:
        """What measures faces; None with weights that are no better for it."""
        refinement = load_refinement(weights_path(self.config.weights))
        if refinement is None or not refinement.default:
            return None
        threads = thread_count()
        habits = load_landmark_habits(weights_path(self.config.weights))
        eyes = EyeFitter.of(self.face_model, habits, EyeReader(threads))
        return Refiner(refinement, self.regressor.info, self.face_model, Recognizer(threads), eyes)

    def reconstruct(self, source: ImageSource) -> PhotoResult:
        """Reconstruct the faces of one photo.

        Whatever is wrong with a photo is told by the status of its result.

        Args:
            source: Path, Pillow image or array, as `read_image` takes them.
        """
        if isinstance(source, list | tuple):
            warnings.warn(
                "Reconstructor.reconstruct of several photos will go: use reconstruct_many.",
                DeprecationWarning,
                stacklevel=2,
            )
            return list(self.reconstruct_many(source))  # type: ignore[return-value]
        return self._reconstruct_batch(self._search([source]))[0]

    def reconstruct_many(self, photos: Iterable[ImageSource]) -> Iterator[PhotoResult]:
        """Reconstruct photos one after the other, in order, within bounded memory.

        Photos are read and searched ahead on threads, and the faces of several photos regressed together, of
        more and more photos, so that the first results come soon.
        Results hold their photos, so for thousands of photos keep what you need of each.

        Args:
            photos: As `reconstruct` takes them.
        """
        searched = search_ahead(photos, self._search, self.config.threads, soon=True)
        for batch in in_batches(searched, self.config.batch_size, soon=True):
            yield from self._reconstruct_batch(batch)

    def reconstruct_each(self, sources: Iterable[ImageSource]) -> Iterator[PhotoResult]:
        """Former name of `reconstruct_many`."""
        warnings.warn(
            "Reconstructor.reconstruct_each will go: use reconstruct_many.", DeprecationWarning, stacklevel=2
        )
        return self.reconstruct_many(sources)

    def reconstruct_found(self, photo: LoadedImage, detections: Sequence[Detection]) -> list[Face]:
        """Reconstruct faces of one photo that were found before, whatever their confidence.

        Args:
            photo: The photo.
            detections: Where the faces are, in pixels of its working copy.
        """
        return self._reconstruct_seen([(photo, one) for one in detections], [photo] * len(detections))

    def look_once(
        self, photo: LoadedImage, boxes: Float[np.ndarray, "faces 4"]
    ) -> tuple[Regression, Float[np.ndarray, "faces 68 2"]]:
        """What the network says of faces at one look, without a mirror and not measured; and its 68 points.

        Args:
            photo: The photo, at its original size.
            boxes: Squares around the faces, of which none may be turned far in the picture.
        """
        found = regress_photos(self.regressor, [photo.image_srgb] * len(boxes), boxes, Passes(1))
        return found, found.landmarks_px(self._points)

    @property
    def assets(self) -> FaceAssets:
        """What faces are drawn, textured and written with."""
        return self._assets

    @property
    def blendshape_scale(self) -> BlendshapeScale:
        """From expression weights to ARKit's scale."""
        return self._blendshape_scale

    def _search(self, sources: Sequence[ImageSource]) -> list[SearchedPhoto]:
        return search_photos(sources, self.detector, self.config.max_faces)

    def _reconstruct_batch(self, batch: list[SearchedPhoto]) -> list[PhotoResult]:
        seen = [look for one in batch for look in one.looks(self.regressor.size_px)]
        photos = [one.photo for one in batch if one.photo is not None for _ in one.detections]
        faces = [
            face
            for start in range(0, len(seen), self.config.batch_size)
            for face in self._reconstruct_seen(
                seen[start : start + self.config.batch_size], photos[start : start + self.config.batch_size]
            )
        ]
        results = []
        for one in batch:
            count = len(one.detections)
            results.append(self._result(one, faces[:count]))
            faces = faces[count:]
            if one.photo is not None:
                one.photo.finish()
        return results

    def _reconstruct_seen(
        self, seen: list[tuple[LoadedImage, Detection]], photos: list[LoadedImage]
    ) -> list[Face]:
        """Regress faces of any photos together.

        Args:
            seen: Each face with the pixels that it is seen in.
            photos: The whole photo of each.
        """
        found = self._regress(seen)
        zoom = np.array([photo.scale for photo, _ in seen], np.float32)
        found = found.uncropped(np.zeros((len(seen), 2), np.float32), zoom)
        measured: list[Measurement | None] = [None] * len(seen)
        if self.refiner is not None and seen:
            landmarks_px = found.landmarks_px(self._points)
            found, told = self.refiner(found, [photo for photo, _ in seen], landmarks_px)
            measured = [*told]
        verts_mm = self.face_model.shape(found.coefficients.identity, found.coefficients.expression)
        faces = []
        for row, (photo, detection) in enumerate(seen):
            one = self._in_pinhole(found[row : row + 1], photo)
            posed = PosedFace(
                **pose_of(one.coefficients, one.camera),
                **self._told_appearance(one),
                score=float(detection.score),
                box=detection.box / photo.scale,
                confidence=_confidence(one, detection),
                verts_mm=verts_mm[row].copy(),
                landmarks68_px=one.landmarks_px(self._landmarks68)[0],
                expression_names=self.face_model.expression_names,
                blendshape_scale=self._blendshape_scale,
                photo_size_px=photo.original_size_px,
                made_with=self.made_with,
                measurement=measured[row],
            )
            faces.append(Face(FaceSkin(posed, photos[row], self._assets)))
        return faces

    def _told_appearance(self, found: Regression) -> dict[str, Any]:
        """Albedo and light of a face, None for what the weights do not tell."""
        layout, told = self.regressor.layout, found.coefficients
        return {
            "albedo": told.albedo[0].copy() if layout.albedo else None,
            "light": told.light[0].copy() if layout.light else None,
        }

    def _in_pinhole(self, found: Regression, photo: LoadedImage) -> Regression:
        """A face as the photo's pinhole sees it, if its focal length is known."""
        focal_px = self.config.focal_px(photo)
        if focal_px is None:
            return found
        middle_px = np.array([photo.original_size_px], np.float32) / 2
        pinhole: PerspectiveCamera[Any] = PerspectiveCamera(np.array([focal_px], np.float32), middle_px)
        shape = found.coefficients.identity, found.coefficients.expression
        coefficients = seen_by_pinhole(found.coefficients, found.camera, self._points(*shape), pinhole)
        return replace(found, coefficients=coefficients, camera=pinhole)

    def _regress(self, seen: list[tuple[LoadedImage, Detection]]) -> Regression:
        """Crop and regress, several times; cameras are those of the working copies.

        Networks with a landmark map see an empty one at first, and then the landmarks that they found.
        """
        faces = [TurnedFace(photo.image_srgb, one.roi_crops(), one.score) for photo, one in seen]
        return regress_turned(self.regressor, faces, self._passes, self._upside_down)

    def _result(self, searched: SearchedPhoto, faces: list[Face]) -> PhotoResult:
        distinct = _without_duplicates(faces)
        trusted = tuple(face for face in distinct if face.confidence >= self.config.min_confidence)
        doubtful = tuple(face for face in distinct if face.confidence < self.config.min_confidence)
        result = photo_result(
            searched.name, searched.photo, trusted, doubtful, searched.problem, self.made_with
        )
        if searched.left_out:
            told = f"{result.reason}; {searched.left_out} smaller ones left out by max_faces"
            result = replace(result, reason=told)
        asked = self.config.focal == "exif" and bool(result.all_faces)
        if asked and searched.photo is not None and searched.photo.exif_focal_px is None:
            return replace(result, reason=f"{result.reason}; EXIF tells no focal length")
        return result


def _confidence(found: Regression, detection: Detection) -> float:
    """Probability that the face is a human one and its landmarks are right; see `Face.confidence`."""
    right = float(found.confidence[0])
    yaw_deg = math.degrees(head_angles_from_matrix(camera_to_head(found.coefficients.rotation[0]))[0])
    return right * human_probability(right, detection.score, yaw_deg)


def _without_duplicates(faces: list[Face]) -> list[Face]:
    """Faces in their order, without those that landed on the same face as one of more confidence."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: face.confidence, reverse=True):
        box = box_of_points(face.landmarks68_px)
        if not any(same_face(box, box_of_points(other.landmarks68_px)) for other in kept):
            kept.append(face)
    return [face for face in faces if any(face is other for other in kept)]


def _loaded_again(
    config: ReconstructorConfig, made_with: MadeWith, detector: DetectsFaces | None
) -> Reconstructor:
    """What a pickle becomes.

    Raises:
        ModelFileError: If the files are not those that it was pickled with.
    """
    again = Reconstructor(config)
    if again.made_with.sha256 != made_with.sha256:
        changed = [name for name, one in made_with.sha256.items() if again.made_with.sha256.get(name) != one]
        raise ModelFileError(
            f"reconstructor: expected the files that it was pickled with, got others ({', '.join(changed)}). "
            "Put them back, or make a new Reconstructor."
        )
    if detector is not None:
        again.detector = detector
    return again
