import numpy as np
import pytest
import torch

from monoface.modelling.albedo.portraits import _bilinear, sample_portraits


def test_colours_are_read_at_pixel_centres_and_between_them():
    photo = torch.arange(12.0).reshape(1, 3, 4).repeat(3, 1, 1)
    points = torch.tensor([[0.5, 0.5], [3.5, 2.5], [1.0, 0.5], [2.5, 1.0]])
    assert _bilinear(photo, points)[:, 0].tolist() == pytest.approx([0, 11, 0.5, 4], abs=1e-5)


def test_a_portrait_is_sampled_where_it_shows_the_face(face_model, data_dir):
    from monoface.data.sources import PortraitsCc0

    source = PortraitsCc0(data_dir / "portraits_cc0")
    samples = sample_portraits(face_model, [source.image(0)])
    assert samples.colour.shape == (1, len(face_model.mean_mm), 3)
    assert 0 <= samples.weight.min() <= samples.weight.max() <= 1
    nose = face_model.data.regions["nose"].numpy()
    # The back of the head; shoulders can be seen from the front.
    back = ((face_model.mean_mm[:, 2] < -40) & (face_model.mean_mm[:, 1] > -40)).numpy()
    assert samples.weight[:, nose].mean() > 0.15
    assert samples.weight[:, back].max() == 0
    red, _, blue = np.moveaxis(samples.colour[:, nose].mean(axis=1), -1, 0)
    assert (red > blue).all()
