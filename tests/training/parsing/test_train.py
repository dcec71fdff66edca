"""Training of the parser end to end on small data, and its validation against parsers of known quality."""

import json

import numpy as np
import pytest
import torch
from synthetic_head import synthetic_head
from torch import nn

from monoface.data.labelling.fasseg_masks import LabelledHeads
from monoface.data.labelling.parsing_self_labels import SelfLabelConfig
from monoface.data.packs.photo_pack import CANVAS_PX, Pack
from monoface.data.synthetic.heads import HeadsConfig
from monoface.data.synthetic.parsing_heads import parsing_heads
from monoface.facemodel import CoefficientLayout
from monoface.methods.parsing import ParsingConfig
from monoface.networks import (
    PARSING_CLASSES,
    ParserConfig,
    Regressor,
    RegressorConfig,
    RegressorInfo,
    ResNetConfig,
    load_parser,
)
from monoface.training import TrainConfig
from monoface.training.parsing import train as parsing_training
from monoface.training.parsing.train import TrainParsingConfig, train_parsing
from monoface.training.parsing.validation import (
    make_parsing_evaluate,
    parsing_intervals,
    parsing_validation,
)

PX = 32
SMALL = ParserConfig(size_px=PX, widths=(8, 8, 8, 8), deep_blocks=1)


@pytest.fixture(scope="module")
def scenery():
    return np.random.default_rng(0).integers(0, 256, (4, CANVAS_PX, CANVAS_PX, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def labelled(scenery):
    """Six synthetic heads of three people in place of photos; the last person, the first photo held out."""
    pack = parsing_heads(synthetic_head(), scenery, HeadsConfig(count=6, seed=1))
    yaw_deg = np.array([0.0, 10.0, 40.0, 10.0, 50.0, 80.0])
    person = np.array([-1, 2, 2, 3, 3, 3])
    return LabelledHeads(pack, yaw_deg, person, np.array([True, False, False, True, True, True]))


class Answering(nn.Module):
    """A parser that knows the answers of a validation, and gives a share of them wrong."""

    def __init__(self, validation, wrong=0.0):
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))
        self._answers = [(part.image, part.classes) for part in (validation.plain, validation.covered)]
        self._wrong = wrong

    def forward(self, image):
        classes = next(true for seen, true in self._answers if torch.equal(seen, image))
        told = torch.where(classes == 255, 0, classes)
        rows = torch.arange(told.shape[1])[:, None] < self._wrong * told.shape[1]
        told = torch.where(rows, (told + 1) % len(PARSING_CLASSES), told)
        return nn.functional.one_hot(told, len(PARSING_CLASSES)).permute(0, 3, 1, 2).float()


def test_right_answers_have_full_overlap_and_wrong_ones_less(labelled, scenery):
    validation = parsing_validation(labelled, scenery, PX)
    assert len(validation.yaw_deg) == 4
    right = make_parsing_evaluate(validation)({"parser": Answering(validation)})
    for name in ("background", "skin", "eyes", "covered skin", "covered occluder", "skin 60-90"):
        assert right[name] == pytest.approx(100), name
    wrong = make_parsing_evaluate(validation)({"parser": Answering(validation, 0.5)})
    assert wrong["skin"] < 80
    assert wrong["background"] < 80


def test_intervals_hold_the_overlap(labelled, scenery):
    validation = parsing_validation(labelled, scenery, PX)
    parser = Answering(validation, 0.3)
    intervals = parsing_intervals(parser, validation)
    low, high = intervals["skin"]
    assert low <= make_parsing_evaluate(validation)({"parser": parser})["skin"] <= high
    assert intervals.keys() == {*PARSING_CLASSES[:-1], "mean"}


def test_validation_is_the_same_every_time(labelled, scenery):
    first, second = (parsing_validation(labelled, scenery, PX) for _ in range(2))
    assert torch.equal(first.covered.image, second.covered.image)
    assert torch.equal(first.covered.classes, second.covered.classes)
    assert (first.covered.classes == PARSING_CLASSES.index("occluder")).any()
    assert not (first.plain.classes == PARSING_CLASSES.index("occluder")).any()


def test_a_run_ends_in_weights_with_their_card(labelled, scenery, tmp_path, monkeypatch):
    """Both rounds with networks and data that are small; a run that is over gives the same weights again."""
    head = synthetic_head()
    torch.manual_seed(0)
    backbone = ResNetConfig((1, 1, 1, 1), width=0.125)
    regressor = Regressor(RegressorConfig(CoefficientLayout.of(head).size, 48, backbone)).eval()
    info = RegressorInfo("pretrain", head.coefficient_space, head.identity_size, head.expression_size)
    photos = Pack("lfw", labelled.pack.canvases, {}, np.zeros((6, 4), np.float32))
    monkeypatch.setattr(parsing_training, "open_face_model", lambda path: head)
    monkeypatch.setattr(parsing_training, "load_regressor", lambda path: (regressor, info))
    monkeypatch.setattr(parsing_training, "model_digest", lambda model: "head")
    monkeypatch.setattr(parsing_training, "read_labelled_heads", lambda *arguments: labelled)
    monkeypatch.setattr(parsing_training, "build_photo_packs", lambda *arguments: [photos])
    train = TrainConfig(
        steps=2, batch=4, warmup=1, precision="32-true", evaluate_every=2, samples_every=0, tensorboard=False
    )
    config = TrainParsingConfig(
        tmp_path / "data",
        tmp_path / "out",
        heads=HeadsConfig(count=2),
        labels=SelfLabelConfig(max_error=0.1),
        method=ParsingConfig(SMALL),
        shares={"fasseg": 0.5, "lfw": 0.5},
        first=train,
        train=train,
    )
    lines = []
    path = train_parsing(config, lines.append)
    card = json.loads(path.with_name("parsing.card.json").read_text())
    assert card["steps"] == [2, 2]
    assert 0 <= card["iou_percent"]["skin"] <= 100
    assert "FASSEG" in card["terms"]
    assert "Labeled Faces" in card["terms"]
    assert "AFLW" not in card["terms"]
    assert card["data"] == "photos of fasseg, lfw; synthetic heads"
    assert str(tmp_path) not in json.dumps(card)
    assert any(line.startswith("lfw: 6 labelled") for line in lines)
    first = load_parser(path).state_dict()
    again = load_parser(train_parsing(config, lines.append)).state_dict()
    assert all(torch.equal(value, again[name]) for name, value in first.items())
