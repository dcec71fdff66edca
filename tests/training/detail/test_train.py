import json
from dataclasses import replace

import pytest
import torch

from monoface.core.errors import ConfigError
from monoface.data.packs.detail_pack import DetailPack
from monoface.data.synthetic.wrinkled_heads import WrinkledHeadPainter, WrinkledHeadsConfig
from monoface.geometry.cameras import PerspectiveCamera, WeakPerspectiveCamera
from monoface.methods.detail import DetailConfig
from monoface.networks import TranslatorConfig, load_translator
from monoface.render import Renderer
from monoface.texturing.texturer import PlacedMesh, Texturer
from monoface.training.detail import train as training
from monoface.training.detail.make_packs import cut_picture, head_rows
from monoface.training.detail.train import TrainDetailConfig, train_detail
from monoface.training.engine.config import TrainConfig

SMALL = WrinkledHeadsConfig(picture_px=96, texture_px=64)
TINY = DetailConfig(translator=TranslatorConfig(9, (3, 4, 5), 2), texture_px=64)


def test_heads_become_weights_with_a_card(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "_VALIDATION_HEADS", 1)
    train = TrainConfig(steps=2, batch=2, samples_every=0, evaluate_every=2, log_every=1, precision="32-true")
    config = TrainDetailConfig(tmp_path / "run", heads=2, drawing=SMALL, method=TINY, train=train)
    lines = []
    path = train_detail(config, lines.append)
    translator, info = load_translator(path)
    assert translator.config == TINY.translator
    limits = {"limit_mm": TINY.limit_mm, "dead_zone_mm": TINY.dead_zone_mm}
    assert info == {"texture_px": 64, "sees": "shading", "axis": "normal", **limits}
    card = json.loads((tmp_path / "run" / "detail.card.json").read_text())
    assert card["steps"] == 2
    assert card["data"] == "synthetic heads"
    assert card["terms"] == "Synthetic heads: no photo of anybody."
    assert set(card["metrics"]) >= {"correlation", "moved_light_percent"}

    pack = DetailPack.load(tmp_path / "run" / "packs" / "heads" / "00000")
    assert pack.head.tolist() == [0, 0, 1, 1]
    assert pack.maps.shape == (4, 7, 64, 64)
    # What is drawn already is not drawn again.
    before = len(lines)
    train_detail(config, lines.append)
    assert not any("drawn" in line for line in lines[before:])


def test_published_losses_train_on_pictures(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "_VALIDATION_HEADS", 1)
    method = replace(
        DetailConfig.published(),
        translator=TranslatorConfig(3, (3, 4, 5), 1, "transposed", fold=1),
        texture_px=64,
        picture_px=48,
    )
    train = TrainConfig(steps=2, batch=2, samples_every=0, evaluate_every=2, log_every=1, precision="32-true")
    path = train_detail(
        TrainDetailConfig(tmp_path, heads=2, drawing=SMALL, method=method, train=train), lambda line: None
    )
    assert load_translator(path)[1]["axis"] == "model_z"
    records = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    terms = [record for record in records if record["kind"] == "train"][-1]
    # Pictures have noise and paint; errors would be larger if faces were drawn elsewhere.
    assert 0 < terms["photo"] < 30


def test_pictures_show_faces_where_their_cameras_say(face_model):
    painter = WrinkledHeadPainter(face_model, SMALL)
    head = painter.sample(3)
    texturer = Texturer(face_model, 64)
    row = next(head_rows(head, 0, texturer, 0.0, picture_px=40))
    picture, numbers = row.picture
    camera = WeakPerspectiveCamera(torch.tensor(numbers[:1]), torch.tensor(numbers[None, 1:]))
    points = face_model.landmarks("ibug68").points(head.verts_camera[:1])
    low, high = (getattr(camera.project(points)[0][0], name)(dim=0).values for name in ("min", "max"))
    # The face's crop: the points' box in its middle, whose longer side is the crop's over the root of 2.
    assert float((high - low).max()) == pytest.approx(40 / 2**0.5, rel=1e-3)
    assert float(((low + high) / 2 - 20).abs().max()) < 1e-3
    drawn = Renderer(face_model.faces, (40, 40)).render(
        camera,
        head.verts_camera[:1],
        face_model.albedo(head.coefficients.albedo[:1]),
        head.coefficients.light[:1],
    )
    shown = torch.from_numpy(picture).permute(2, 0, 1).float() / 255
    both = torch.stack((drawn.image[0].mean(dim=0)[drawn.mask[0]], shown.mean(dim=0)[drawn.mask[0]]))
    assert float(torch.corrcoef(both)[0, 1]) > 0.68


def test_pinhole_cameras_are_refused(face_model):
    head = WrinkledHeadPainter(face_model, SMALL).sample(3)
    camera = PerspectiveCamera(torch.tensor((500.0,)), torch.full((1, 2), 48.0))
    mesh = PlacedMesh(torch.zeros(3, 96, 96), camera, head.verts_camera[0], face_model.in_numpy())
    with pytest.raises(ConfigError, match="under weak perspective"):
        cut_picture(mesh, 40)


def test_unknown_sources_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="sources: expected some of"):
        TrainDetailConfig(tmp_path, sources=("nowhere",))
