"""From a photo to faces: reading, cropping, regressing, texturing, writing."""

from monoface.geometry.roi import box_of_points, next_roi, roi_of_box
from monoface.photos.reading import ImageSource, LoadedImage, read_image
from monoface.pipeline.multi_photo.identity_similarity import IdentityLikeness
from monoface.pipeline.multi_photo.reconstruct import TogetherConfig, TogetherResult, reconstruct_together
from monoface.pipeline.multi_photo.shared_face import SharedFace
from monoface.pipeline.reconstructor import Reconstructor, ReconstructorConfig
from monoface.pipeline.results import Face, MadeWith, PhotoResult, Status
from monoface.regression import CoefficientRegressor, Regression, weights_path

__all__ = [
    "CoefficientRegressor",
    "Face",
    "IdentityLikeness",
    "ImageSource",
    "LoadedImage",
    "MadeWith",
    "PhotoResult",
    "Reconstructor",
    "ReconstructorConfig",
    "Regression",
    "SharedFace",
    "Status",
    "TogetherConfig",
    "TogetherResult",
    "box_of_points",
    "next_roi",
    "read_image",
    "reconstruct_together",
    "roi_of_box",
    "weights_path",
]
