"""Expected colours of a whole head, from those that the photo shows of it.

What the albedo model and the light do not explain (hair, make-up, a beard, the tone of this person's skin) is
spread over the surface to where nothing is seen, by distance on the mean head. Charts of the texture play no
part in that, so no seam between them shows.
"""

import numpy as np
from jaxtyping import Float

from monoface.core.arrays import norm
from monoface.facemodel import NumpyFaceModel
from monoface.facemodel.parts import eye_height_mm, skin_verts

# Places whose differences are spread. The nearest ones are then about a centimetre away.
_CONTROL_POINTS = 500

# Distance at which the influence of a place begins to fall: by the fourth power of the distance.
_REACH_MM = 12.0

# What so little of the control points' weight says is not believed.
_LEAST_WEIGHT = 1e-6

# What a place's mirror image shows counts this much less than what is seen itself.
_MIRRORED_TRUST = 0.3

# Away from the face the head's outline is a guess, and the photo soon shows what is behind it: from the first
# distance on it counts less, from the second not at all.
_NEAR_MM, _FAR_MM = 10.0, 45.0

# The chin among the 68 landmarks, and how far under it what the photo shows ceases to be the face for sure.
_CHIN, _UNDER_CHIN_MM = 8, 8.0

# A colour below the eyes and beside the face that differs this much from skin, in sRGB, is something else.
_SKIN_TOLERANCE = 0.16


class ColourSpreader:
    """Spreads differences of colour over the skin of a face model.

    Attributes:
        near_face: 1 on the face and on what is not skin, falling to 0 on the skin away from the face.
    """

    def __init__(self, model: NumpyFaceModel) -> None:
        regions = model.data.regions
        on_skin = skin_verts(model.data)
        places = np.flatnonzero(on_skin)
        self._places = places
        self._controls = places[:: max(1, len(places) // _CONTROL_POINTS)]
        self._mirror = model.data.mirror
        self._inner = regions["narrow_face"]
        height_mm = model.mean_mm[:, 1]
        self._low = height_mm < eye_height_mm(model)
        chin_mm = float(model.landmarks("ibug68").points(model.mean_mm[None])[0, _CHIN, 1])
        below_chin = ((chin_mm - height_mm) / _UNDER_CHIN_MM).clip(0, 1)
        self._doubt = np.where(self._inner, below_chin, np.ones_like(below_chin))
        outer = ~self._inner
        beside_mm = np.zeros_like(height_mm)
        # Every fourth vertex of the face is near enough to tell distances of a centimetre.
        beside_mm[outer] = _distances(model.mean_mm[outer], model.mean_mm[self._inner][::4]).min(axis=1)
        near = ((_FAR_MM - beside_mm) / (_FAR_MM - _NEAR_MM)).clip(0, 1)
        self.near_face = np.where(on_skin, near, np.ones_like(near))
        distance = _distances(model.mean_mm[places], model.mean_mm[self._controls])
        self._influence = 1 / np.square(np.square(distance / _REACH_MM) + 1)

    def spread(
        self, difference: Float[np.ndarray, "verts 3"], trust: Float[np.ndarray, " verts"]
    ) -> Float[np.ndarray, "verts 3"]:
        """Weighted means of the differences around each vertex; zero off the skin."""
        weight = trust[self._controls, None]
        weighted = np.concat((weight * difference[self._controls], weight), axis=1)
        # One product for both, since it is the influence that takes time to read.
        sums = self._influence @ weighted
        means = sums[:, :3] / sums[:, 3:].clip(_LEAST_WEIGHT)
        everywhere = np.zeros_like(difference)
        everywhere[self._places] = means
        return everywhere

    def fill(
        self,
        expected: Float[np.ndarray, "verts 3"],
        shown: Float[np.ndarray, "verts 3"],
        seen: Float[np.ndarray, " verts"],
        bare: Float[np.ndarray, " verts"] | None = None,
    ) -> tuple[Float[np.ndarray, "verts 3"], Float[np.ndarray, " verts"]]:
        """Expected colours corrected by what the photo shows, and how far it is to be trusted.

        Args:
            expected: What albedo and light explain, sRGB.
            shown: Colours of the photo at the vertices, sRGB.
            seen: How well vertices are in view, 0 to 1.
            bare: How far they show bare skin, 0 to 1: what covers a face colours nothing but itself. In full,
                if not given.

        Returns:
            Colours of all vertices in sRGB; and for each vertex 1, or less where it lies beside the face or
            under the chin: far from it, or below the eyes where the photo shows something that has not the
            skin's colour, such as clothing, long hair or background.
        """
        difference = shown - expected
        bare = np.ones_like(seen) if bare is None else bare
        inner = (seen * bare > 0) & self._inner
        tone = lower_median(difference[inner]) if inner.any() else np.zeros(3, np.float32)
        likeness = np.exp(-np.square(norm(difference - tone) / _SKIN_TOLERANCE))
        # A beard or a scarf over the chin is shown, but not spread to the neck.
        spread_trust = np.where(self._low, likeness, np.ones_like(likeness)) * self.near_face
        spread_trust = spread_trust * bare
        spread = self.spread(*self._with_mirrored(difference, seen * spread_trust))
        trust = 1 - self._doubt * (1 - spread_trust)
        return (expected + spread).clip(0, 1), trust

    def completed(
        self,
        base: Float[np.ndarray, "verts 3"],
        difference: Float[np.ndarray, "verts 3"],
        trust: Float[np.ndarray, " verts"],
    ) -> Float[np.ndarray, "verts 3"]:
        """Base colours, sRGB, corrected by differences that are spread over the skin.

        Args:
            base: Colours of all vertices.
            difference: What photos show less that.
            trust: How far each difference counts, 0 to 1; its mirror image counts less.
        """
        return (base + self.spread(*self._with_mirrored(difference, trust))).clip(0, 1)

    def _with_mirrored(
        self, difference: Float[np.ndarray, "verts 3"], trust: Float[np.ndarray, " verts"]
    ) -> tuple[Float[np.ndarray, "verts 3"], Float[np.ndarray, " verts"]]:
        """Differences and trust, with those of the mirror image, at less trust, where that has more of it."""
        mirrored = _MIRRORED_TRUST * trust[self._mirror]
        better = mirrored > trust
        return np.where(better[:, None], difference[self._mirror], difference), np.maximum(trust, mirrored)


def lower_median(values: Float[np.ndarray, "count channels"]) -> Float[np.ndarray, " channels"]:
    """Median of each channel; of two in the middle the lower one."""
    return np.sort(values, axis=0)[(len(values) - 1) // 2]


def _distances(
    points: Float[np.ndarray, "points 3"], others: Float[np.ndarray, "others 3"]
) -> Float[np.ndarray, "points others"]:
    """Of each point to each of the others."""
    squared = sum(np.square(np.subtract.outer(points[:, axis], others[:, axis])) for axis in range(3))
    return np.sqrt(squared)
