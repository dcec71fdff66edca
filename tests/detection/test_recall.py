"""Recall and the placing of crops on real photos, a part of what benchmarks/detection.py measures."""

import numpy as np

from monoface.data.sources.aflw2000 import Aflw2000
from monoface.data.sources.fasseg import Fasseg
from monoface.geometry.roi import box_iou, roi_of_box


def test_faces_in_the_wild_are_found_and_cropped_well(detector, data_dir):
    source = Aflw2000.from_packed(data_dir / "aflw2000_dev")
    sides = []
    for index in range(0, len(source), 10):
        photo = source[index]
        points = photo.points68_px[:, :2].astype(float)
        truth = np.concatenate([points.min(axis=0), points.max(axis=0)])
        boxes = np.array([one.box for one in detector(photo.image)]).reshape(-1, 4)
        overlap = box_iou(truth, boxes)
        assert overlap.max(initial=0) >= 0.4, photo.key
        expected, got = roi_of_box(truth), roi_of_box(boxes[overlap.argmax()])
        sides.append((got[2] - got[0]) / (expected[2] - expected[0]))
    assert abs(np.mean(sides) - 1) < 0.05


def test_profiles_are_found(detector, data_dir):
    source = Fasseg(data_dir / "fasseg")
    profiles = [index for index in range(len(source)) if abs(source[index].yaw_deg) == 90][::8]
    assert profiles
    for index in profiles:
        assert len(detector(source[index].image)) == 1
