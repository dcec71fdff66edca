"""The network that reads eyes learns: gradients, a batch by heart, a run with its card."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from known_faces import ToldEyes, known_faces, photos_of

from monoface.core.assets import sha256_of
from monoface.data.batches.augment import AugmentConfig
from monoface.data.batches.eye_batch import EyeBatchMaker, held_out_eyes
from monoface.data.packs.eye_pack import EYE_CANVAS_PX, EYE_CANVAS_SIDES, EyePack
from monoface.facemodel import load_default_model
from monoface.methods.eyes import EyeReading, EyesConfig
from monoface.networks import EyeNetwork, load_eye_network
from monoface.networks.eyes.outputs import (
    EYE_SHAPES,
    EYE_WIDTH_PX,
    IRIS,
    MARKED,
    SHAPES,
    EyeCalibration,
    EyeNetworkConfig,
    gap_of,
)
from monoface.training import TrainConfig
from monoface.training.eyes import train as command
from monoface.training.eyes.train import TrainEyesConfig, train_eyes
from monoface.training.eyes.validation import agreements, calibrated

SMALL = EyeNetworkConfig(widths=(8, 12, 16), features=24)
PER_EYE = EYE_CANVAS_PX / EYE_CANVAS_SIDES


def painted(count=24, seed=0, held_out=0):
    """Dark almonds on light skin, as open as the labels say."""
    rng = np.random.default_rng(seed)
    y, x = (np.mgrid[:EYE_CANVAS_PX, :EYE_CANVAS_PX] + 0.5 - EYE_CANVAS_PX / 2) / PER_EYE
    open_by = rng.uniform(0.15, 0.5, count)
    canvases = np.empty((count, EYE_CANVAS_PX, EYE_CANVAS_PX, 3), np.uint8)
    for picture, gap in zip(canvases, open_by, strict=True):
        inside = np.abs(y) < gap / 2 * (1 - (2 * x) ** 2)
        picture[:] = np.where(inside, 40, 200)[..., None]
    lid = open_by * (1 - 0.4**2) / 2
    points = np.zeros((count, 6, 2))
    points[:, :, 0] = (-0.5, 0.5, -0.2, 0.2, 0.2, -0.2)
    points[:, 2:4, 1], points[:, 4:, 1] = -lid[:, None], lid[:, None]
    shapes = np.zeros((count, 7))
    shapes[:, EYE_SHAPES.index("eyeBlink")] = 1 - 2 * open_by
    marked, iris = points.astype(np.float32), np.zeros((count, 2), np.float32)
    kept = np.arange(count) < held_out
    return EyePack("painted", canvases, marked, marked.copy(), iris, shapes.astype(np.float32), kept)


def test_labels_move_with_the_pictures():
    pack = painted()
    augment = AugmentConfig(
        turn_deg=20.0, tumble=0, scale=0.1, shift=0.05, mirror=0, grey=0, colour=0, blur=0, cover=0, noise=0
    )
    batch = EyeBatchMaker([pack], augment=augment).sample(0, 1, 16)
    for image, points in zip(batch.image, batch.marked, strict=True):
        # Along each lid's marks the picture turns from dark to light.
        pixels = (points.numpy() * EYE_WIDTH_PX / 2 + (EYE_WIDTH_PX / 2, 14)).astype(int)
        middle = points[2:].mean(dim=0).numpy()
        inner = (middle * EYE_WIDTH_PX / 2 + (EYE_WIDTH_PX / 2, 14)).astype(int)
        assert image[0, inner[1], inner[0]] < 0.6
        assert ((pixels >= 0) & (pixels < (EYE_WIDTH_PX, 28))).all()


def test_a_step_is_the_same_in_parts_and_again():
    maker = EyeBatchMaker([painted(), painted(seed=1)], augment=AugmentConfig(mirror=0))
    whole, again = maker.sample(3, 7, 8), maker.sample(3, 7, 8)
    part = maker.sample(3, 7, 8, slice(2, 5))
    assert torch.equal(whole.image, again.image)
    assert torch.equal(whole.image[2:5], part.image)
    assert torch.equal(whole.marked[2:5], part.marked)


def test_held_out_eyes_are_not_trained_on_and_are_cut_in_the_middle():
    pack = painted(held_out=20)
    pack.canvases[:20] = 255
    batch = EyeBatchMaker([pack]).sample(0, 0, 64)
    assert batch.image.mean(dim=(1, 2, 3)).max() < 0.95
    held = held_out_eyes(pack)
    np.testing.assert_allclose(held.marked.numpy(), pack.marked[:20], atol=1e-5)
    assert (held.image > 0.99).all()


def test_it_learns_a_batch_by_heart():
    torch.manual_seed(0)
    method = EyeReading(EyesConfig(network=SMALL))
    batch = EyeBatchMaker([painted()]).sample(0, 0, 16)
    optimiser = torch.optim.Adam(method.parameters(), lr=5e-3)
    for _ in range(120):
        optimiser.zero_grad()
        method.step(batch).total["eyes"].backward()
        optimiser.step()
    with torch.no_grad():
        found = method.network(batch.image)
    gap = gap_of(found[:, MARKED].unflatten(1, (-1, 2)))
    assert (gap - gap_of(batch.marked)).abs().mean() < 0.02
    assert (found[:, SHAPES].sigmoid() - batch.shapes).abs().mean() < 0.05
    assert found[:, IRIS].abs().mean() < 0.05


def test_what_is_not_known_has_no_gradient():
    method = EyeReading(EyesConfig(network=SMALL))
    pack = painted(8)
    unknown = dataclasses.replace(
        pack,
        **{name: np.full_like(getattr(pack, name), np.nan) for name in ("marked", "meshed", "iris")},
    )
    result = method.step(EyeBatchMaker([unknown]).sample(0, 0, 8))
    result.total["eyes"].backward()
    head = method.network.head.weight.grad
    assert head[: SHAPES.start].abs().max() == 0
    assert head[SHAPES].abs().max() > 0
    assert {name for name, value in result.terms.items() if value > 0} == {"shapes"}


def test_shut_eyes_do_not_teach_irises():
    method = EyeReading(EyesConfig(network=SMALL))
    pack = painted(8)
    pack.shapes[:, EYE_SHAPES.index("eyeBlink")] = 0.9
    method.step(EyeBatchMaker([pack]).sample(0, 0, 8)).total["eyes"].backward()
    assert method.network.head.weight.grad[IRIS].abs().max() == 0


def test_gaps_are_stretched_to_the_spread_of_what_people_mark():
    class HalfAsOpen(EyeNetwork):
        def forward(self, image):
            found = torch.zeros(len(image), SHAPES.stop)
            dark = (image[:, 0, :, 20] < 0.5).sum(dim=1) / 20
            found[:, MARKED] = torch.stack([torch.zeros_like(dark)] * 12, dim=1)
            found[:, 9], found[:, 11] = dark / 2 + 0.1, dark / 2 + 0.1
            return found

    pack = painted(60, held_out=60)
    line = calibrated(HalfAsOpen(), [pack])
    factor, offset = line.gap_factor, line.gap_offset
    # Marks lie aside of the widest place, at 0.84 of its height.
    assert factor == pytest.approx(2 * 0.84, rel=0.1)
    assert offset == pytest.approx(-0.1 * factor, abs=0.03)
    found = agreements(HalfAsOpen(), [pack], draws=10)["gap by people"]
    assert found.correlation > 0.95
    assert found.slope == pytest.approx(1 / factor, rel=0.1)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of two steps, continued for a third, of sources that are told; its weights and lines."""
    folder = tmp_path_factory.mktemp("run")
    model = load_default_model()
    faces = known_faces(np.arange(16), model=model, yaw_deg=0.0)
    blendshapes = np.random.default_rng(0).uniform(0, 1, (16, 52))
    source = photos_of(faces, name="omi", held_out_people=range(4))

    class Told(ToldEyes):
        def __init__(self, landmarker):
            super().__init__(faces, blendshapes)

    config = TrainEyesConfig(
        data=folder / "data",
        landmarker=folder / "mine.task",
        out=folder / "out",
        sources=("omi",),
        rendered=command.RenderedEyesConfig(count=0),
        method=EyesConfig(network=SMALL),
        train=TrainConfig(
            steps=2, batch=4, warmup=1, precision="32-true", log_every=1, evaluate_every=2, tensorboard=False
        ),
    )
    lines = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "open_photos", lambda name, folder: source)
        patch.setattr(command, "Eyes", Told)
        train_eyes(config, lines.append)
        longer = dataclasses.replace(config, train=dataclasses.replace(config.train, steps=3))
        path = train_eyes(longer, lines.append)
    return path, lines


def test_the_weights_load_and_the_run_went_on(run):
    path, lines = run
    network, calibration = load_eye_network(path)
    assert network.config == SMALL
    # Too few eyes are marked by people to tell a line.
    assert calibration == EyeCalibration()
    records = [json.loads(line) for line in (path.parent / "log.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records if record["kind"] == "train"] == [1, 2, 3]
    assert lines == ["omi: 32 eyes, 8 of them held out"] * 2


def test_the_card_says_what_was_done_and_no_folder(run):
    path, _ = run
    text = path.with_name("eyes.card.json").read_text()
    card = json.loads(text)
    assert card["terms"].startswith("Terms of omi.") or "omi" in card["terms"].lower()
    assert card["eyes"] == {"omi": 32}
    assert {"gap by landmarker", "iris along", "eyeBlink"} <= card["validation"].keys()
    assert str(path.parent) not in text
    assert "mine.task" not in text
    assert json.loads((path.parent / "manifest.json").read_text()) == {"eyes.safetensors": sha256_of(path)}
