"""From a photo to faces: reading, cropping, regressing, texturing, writing."""

from monoface.pipeline.images import ImageSource, LoadedImage, read_image
from monoface.pipeline.reconstructor import Reconstructor, ReconstructorConfig
from monoface.pipeline.regression import CoefficientRegressor, Regression, weights_path
from monoface.pipeline.results import Face, MadeWith, PhotoResult, Status
from monoface.pipeline.rois import box_of_points, next_roi, roi_of_box

__all__ = [
    "CoefficientRegressor",
    "Face",
    "ImageSource",
    "LoadedImage",
    "MadeWith",
    "PhotoResult",
    "Reconstructor",
    "ReconstructorConfig",
    "Regression",
    "Status",
    "box_of_points",
    "next_roi",
    "read_image",
    "roi_of_box",
    "weights_path",
]
