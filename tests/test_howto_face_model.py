"""`docs/howto/face_model.md`: its code runs as it is printed, on the small Gaussian model."""

import dataclasses
import re

import numpy as np
import pytest
import torch
from gaussian_face import gaussian_arrays, gaussian_data, gaussian_files, gaussian_model

from monoface.detection import Detection
from monoface.facemodel import CoefficientLayout
from monoface.facemodel.fitting import project_points

_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class OneFace:
    """Sees the same face in every photo."""

    def __init__(self, config):
        assert not config.small_faces

    def detect_photos(self, photos):
        box = np.array((70.0, 40, 130, 110))
        return [[Detection(box, 0.9, np.zeros((6, 2), np.float32), box)] for _ in photos]


@pytest.fixture(scope="module")
def page(repository):
    return (repository / "docs" / "howto" / "face_model.md").read_text(encoding="utf-8")


def test_the_page_is_short(page):
    assert len(page.splitlines()) <= 90
    assert len(_BLOCK.findall(page)) == 3


def test_the_code_runs(page, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("monoface.pipeline.reconstructor.FaceDetector", OneFace)
    model = gaussian_model()
    layout = CoefficientLayout.of(model)
    posed = layout.decode(torch.zeros(1, layout.size), 120)
    y, x = np.mgrid[0:160, 0:200]
    names = {
        "mine": gaussian_arrays(),
        "folder": tmp_path,
        "points_px": project_points(model.subset(model.landmarks("ibug68")), *posed),
        "weights": gaussian_files(tmp_path)[1],
        "photo": np.stack((60 + x * 0.7, 40 + y, 200 - 0.5 * (x + y)), axis=-1).astype(np.uint8),
    }
    for block in _BLOCK.findall(page):
        exec(block, names)
    expected = gaussian_data()
    for field in dataclasses.fields(expected):
        value = getattr(expected, field.name)
        if isinstance(value, torch.Tensor):
            assert torch.equal(getattr(names["data"], field.name), value), field.name
    assert float(names["fit"].error_percent[0]) < 0.5
    assert "mean error" in capsys.readouterr().out
    written = (tmp_path / "face-0.glb").read_bytes()
    assert written[:4] == b"glTF"
