"""From a photo to faces: reading, cropping, regressing, texturing, writing.

What `__all__` names is stable, see `docs/api/stability.md`. The other names are for monoface itself.
"""

from typing import TYPE_CHECKING

from monoface.core.on_demand import names_on_demand
from monoface.geometry.roi import box_of_points as box_of_points
from monoface.geometry.roi import next_roi as next_roi
from monoface.geometry.roi import roi_of_box as roi_of_box
from monoface.photos.reading import ImageSource, LoadedImage, read_image
from monoface.pipeline.face import Face
from monoface.pipeline.multi_photo.identity_similarity import IdentityLikeness
from monoface.pipeline.multi_photo.reconstruct import TogetherConfig, reconstruct_together
from monoface.pipeline.multi_photo.shared_face import SharedFace
from monoface.pipeline.multi_photo.together_result import TogetherResult
from monoface.pipeline.posed_face import Lens, MadeWith, Pinhole, WeakPerspective
from monoface.pipeline.reconstructor import Reconstructor
from monoface.pipeline.reconstructor_config import ReconstructorConfig
from monoface.pipeline.results import PhotoResult, Status
from monoface.regression import CoefficientRegressor as CoefficientRegressor
from monoface.regression import Regression as Regression
from monoface.regression import weights_path as weights_path

if TYPE_CHECKING:
    from monoface.pipeline.detailing import DisplacedSkin, FaceDetail

__all__ = [
    "DisplacedSkin",
    "Face",
    "FaceDetail",
    "IdentityLikeness",
    "ImageSource",
    "Lens",
    "LoadedImage",
    "MadeWith",
    "PhotoResult",
    "Pinhole",
    "Reconstructor",
    "ReconstructorConfig",
    "SharedFace",
    "Status",
    "TogetherConfig",
    "TogetherResult",
    "WeakPerspective",
    "read_image",
    "reconstruct_together",
]

# These need PyTorch.
__getattr__ = names_on_demand(
    __name__, dict.fromkeys(("DisplacedSkin", "FaceDetail"), "monoface.pipeline.detailing")
)
