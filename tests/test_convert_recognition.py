"""The tool that reads dlib's file: its values by hand, and what it refuses."""

import importlib.util
import struct
from pathlib import Path

import numpy as np
import pytest

from monoface.core.errors import ModelFileError


@pytest.fixture(scope="module")
def tool(repository: Path):
    path = repository / "tools" / "convert_recognition.py"
    spec = importlib.util.spec_from_file_location("convert_recognition", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_values_by_hand(tool):
    # 300 in two bytes; -2 in one; 0.04 as float32, which is 10737418 / 2**28; and a text.
    content = bytes([2, 0x2C, 0x01, 0x81, 2, 3, 0x0A, 0xD7, 0xA3, 0x81, 28, 1, 5]) + b"relu_"
    stream = tool.DlibStream(content)
    assert stream.integers(2) == (300, -2)
    assert stream.fraction() == np.float32(0.04)
    assert stream.text() == "relu_"
    assert stream.at_end


def test_tensors_by_hand(tool):
    content = bytes([1, 2, 1, 1, 1, 3, 1, 1, 1, 1]) + struct.pack("<3f", 1, 2, -3)
    assert tool.DlibStream(content).tensor().tolist() == [1, 2, -3]


def test_the_expected_network_has_29_convolutions(tool):
    kinds = [kind for kind, _ in tool.expected_layers()]
    assert kinds.count("con_4") == kinds.count("affine_") == 29
    assert kinds.count("add_prev_") == 14


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "ends before the network does"),
        (bytes([1, 1, 1, 4]) + b"loss", "loss: expected 'loss_metric_2', got 'loss'"),
        (bytes([1, 7]), "loss: expected 1, got 7"),
    ],
)
def test_other_files_are_refused(tool, content, message):
    with pytest.raises(ModelFileError, match=message):
        tool.read_network(content)


def test_other_networks_are_refused(tool):
    with pytest.raises(ModelFileError, match="expected dlib's recognition network, got layers"):
        tool.folded_weights([tool.Layer("relu_")])
