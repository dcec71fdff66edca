"""Faces in the place where encoders expect them."""

import pytest
import torch
from torch.testing import assert_close

from monoface.geometry.face_template import ARCFACE_FACE, align_faces


def landmarks_with(five, batch=1):
    """68 points whose five means are given; the others lie anywhere."""
    points = torch.full((batch, 68, 2), 1000.0)
    for group, place in zip((range(36, 42), range(42, 48), (30,), (48,), (54,)), five, strict=True):
        # Eyes are rings around their centre.
        for number, row in enumerate(group):
            ring = torch.tensor([(-1.0) ** number, 0.0]) if len(group) > 1 else torch.zeros(2)
            points[:, row] = place + ring
    return points


def test_five_points_by_hand():
    five = torch.tensor([[30.0, 40.0], [70.0, 41.0], [50.0, 60.0], [35.0, 80.0], [66.0, 81.0]])
    assert_close(ARCFACE_FACE.points(landmarks_with(five))[0], five)


def test_the_template_is_published_for_112_and_scales():
    # Its authors count the centre of the first pixel as 0.
    assert_close(ARCFACE_FACE.at(112)[2], torch.tensor([56.5252, 72.2366]))
    assert_close(ARCFACE_FACE.at(224), 2 * ARCFACE_FACE.at(112))


@pytest.mark.parametrize("size", [48, 112])
def test_a_turned_and_shrunk_face_comes_to_lie_on_the_template(size):
    turned = (ARCFACE_FACE.at(size) @ torch.tensor([[0.6, 0.8], [-0.8, 0.6]])) * 0.7 + torch.tensor(
        [90.0, -20.0]
    )
    alignment = ARCFACE_FACE.alignment(landmarks_with(turned), size)
    assert_close(alignment.apply(turned[None])[0], ARCFACE_FACE.at(size), atol=1e-3, rtol=0)


def test_a_mark_on_the_nose_comes_to_the_nose():
    five = ARCFACE_FACE.at(112) * 1.4 + torch.tensor([20.0, 6.0])
    image = torch.zeros(1, 1, 190, 230)
    column, row = int(five[2, 0]), int(five[2, 1])
    image[..., row - 1 : row + 2, column - 1 : column + 2] = 1.0
    aligned = align_faces(image, landmarks_with(five), 56)
    place = (aligned[0, 0] == aligned.max()).nonzero()[0].flip(0) + 0.5
    assert (place - ARCFACE_FACE.at(56)[2]).abs().max() < 1.5


def test_gradients_reach_the_picture_and_the_landmarks_only_if_asked(rng):
    image = torch.rand(1, 3, 20, 20, generator=rng).requires_grad_()
    landmarks = landmarks_with(ARCFACE_FACE.at(16) + 2.0).requires_grad_()
    align_faces(image, landmarks, 16).square().sum().backward()
    assert image.grad.any()
    assert landmarks.grad is None
    align_faces(image, landmarks, 16, through_landmarks=True).square().sum().backward()
    assert landmarks.grad[:, 30].any()
    assert not landmarks.grad[:, :17].any()


def test_gradients(rng):
    image = torch.rand(1, 1, 9, 9, generator=rng, dtype=torch.float64, requires_grad=True)
    five = (ARCFACE_FACE.at(8) + 0.05 * torch.randn(5, 2, generator=rng)).double()
    landmarks = landmarks_with(five.float()).double().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda image, landmarks: align_faces(image, landmarks, 4, through_landmarks=True),
        (image, landmarks),
        atol=1e-4,
    )
