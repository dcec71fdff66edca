"""Folders `lfw` and `ytf` of noise in a colour for each person, and a reconstructor that is told all."""

import io
import tarfile
from types import SimpleNamespace

import numpy as np
from PIL import Image

from monoface.geometry.face_template import ARCFACE_FACE
from monoface.pipeline import Reconstructor

FACE_PX = 112


def told_landmarks(side):
    """68 points whose five means lie on the template in the middle of a picture."""
    points = np.full((68, 2), side / 2)
    for group, place in zip(ARCFACE_FACE.groups, ARCFACE_FACE.at(FACE_PX).numpy(), strict=True):
        points[list(group)] = place + (side - FACE_PX) / 2
    return points


class ToldReconstructor(Reconstructor):
    """Finds a face in the middle of every picture but black ones, without looking."""

    def __init__(self, config):
        self.config = config

    def reconstruct(self, source):
        found = SimpleNamespace(landmarks68_px=told_landmarks(source.shape[0]))
        aside = SimpleNamespace(landmarks68_px=found.landmarks68_px + 90.0)
        return SimpleNamespace(faces=(aside, found) if source.any() else ())


def person_photo(person, side, rng):
    colour = np.random.default_rng(person).integers(0, 256, 3)
    return np.clip(colour + rng.integers(-40, 40, (side, side, 3)), 1, 255).astype(np.uint8)


def write_people(folder, side, people, photos, **labels):
    """Write a source of so many photos of each of so many people, the last of them black."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(people), photos)
    keys = [f"{number:05}" for number in range(len(person))]
    with tarfile.open(folder / "images-0.tar", "w") as archive:
        for row, key in enumerate(keys):
            pixels = person_photo(person[row], side, rng)
            if row == len(keys) - 1:
                pixels[:] = 0
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, "webp", lossless=True)
            entry = tarfile.TarInfo(f"{key}.webp")
            entry.size = len(buffer.getvalue())
            archive.addfile(entry, io.BytesIO(buffer.getvalue()))
    np.savez(folder / "labels.npz", key=np.array(keys), person=person, **labels)


def write_lfw(folder, people=16, photos=3):
    """Labeled Faces in the Wild, in small."""
    write_people(folder, 160, people, photos)


def write_ytf(folder, people=20, photos=4):
    """YouTube Faces, in small: two clips of each person."""
    count = people * photos
    points = np.tile(told_landmarks(224), (count, 1, 1)) - 0.5
    clip = np.array([f"{number % photos // 2}t" for number in range(count)])
    write_people(folder, 224, people, photos, points68_px=points.astype(np.float32), clip=clip)
