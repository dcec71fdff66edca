"""What draws heads and labels photos, with a face model of Gaussian expressions and names of its own."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from gaussian_face import gaussian_model

from monoface.core.errors import ModelFileError
from monoface.data.packs.parsing_pack import UNKNOWN
from monoface.data.people.config import PeopleConfig
from monoface.data.people.engine import PeopleRun, make_labels
from monoface.data.people.looking import Eyes
from monoface.data.people.marks import check_expressions
from monoface.data.people.photos import PeoplePhotos
from monoface.data.synthetic.heads import HeadsConfig, sample_coefficients
from monoface.data.synthetic.parsing_heads import face_classes
from monoface.facemodel import FaceModel
from monoface.networks import PARSING_CLASSES


def test_expressions_are_drawn_from_their_own_gaussian():
    drawn = sample_coefficients(gaussian_model(), 2000, np.random.default_rng(0), HeadsConfig()).expression
    assert drawn.mean().abs() < 0.05
    assert float(drawn.std()) == pytest.approx(1, abs=0.05)


def test_classes_of_triangles_do_not_ask_for_names():
    model = gaussian_model()
    classes = face_classes(model)
    part = model.data.face_part.numpy()
    assert (classes[part == 0] == PARSING_CLASSES.index("skin")).all()
    assert (classes[part > 0] == PARSING_CLASSES.index("eyes")).all()
    classes = face_classes(FaceModel(replace(model.data, eyes={})))
    assert (classes[part > 0] == UNKNOWN).all()


def test_labels_of_people_need_the_blendshapes_that_the_landmarker_tells():
    # The model is refused before any photo is looked at, so that no network is read.
    eyes = Eyes.__new__(Eyes)
    nobody = np.zeros(0, int)
    source = PeoplePhotos("one", (), pytest.fail, nobody, {}, nobody > 0, nobody > 0, "")
    run = PeopleRun([source], Path("nowhere"), gaussian_model(), eyes, PeopleConfig())
    with pytest.raises(ModelFileError, match="expected a face model with the 51 blendshapes of ARKit"):
        make_labels(run)


def test_the_shipped_model_has_these_blendshapes(face_model):
    check_expressions(face_model)
    assert torch.is_tensor(face_model.mean_mm)
