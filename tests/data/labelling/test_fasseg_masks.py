"""How the photos and masks of fasseg are cut."""

from pathlib import Path

import numpy as np
import torch
from numpy.testing import assert_allclose, assert_array_equal

from monoface.data.labelling import fasseg_masks
from monoface.data.labelling.fasseg_masks import find_crops, read_labelled_heads
from monoface.data.sources.fasseg import FassegPhoto
from monoface.facemodel import CoefficientLayout
from monoface.facemodel.fitting import project_points
from monoface.geometry.cameras import WeakPerspectiveCamera
from monoface.geometry.roi import roi_from_points
from monoface.networks import PARSING_CLASSES, Regressor, RegressorConfig, ResNetConfig

SIZE = 40


class Framing(Regressor):
    """Stands for a regressor that sees the mean face as large as its crop, wherever it looks."""

    def __init__(self, head):
        layout = CoefficientLayout.of(head)
        super().__init__(RegressorConfig(layout.size, SIZE, ResNetConfig((1, 1, 1, 1), width=0.125)))
        faces, camera = layout.decode(torch.zeros(1, layout.size), SIZE)
        box = roi_from_points(project_points(head.subset(head.landmarks("ibug68")), faces, camera))
        zoom = SIZE / (box[:, 2] - box[:, 0])
        principal = (camera.principal_px - box[:, :2]) * zoom[:, None]
        framed = WeakPerspectiveCamera(camera.scale_px_per_mm * zoom, principal)
        self._output = layout.encode(faces, framed, SIZE)

    def forward(self, image):
        return self._output.expand(len(image), -1), torch.zeros(len(image))


def test_a_box_that_frames_the_face_stays(head):
    image = np.zeros((60, 80, 3), np.uint8)
    box = np.array([[10.0, 5.0, 50.0, 45.0]])
    assert_allclose(find_crops([image], box, head, Framing(head)), box, atol=1e-3)


def test_masks_are_cut_like_their_photos(head, monkeypatch):
    """A photo that is painted as its mask says; canvas and mask must agree up to mixed edges."""
    mask = np.zeros((70, 60), np.uint8)
    mask[10:60, 15:45] = PARSING_CLASSES.index("skin")
    mask[25:30, 20:40] = PARSING_CLASSES.index("eyes")
    mask[45:50, 25:35] = PARSING_CLASSES.index("mouth")
    greys = np.arange(20, 160, 20, dtype=np.uint8)
    image = np.repeat(greys[mask][..., None], 3, axis=-1)
    people = [1, 1, 2, 3, -1, -1, -1]
    photos = [FassegPhoto(str(number), image, mask, 0.0, one, 0) for number, one in enumerate(people)]
    monkeypatch.setattr(fasseg_masks, "Fasseg", lambda folder: photos)
    heads = read_labelled_heads(Path("folder"), head, Framing(head), held_out_people=1, held_out_frontal=2)
    assert_array_equal(heads.held_out, [False, False, False, True, True, False, True])
    assert_array_equal(heads.person, [1, 1, 2, 3, -1, -2, -3])
    # What lies beyond the photo is background, and black.
    painted = np.where(heads.pack.canvases[0, ..., 0] == 0, 0, greys[heads.pack.masks[0]])
    agrees = np.abs(painted.astype(int) - heads.pack.canvases[0, ..., 0]) < 3
    assert agrees.mean() > 0.85
    assert (heads.pack.masks[0] == PARSING_CLASSES.index("mouth")).any()
