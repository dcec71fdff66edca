"""Expressions of synthetic heads: a few active blendshapes, and now and then what photos rarely show."""

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float

from monoface.core.errors import ConfigError
from monoface.facemodel import FaceModel

_EYES = ("Left", "Right")


@dataclass(frozen=True)
class PatternConfig:
    """How often heads have expressions that few photos show; each is drawn for itself.

    Attributes:
        calm: Probability of no expression at all, whatever else was drawn.
        blink: Of both eyes shut or nearly so.
        wink: Of one eye shut or nearly so.
        open_mouth: Of a mouth wide open.
        pucker: Of lips that are pursed.
        gaze: Of eyes that look anywhere, both the same way.
    """

    calm: float = 0.0
    blink: float = 0.0
    wink: float = 0.0
    open_mouth: float = 0.0
    pucker: float = 0.0
    gaze: float = 0.0

    def __post_init__(self) -> None:
        chances = [getattr(self, one.name) for one in fields(self)]
        if not all(0 <= chance <= 1 for chance in chances):
            raise ConfigError(f"patterns: expected probabilities in 0..1, got {chances}.")

    @classmethod
    def varied(cls) -> "PatternConfig":
        """What networks learn closed eyes, winks, wide mouths, pursed lips and gaze from."""
        return cls(calm=0.1, blink=0.12, wink=0.08, open_mouth=0.15, pucker=0.08, gaze=0.5)


def sample_expressions_of(
    model: FaceModel,
    count: int,
    rng: np.random.Generator,
    active: float,
    patterns: PatternConfig | None = None,
) -> Float[np.ndarray, "batch expressions"]:
    """Expressions of a face model: of a Gaussian space its own Gaussian, else see `sample_expressions`."""
    if not model.bounded:
        return rng.standard_normal((count, model.expression_size)).astype(np.float32)
    return sample_expressions(model.expression_names, count, rng, active, patterns)


def sample_expressions(
    names: tuple[str, ...],
    count: int,
    rng: np.random.Generator,
    active: float,
    patterns: PatternConfig | None = None,
) -> Float[np.ndarray, "batch expressions"]:
    """Sparse weights in [0, 1]; three of four times the other side does nearly the same.

    Args:
        names: Of the expressions.
        count: How many faces.
        rng: Of everything random.
        active: Mean number of active expressions.
        patterns: What else is drawn, and how often; nothing by default. Expressions that the model does not
            have are left out.
    """
    chosen = rng.random((count, len(names))) < active / len(names)
    weights = np.where(chosen, rng.beta(1.2, 1.8, (count, len(names))), 0.0)
    paired = rng.random((count, 1)) < 0.75
    both = np.maximum(weights, weights[:, mirrored_names(names)])
    varied = both * rng.uniform(0.8, 1.0, both.shape)
    drawn = np.where(paired, varied, weights)
    if patterns is not None and patterns != PatternConfig():
        drawn = _with_patterns(drawn, names, rng, patterns)
    return drawn.astype(np.float32)


def mirrored_names(names: tuple[str, ...]) -> list[int]:
    """For each of ARKit's expressions the one of the other side; for others themselves."""

    def other(name: str) -> str:
        if "Left" in name:
            return name.replace("Left", "Right")
        return name.replace("Right", "Left")

    return [names.index(other(name)) if other(name) in names else place for place, name in enumerate(names)]


def _with_patterns(
    weights: Float[np.ndarray, "batch expressions"],
    names: tuple[str, ...],
    rng: np.random.Generator,
    patterns: PatternConfig,
) -> Float[np.ndarray, "batch expressions"]:
    count = len(weights)
    columns = {name: weights[:, place].copy() for place, name in enumerate(names)}
    _sample_gaze(columns, rng.random(count) < patterns.gaze, rng)
    blinks = rng.random(count) < patterns.blink
    winks = rng.random(count) < patterns.wink
    winking = np.where(rng.random(count) < 0.5, 0, 1)
    shut = rng.uniform(0.75, 1.0, (count, 1)) * rng.uniform(0.93, 1.0, (count, 2))
    for side, name in enumerate(_EYES):
        closed = blinks | (winks & (winking == side))
        _put(columns, f"eyeBlink{name}", closed, shut[:, side])
        _put(columns, f"eyeWide{name}", closed, np.zeros(count))
        # The other eye stays open.
        _put(columns, f"eyeBlink{name}", ~closed & winks, rng.uniform(0.0, 0.3, count))
    opened = rng.random(count) < patterns.open_mouth
    _put(columns, "jawOpen", opened, rng.uniform(0.45, 1.0, count))
    _put(columns, "mouthClose", opened, np.zeros(count))
    pursed = ~opened & (rng.random(count) < patterns.pucker)
    _put(columns, "mouthPucker", pursed, rng.uniform(0.5, 1.0, count))
    calm = rng.random(count) < patterns.calm
    stacked = np.stack([columns[name] for name in names], axis=1)
    result: np.ndarray = np.where(calm[:, None], 0.0, stacked)
    return result


def _sample_gaze(columns: dict[str, np.ndarray], where: np.ndarray, rng: np.random.Generator) -> None:
    """Both eyes to one place far off, evenly within their reach; `In` is towards the nose."""
    count = len(where)
    to_left, up = rng.uniform(-1, 1, count), rng.uniform(-1, 1, count)
    for name, outward in zip(_EYES, (to_left, -to_left), strict=True):
        _put(columns, f"eyeLookOut{name}", where, outward.clip(0))
        _put(columns, f"eyeLookIn{name}", where, (-outward).clip(0))
        _put(columns, f"eyeLookUp{name}", where, up.clip(0))
        _put(columns, f"eyeLookDown{name}", where, (-up).clip(0))


def _put(columns: dict[str, np.ndarray], name: str, where: np.ndarray, values: np.ndarray) -> None:
    if name in columns:
        columns[name] = np.where(where, values, columns[name])
