"""Detail: wrinkles and folds as a displacement map, learned from the photo itself."""

from monoface.methods.detail.config import DetailConfig
from monoface.methods.detail.displacer import Displacement, Displacer
from monoface.methods.detail.maps import Evidence
from monoface.methods.detail.method import Detail

__all__ = ["Detail", "DetailConfig", "Displacement", "Displacer", "Evidence"]
