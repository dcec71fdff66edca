"""A folder `aflw` of noise with the synthetic head's points, and a teacher that knows where they are."""

import io
import tarfile

import numpy as np
import torch
from PIL import Image
from synthetic_head import synthetic_head

from monoface.data.packs.photo_pack import FACE_PX
from monoface.detection.teacher import FaceMeshes, FaceMeshTeacher
from monoface.facemodel import CoefficientLayout
from monoface.facemodel.fitting import project_points

TRAIN_PHOTOS, VALIDATION_PHOTOS = 4, 2


def near_frontal(head):
    """Faces that nearly look at the camera, in crops of `FACE_PX`."""
    layout = CoefficientLayout.of(head)
    count = TRAIN_PHOTOS + VALIDATION_PHOTOS
    outputs = torch.zeros(count, layout.size)
    outputs[:, -9:-3] = 0.1 * torch.randn(count, 6, generator=torch.Generator().manual_seed(0))
    return layout.decode(outputs, FACE_PX)


class ToldTeacher(FaceMeshTeacher):
    """Marks the training photos where their faces are, without looking."""

    def __init__(self, config):
        self.config = config

    def mark(self, photos, crops):
        head = synthetic_head()
        points = project_points(head.subset(head.landmarks("facemesh468")), *near_frontal(head)).numpy()
        points = points[: len(photos)]
        marks = np.concatenate((points, np.zeros_like(points[..., :1])), axis=-1)
        return FaceMeshes(marks, np.ones(len(photos), np.float32))


def write_aflw(folder):
    """Write a source of pictures of noise with the synthetic head's points."""
    folder.mkdir()
    head = synthetic_head()
    points = project_points(head.subset(head.landmarks("aflw21")), *near_frontal(head)).numpy()
    keys = [f"{number:04}" for number in range(len(points))]
    rng = np.random.default_rng(0)
    with tarfile.open(folder / "images-0.tar", "w") as archive:
        for key in keys:
            buffer = io.BytesIO()
            Image.fromarray(rng.integers(0, 256, (120, 120, 3), dtype=np.uint8)).save(buffer, "webp")
            entry = tarfile.TarInfo(f"{key}.webp")
            entry.size = len(buffer.getvalue())
            archive.addfile(entry, io.BytesIO(buffer.getvalue()))
    split = np.array(["train"] * TRAIN_PHOTOS + ["val"] * VALIDATION_PHOTOS)
    np.savez(folder / "labels.npz", key=np.array(keys), points21_px=points - 0.5, split=split)
