"""Albedo and light of a face, fitted to the colours that the photo shows at its vertices.

The fit explains the photo coarsely: it is what hidden parts of the texture are filled with.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic

import numpy as np
from jaxtyping import Bool, Float

from monoface.core.arrays import Array, namespace, norm
from monoface.facemodel import LinearFaceModel, NumpyFaceModel
from monoface.shading import ambient_light, linear_to_srgb, sh_irradiance

# Rounds of light, albedo and weights in turn; the fourth changes colours by less than one step of 8 bits.
_ROUNDS = 3

# Below this many vertices in view, light is taken to come from everywhere alike.
_LEAST_VERTS = 60

# How far a vertex may be off, as a part of the face's brightness, before it counts less: hair and glasses.
_ROBUST_SCALE = 0.1

# Light that comes from somewhere needs evidence, lest it be wrong where nothing is seen. In units of the
# mean squared irradiance of one coefficient.
_LIGHT_RIDGE = (0.0, *3 * (0.01,), *5 * (0.04,))

# Unexplained part of the colours, against which one unit of a unit-variance albedo coefficient is weighed.
_COLOUR_NOISE = 0.03

# How many independent witnesses the vertices of a face are worth at most and at least; fewer than at most, if
# the root mean square of the albedo coefficients, which is 1 over people, came out above a bound.
_WITNESSES = (100.0, 1.0)
_LARGEST_ALBEDO = 1.5
_HALVINGS = 24

# Is skin dark, or light dim? How bright light is on faces in photos, as a logarithm of irradiance over pi:
# its mean and spread over a few hundred clips and portraits, less what skin itself varies.
_LOG_BRIGHTNESS = 0.1
_LOG_BRIGHTNESS_SPREAD = 0.35
_BRIGHTNESSES = np.linspace(-3.0, 2.0, 101, dtype=np.float32)

# Places turned away from all light that was seen still get this part of the mean light.
_LEAST_LIGHT = 0.35


@dataclass(frozen=True)
class Appearance(Generic[Array]):
    """What a face's surface is like, and the light on it.

    Attributes:
        albedo: Unit-variance albedo coefficients.
        light: Radiance in spherical harmonics, linear RGB, in the camera frame.
    """

    albedo: Float[Array, " albedo"]
    light: Float[Array, "9 3"]

    def colours_srgb(
        self, model: LinearFaceModel, normals: Float[Array, "verts 3"]
    ) -> Float[Array, "verts 3"]:
        """Expected colours of all vertices in sRGB, 0 to 1, for normals in the camera frame."""
        colour = model.albedo(self.albedo[None])[0] * self.irradiance(normals)
        return linear_to_srgb(colour.clip(0, 1)).clip(0, 1)

    def irradiance(self, normals: Float[Array, "points 3"]) -> Float[Array, "points 3"]:
        """Irradiance over pi, linear RGB, for unit normals in the camera frame; never far below the mean."""
        everywhere = sh_irradiance(normals, self.light[:1])
        lit = namespace(normals).maximum(sh_irradiance(normals, self.light), _LEAST_LIGHT * everywhere)
        return lit / math.pi


def fit_appearance(
    model: NumpyFaceModel,
    normals: Float[np.ndarray, "verts 3"],
    colours: Float[np.ndarray, "verts 3"],
    seen: Bool[np.ndarray, " verts"],
) -> Appearance:
    """Find the albedo and light that explain colours best.

    Albedo and light are ambiguous by a factor, which is shared between both as `likely_tone` says.

    Args:
        model: The face model.
        normals: Unit normals in the camera frame.
        colours: Colours of the vertices in the photo, linear RGB.
        seen: Which vertices to use: those in view, of the skin.
    """
    index = np.flatnonzero(seen)
    mean, basis = model.albedo_mean[index], model.albedo_basis.take(index, axis=1)
    colours, directions = colours[index], _sh_directions(normals[index])
    albedo = np.zeros(model.albedo_size, np.float32)
    if len(colours) < _LEAST_VERTS:
        brightness = colours.mean(axis=0) if len(colours) else np.full(3, 0.5, np.float32)
        average = model.albedo_mean[model.data.regions["narrow_face"]].mean(axis=0)
        return Appearance(albedo, ambient_light(math.pi * brightness / average.clip(0.05)))

    scale = colours.mean().clip(1e-3)
    albedo = likely_tone(mean.mean(axis=(0, 1)), basis.mean(axis=(1, 2)), scale)
    weight = np.ones(len(colours), np.float32)
    for _ in range(_ROUNDS):
        light = _fit_light(_combine(mean, albedo, basis).clip(0.01, 1), directions, colours, weight)
        irradiance = (directions @ light / math.pi).clip(0.05 * scale)
        albedo = _fit_albedo(mean, basis, irradiance, colours, weight, _COLOUR_NOISE * scale)
        residual = _combine(mean, albedo, basis) * irradiance - colours
        weight = 1 / (1 + np.square(norm(residual) / (_ROBUST_SCALE * scale)))
    return Appearance(albedo, light)


@dataclass(frozen=True, eq=False)
class SeenSkin(Generic[Array]):
    """Skin that one photo shows.

    Attributes:
        normals: Unit normals of all vertices in the camera frame.
        colours: Colours of all vertices in the photo, linear RGB.
        seen: Which vertices to use: those in view, of the skin.
    """

    normals: Float[Array, "verts 3"]
    colours: Float[Array, "verts 3"]
    seen: Bool[Array, " verts"]


def fit_shared_appearance(model: NumpyFaceModel, photos: Sequence[SeenSkin]) -> list[Appearance]:
    """Find one albedo, and a light for each photo, that explain the colours of several photos best.

    Lights are in the frames of their cameras. Albedo is found against all photos together, each with the
    same weight; photos that show too little skin have no part in it.
    """
    alone = [fit_appearance(model, one.normals, one.colours, one.seen) for one in photos]
    enough = [place for place, one in enumerate(photos) if int(one.seen.sum()) >= _LEAST_VERTS]
    if len(enough) < 2:
        albedo = alone[enough[0]].albedo if enough else alone[0].albedo
        return [replace(one, albedo=albedo) for one in alone]

    means, bases, parts, scales = [], [], [], []
    for place in enough:
        index = np.flatnonzero(photos[place].seen)
        means.append(model.albedo_mean[index])
        bases.append(model.albedo_basis.take(index, axis=1))
        scale = photos[place].colours[index].mean().clip(1e-3)
        parts.append((photos[place].colours[index] / scale, _sh_directions(photos[place].normals[index])))
        scales.append(scale)
    mean, basis = np.concat(means), np.concat(bases, axis=1)
    colours = np.concat([colours for colours, _ in parts])
    sizes = [len(part) for part in means]
    ends = np.cumsum(sizes)[:-1]
    weight = np.concat([np.full(size, sum(sizes) / size, np.float32) for size in sizes])
    equal, albedo = weight, np.stack([alone[place].albedo for place in enough]).mean(axis=0)
    for _ in range(_ROUNDS):
        plain = np.split(_combine(mean, albedo, basis).clip(0.01, 1), ends)
        lights = [
            _fit_light(own, directions, seen, part)
            for own, (seen, directions), part in zip(plain, parts, np.split(weight, ends), strict=True)
        ]
        irradiance = np.concat(
            [directions @ light / math.pi for (_, directions), light in zip(parts, lights, strict=True)]
        ).clip(0.05)
        albedo = _fit_albedo(mean, basis, irradiance, colours, weight, np.float32(_COLOUR_NOISE))
        residual = _combine(mean, albedo, basis) * irradiance - colours
        weight = equal / (1 + np.square(norm(residual) / _ROBUST_SCALE))
    found = [replace(one, albedo=albedo) for one in alone]
    for place, light, scale in zip(enough, lights, scales, strict=True):
        found[place] = Appearance(albedo, light * scale)
    return found


def likely_tone(
    mean: np.floating | Float[np.ndarray, ""],
    basis: Float[np.ndarray, " albedo"],
    brightness: np.floating | Float[np.ndarray, ""],
) -> Float[np.ndarray, " albedo"]:
    """Albedo coefficients that skin of some brightness in a photo most probably has.

    The photo shows the product of skin and light. Of all pairs with that product it is the most probable one:
    coefficients of unit variance, the light's logarithm as usual in photos.

    Args:
        mean: Grey albedo of the mean face.
        basis: What each coefficient adds to it.
        brightness: Grey colour of the skin, linear.
    """
    power = np.square(basis).sum().clip(1e-9)
    tone = brightness / np.exp(_BRIGHTNESSES) - mean
    unlikely = np.square(tone) / power
    unlikely = unlikely + np.square((_BRIGHTNESSES - _LOG_BRIGHTNESS) / _LOG_BRIGHTNESS_SPREAD)
    # The minimum of the parabola through the least one and its neighbours, for the tone must not go by steps.
    least = int(unlikely.argmin().clip(1, len(unlikely) - 2))
    before, at, after = unlikely[least - 1 : least + 2]
    bend = before - 2 * at + after
    aside = float(((before - after) / (2 * bend)).clip(-1, 1)) if bend > 0 else 0.0
    brightest = _BRIGHTNESSES[least] + np.float32(aside) * (_BRIGHTNESSES[1] - _BRIGHTNESSES[0])
    return (brightness / np.exp(brightest) - mean) * basis / power


def _fit_light(
    albedo: Float[np.ndarray, "verts 3"],
    directions: Float[np.ndarray, "verts 9"],
    colours: Float[np.ndarray, "verts 3"],
    weight: Float[np.ndarray, " verts"],
) -> Float[np.ndarray, "9 3"]:
    """Ridge regression of the nine light coefficients, each colour channel for itself."""
    design = albedo.T[:, :, None] * directions / np.float32(math.pi)
    weighted = (weight[:, None] * design).mT
    normal = weighted @ design
    mean = np.linalg.diagonal(normal).mean(axis=1)[:, None, None]
    ridge = mean * np.diag(9 * np.array(_LIGHT_RIDGE, np.float32) + np.float32(1e-6))
    return np.linalg.solve(normal + ridge, weighted @ colours.T[:, :, None])[..., 0].T


def _fit_albedo(
    mean: Float[np.ndarray, "verts 3"],
    basis: Float[np.ndarray, "albedo verts 3"],
    irradiance: Float[np.ndarray, "verts 3"],
    colours: Float[np.ndarray, "verts 3"],
    weight: Float[np.ndarray, " verts"],
    noise: np.floating,
) -> Float[np.ndarray, " albedo"]:
    """Most probable albedo coefficients under a unit-variance prior.

    Neighbouring vertices err together, so that a thousand of them are no thousand independent witnesses:
    their weights are scaled to a hundred, or less where that would make a face that hardly anybody has, as
    colours of a small part of a face can.
    """
    design = (basis * irradiance).reshape(len(basis), irradiance.size)
    share = np.repeat(weight / weight.sum().clip(1e-6), 3) / np.square(noise)
    normal = (design * share) @ design.T
    told = design @ (share * (colours - mean * irradiance).ravel())
    power, axes = np.linalg.eigh(normal.astype(np.float64))
    along = axes.T @ told
    many, few = _WITNESSES
    if _mean_square(power, along, many) > _LARGEST_ALBEDO**2:
        many = _witnesses_within(power, along, few, many)
    return (axes @ (many * along / (many * power.clip(0) + 1))).astype(np.float32)


def _witnesses_within(
    power: Float[np.ndarray, " albedo"], along: Float[np.ndarray, " albedo"], few: float, many: float
) -> float:
    """The number of witnesses at which the coefficients meet their bound, by bisection of its logarithm.

    A number, not a choice among a few: what rounding changes in the colours must not make another face.
    """
    for _ in range(_HALVINGS):
        middle = math.sqrt(few * many)
        within = _mean_square(power, along, middle) <= _LARGEST_ALBEDO**2
        few, many = (middle, many) if within else (few, middle)
    return few


def _mean_square(
    power: Float[np.ndarray, " albedo"], along: Float[np.ndarray, " albedo"], witnesses: float
) -> float:
    """Of the coefficients that so many witnesses tell, in the axes of what they know."""
    if not len(power):
        return 0.0
    return float(np.square(witnesses * along / (witnesses * power.clip(0) + 1)).mean())


def _combine(
    mean: Float[np.ndarray, "verts 3"],
    albedo: Float[np.ndarray, " albedo"],
    basis: Float[np.ndarray, "albedo verts 3"],
) -> Float[np.ndarray, "verts 3"]:
    return mean + np.tensordot(albedo, basis, axes=1)


def _sh_directions(normals: Float[np.ndarray, "verts 3"]) -> Float[np.ndarray, "verts 9"]:
    """Irradiance that each of the nine light coefficients causes at each normal."""
    units = np.eye(9, dtype=normals.dtype)
    return np.concat([sh_irradiance(normals, units[:, first : first + 3]) for first in (0, 3, 6)], axis=-1)
