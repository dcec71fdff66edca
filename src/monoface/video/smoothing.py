"""Smoothing of what was measured in frames: over a whole track without lag, or frame by frame as it comes.

A track's smoother is the mode of a random walk of velocities that is seen through noise: what a Kalman
smoother (Rauch, Tung and Striebel) finds, solved at once as a banded system. Where what it takes off is more
than noise, accelerations are freed until it is not: what is still is smoothed much, while lids that shut in
two frames may do so.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

# From noise alone, the second difference has so many standard deviations.
_NOISE_OF_SECOND = np.sqrt(6.0)
# What is further from smooth than so many deviations of noise, alone or in runs of frames, is motion.
_MOTION = 5.0
_RUNS = (3, 7)
_ROUNDS = 6
# A quantile of noise over stretches of a track: the calmest tell it.
_CALM, _STRETCH = 0.25, 15
_LEAST_NOISE = 1e-6
# The time constant at `smooth` 1 in frames, to the fourth power, is the weight of accelerations.
_LONGEST_FRAMES = 14.0


def noise_of(values: Float[np.ndarray, "frames channels"]) -> Float[np.ndarray, " channels"]:
    """Standard deviation of each channel's noise, from second differences where the track is calmest."""
    if len(values) < 4:
        return np.full(values.shape[1], _LEAST_NOISE)
    second = np.abs(values[2:] - 2 * values[1:-1] + values[:-2])
    count = max(1, len(second) // _STRETCH)
    spread = [np.median(part, axis=0) for part in np.array_split(second, count)]
    return np.maximum(np.quantile(spread, _CALM, axis=0) / (0.6745 * _NOISE_OF_SECOND), _LEAST_NOISE)


def smoothed(
    values: Float[np.ndarray, "frames channels"],
    variance: Float[np.ndarray, " frames"],
    smooth: float,
    *,
    together: bool = False,
) -> Float[np.ndarray, "frames channels"]:
    """Channels of one unbroken track, smoothed without lag.

    Args:
        values: As measured.
        variance: Of each frame's noise, against that of the median frame.
        smooth: From 0, which changes nothing, to 1.
        together: Whether all channels are as stiff as the one that moves most at the time: those of a pose,
            whose errors cancel each other in what is seen.
    """
    if smooth <= 0 or len(values) < 5:
        return values.copy()
    noise = noise_of(values)
    spread = np.sqrt(np.maximum(variance, 1e-3))[:, None]
    trust = np.repeat(1 / np.square(spread), values.shape[1], axis=1)
    target = values / noise
    stiffness = np.full((len(values) - 2, values.shape[1]), (_LONGEST_FRAMES * smooth) ** 4)
    for _ in range(_ROUNDS):
        found = _banded(target, trust, stiffness)
        moved = _unexplained((target - found) / spread)
        if together:
            moved = moved.max(axis=1, keepdims=True)
        stiffness = stiffness / (1 + (moved / _MOTION) ** 4)
    return found * noise


def quaternions_of(rotations: Float[np.ndarray, "frames 3 3"]) -> Float[np.ndarray, "frames 4"]:
    """Unit quaternions (x, y, z, w), each on the side of the sphere that the one before is on."""
    m = rotations.astype(np.float64)
    trace = np.trace(m, axis1=1, axis2=2)
    form = np.empty((len(m), 4, 4))
    form[:, :3, :3] = m + m.mT - trace[:, None, None] * np.eye(3)
    skew = np.stack((m[:, 2, 1] - m[:, 1, 2], m[:, 0, 2] - m[:, 2, 0], m[:, 1, 0] - m[:, 0, 1]), axis=1)
    form[:, :3, 3] = form[:, 3, :3] = skew
    form[:, 3, 3] = trace
    found = np.linalg.eigh(form)[1][..., -1]
    flips = np.where((found[1:] * found[:-1]).sum(axis=1) < 0, -1.0, 1.0)
    found[1:] *= np.cumprod(flips)[:, None]
    return found


def matrices_of(quaternions: Float[np.ndarray, "frames 4"]) -> Float[np.ndarray, "frames 3 3"]:
    """Rotations of quaternions (x, y, z, w) of any length but zero."""
    x, y, z, w = (quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)).T
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
        (2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
        (2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
    )
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def filled(values: Float[np.ndarray, "frames channels"]) -> Float[np.ndarray, "frames channels"]:
    """NaN replaced by what lies between the neighbours in time; channels without any number become 0."""
    result, frames = values.copy(), np.arange(len(values))
    for column in result.T:
        known: Bool[np.ndarray, " frames"] = np.isfinite(column)
        column[~known] = np.interp(frames[~known], frames[known], column[known]) if known.any() else 0
    return result


@dataclass
class CausalFilter:
    """Smooths values as they come: what moves less than its noise stays, what moves more is followed at once.

    Attributes:
        smooth: From 0, which changes nothing, to 1.
        noise: Standard deviation of each channel's noise.
    """

    smooth: float
    noise: Float[np.ndarray, " channels"]
    _last: Float[np.ndarray, " channels"] | None = None

    def __call__(self, values: Float[np.ndarray, " channels"]) -> Float[np.ndarray, " channels"]:
        """The next frame's values, smoothed."""
        if self._last is None or self.smooth <= 0:
            self._last = values.copy()
            return values
        step = values - self._last
        far = np.square(step / (_MOTION * self.noise))
        still = 1 - 0.9 * min(self.smooth, 1.0)
        self._last = self._last + np.maximum(still, far / (1 + far)) * step
        return self._last.copy()


def _unexplained(residual: Float[np.ndarray, "frames channels"]) -> Float[np.ndarray, "_ channels"]:
    """How far residuals around each second difference are from noise of deviation 1, alone and in runs."""
    worst = np.abs(residual)
    total = np.concatenate((np.zeros_like(residual[:1]), np.cumsum(residual, axis=0)))
    for run in _RUNS:
        if run < len(residual):
            mean = np.abs(total[run:] - total[:-run]) / np.sqrt(run)
            half = run // 2
            worst[half : len(worst) - half] = np.maximum(worst[half : len(worst) - half], mean)
    return np.maximum(np.maximum(worst[:-2], worst[1:-1]), worst[2:])


def _banded(target: np.ndarray, trust: np.ndarray, stiffness: np.ndarray) -> np.ndarray:
    """Minimise trust * (x - target)^2 + stiffness * (second difference of x)^2 for each channel.

    The matrix has five diagonals: it is factored as L D L^T down the frames, all channels at once.
    """
    count = len(target)
    middle, near, far = trust.copy(), np.zeros_like(target), np.zeros_like(target)
    middle[:-2] += stiffness
    middle[1:-1] += 4 * stiffness
    middle[2:] += stiffness
    near[:-2] -= 2 * stiffness
    near[1:-1] -= 2 * stiffness
    far[:-2] += stiffness
    right = trust * target
    for row in range(count):
        for back, band in ((1, near), (2, far)):
            if row >= back:
                above = row - back
                factor = band[above] / middle[above]
                middle[row] -= factor * band[above]
                right[row] -= factor * right[above]
                if back == 1:
                    near[row] -= factor * far[above]
    found = np.zeros_like(target)
    for row in range(count - 1, -1, -1):
        value = right[row]
        if row + 1 < count:
            value = value - near[row] * found[row + 1]
        if row + 2 < count:
            value = value - far[row] * found[row + 2]
        found[row] = value / middle[row]
    return found
