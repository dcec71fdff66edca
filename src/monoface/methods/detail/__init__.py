"""Detail: wrinkles and folds as a displacement map, learned from the photo itself."""

from monoface.displacement.displacer import Displacement, Displacer
from monoface.displacement.evidence import Evidence
from monoface.methods.detail.coarse import Coarse
from monoface.methods.detail.coarse_config import CoarseConfig
from monoface.methods.detail.config import DetailConfig
from monoface.methods.detail.method import Detail

__all__ = ["Coarse", "CoarseConfig", "Detail", "DetailConfig", "Displacement", "Displacer", "Evidence"]
