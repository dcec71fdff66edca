"""Who is alike whom: by what an encoder says of aligned faces, wherever and how large they are."""

from dataclasses import replace

import numpy as np
import torch
from numpy.testing import assert_allclose

from monoface.geometry.face_template import ARCFACE_FACE
from monoface.pipeline.face import Face
from monoface.pipeline.face_skin import FaceSkin
from monoface.pipeline.multi_photo.identity_similarity import IdentityLikeness


class SeenColours(torch.nn.Module):
    """Tells faces by the mean colours of their quarters, and keeps what it was shown."""

    size_px = 32
    template = ARCFACE_FACE

    def embed(self, image):
        self.shown = image
        quarters = torch.nn.functional.avg_pool2d(image, 16).flatten(1)
        return torch.nn.functional.normalize(quarters - quarters.mean(dim=1, keepdim=True), dim=1)


def painted(face, image):
    return Face(replace(face.skin, photo=replace(face.photo, image_srgb=image)))


def test_faces_of_one_picture_are_the_same(toy_face, rng):
    photo = toy_face.photo.image_srgb
    noise = torch.randint(0, 256, photo.shape, generator=rng, dtype=torch.uint8).numpy()
    faces = [toy_face, toy_face, painted(toy_face, 255 - photo), painted(toy_face, noise)]
    likeness = IdentityLikeness(SeenColours())(faces)
    assert_allclose(likeness, likeness.T)
    assert_allclose(likeness.diagonal(), 1, rtol=1e-5)
    assert_allclose(likeness[0, 1], 1, rtol=1e-5)
    assert likeness[0, 2] < -0.9
    assert abs(likeness[0, 3]) < 0.95


def test_where_and_how_large_a_face_is_does_not_matter(toy_face):
    """A photo twice as large, with a border: pixels of the original, of the working copy, and their scale."""
    photo = toy_face.photo
    large = np.pad(photo.image_srgb.repeat(2, axis=0).repeat(2, axis=1), ((40, 0), (60, 0), (0, 0)))
    size = large.shape[1], large.shape[0]
    points = 2 * toy_face.landmarks68_px + (60, 40)
    moved = FaceSkin(
        replace(toy_face.posed, landmarks68_px=2 * points),
        replace(photo, image_srgb=large, original_size_px=(2 * size[0], 2 * size[1]), scale=0.5),
        toy_face.skin.assets,
    )
    encoder = SeenColours()
    IdentityLikeness(encoder)([toy_face, Face(moved)])
    assert (encoder.shown[0] - encoder.shown[1]).abs().max() < 0.03
