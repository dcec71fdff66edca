"""The page on adding a method does what it says."""

import dataclasses

import torch
from documented_code import load_documented_files
from synthetic_head import synthetic_head

from monoface.networks import ResNetConfig


def test_the_method_of_the_page_works(repository, tmp_path, monkeypatch, maker):
    files = load_documented_files(repository / "docs/howto/method.md", tmp_path, monkeypatch)
    assert list(files) == [
        "src/monoface/methods/toy/method.py",
        "src/monoface/training/regressors/toy.py",
        "tests/methods/test_toy.py",
    ]
    files["tests/methods/test_toy.py"].test_it_learns_a_batch_by_heart(maker)

    run = files["src/monoface/training/regressors/toy.py"]
    assert {"data", "out", "train", "method"} <= {
        field.name for field in dataclasses.fields(run.TrainToyConfig)
    }
    assert run.TrainToyConfig.METHOD == "toy"

    toy = files["src/monoface/methods/toy/method.py"]
    method = toy.Toy(synthetic_head(), toy.ToyConfig(32, ResNetConfig((1, 1, 1, 1), 0.125)))
    moved = method.to(torch.device("meta"))
    assert {parameter.device.type for parameter in moved.regressor.parameters()} == {"meta"}
