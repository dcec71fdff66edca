import numpy as np
import pytest

from monoface.modelling.mesh import layout
from monoface.modelling.mesh.layout import Box, fit_into

BOXES = [layout.FACE, layout.HEAD, layout.EYE, layout.EYE_SOCKETS, layout.UPPER_TEETH, layout.LOWER_TEETH,
         layout.GUMS, layout.MOUTH]  # fmt: skip


def test_a_chart_fills_its_box():
    chart = np.array(((3.0, 1), (5, 1), (4, 9)))
    fitted = fit_into(chart, Box(0.2, 0.4, 0.6, 0.5), np.zeros(3, dtype=bool))
    np.testing.assert_allclose(fitted, ((0.2, 0.4), (0.6, 0.4), (0.4, 0.5)))


def test_a_centred_chart_has_its_mirror_line_on_the_centre_exactly():
    chart = np.array(((1.5000001, 0.0), (1.4999999, 1), (1.9, 0.5), (1.8, 0.2)))
    on_plane = np.array((True, True, False, True))
    fitted = fit_into(chart, layout.FACE, on_plane)
    assert fitted[:2, 0].tolist() == [0.5, 0.5]
    assert fitted[2, 0] == pytest.approx(layout.FACE.right)
    # A wedge of the mirror plane at the far end of a chart that goes around stays there.
    assert fitted[3, 0] > 0.7


def test_boxes_and_their_mirror_images_are_apart():
    mirrored = [Box(1 - box.right, box.top, 1 - box.left, box.bottom) for box in BOXES]
    everything = BOXES + mirrored
    for number, one in enumerate(everything):
        for two in everything[number + 1 :]:
            apart = (
                one.right <= two.left
                or two.right <= one.left
                or one.bottom <= two.top
                or two.bottom <= one.top
            )
            assert apart, (one, two)
