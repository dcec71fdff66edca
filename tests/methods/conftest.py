"""Batches that every method is tried on."""

import pytest
from synthetic_head import synthetic_head
from synthetic_packs import SETS, labelled_samples, landmark_samples

from monoface.data.batches.photo_batch import BatchMaker


@pytest.fixture(scope="module")
def maker():
    labelled = labelled_samples()
    packs = [labelled, landmark_samples(labelled)]
    return BatchMaker(packs, {"labelled": 1.0, "landmarks": 1.0}, synthetic_head(), SETS, crop_px=32)
