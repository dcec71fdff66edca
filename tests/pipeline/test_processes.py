"""A reconstructor in other processes: forked, where it is as it was, and spawned, where it is pickled."""

import copy
import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
import reconstruct_in_child
from numpy.testing import assert_array_equal

from monoface.core.errors import ConfigError, ModelFileError
from monoface.pipeline import Reconstructor, ReconstructorConfig

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows does not fork")


@pytest.mark.parametrize("methods", [("fork", "os_fork"), ("spawn",), ("forkserver",)])
def test_a_child_finds_what_its_parent_finds(repository, methods):
    """Defect: forked children waited for ever for threads of their parent; pickles were refused."""
    photo = repository / "examples" / "astronaut.png"
    command = [sys.executable, reconstruct_in_child.__file__, str(photo), *methods]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stderr
    *children, parent = json.loads(ran.stdout)
    assert len(children) == len(methods) + 1
    assert len(parent["landmarks"]) == 7
    for child in children:
        assert child == parent


def test_a_pickle_has_no_networks_and_finds_the_same(toy_reconstructor, photo_array):
    stored = pickle.dumps(toy_reconstructor)
    assert len(stored) < 5000
    again = pickle.loads(stored)
    assert again.made_with == toy_reconstructor.made_with
    first, second = (one.reconstruct(photo_array).faces[0] for one in (toy_reconstructor, again))
    assert_array_equal(first.landmarks68_px, second.landmarks68_px)
    assert_array_equal(first.texture, second.texture)


@pytest.mark.parametrize("make_copy", [copy.copy, copy.deepcopy])
def test_copies_share_what_was_loaded(toy_reconstructor, make_copy):
    again = make_copy(toy_reconstructor)
    assert again.regressor is toy_reconstructor.regressor
    detector = toy_reconstructor.detector
    again.detector = None
    assert toy_reconstructor.detector is detector


def test_weights_that_have_changed_are_refused(toy_files, tmp_path):
    head, weights = toy_files
    path = tmp_path / "toy.safetensors"
    path.write_bytes(weights.read_bytes())
    stored = pickle.dumps(Reconstructor(ReconstructorConfig(weights=str(path), face_model=head)))
    changed = bytearray(path.read_bytes())
    changed[-1] ^= 1
    path.write_bytes(changed)
    with pytest.raises(ModelFileError, match=r"got others \(toy.safetensors\)"):
        pickle.loads(stored)


def test_a_forked_child_says_that_a_gpu_cannot_be_handed_on(monkeypatch, tmp_path):
    """The parent's number is changed in place of a fork, which needs no GPU."""
    from monoface.networks import (
        Regressor,
        RegressorConfig,
        RegressorInfo,
        ResNetConfig,
        read_regressor,
        save_regressor,
    )
    from monoface.regression.coefficient_regressor import _in_torch

    config = RegressorConfig(62, backbone=ResNetConfig(blocks=(1, 1, 1, 1), width=0.125))
    info = RegressorInfo("pretrain", "0" * 16, 30, 23)
    save_regressor(Regressor(config), info, tmp_path / "weights.safetensors")
    run = _in_torch(read_regressor(tmp_path / "weights.safetensors")[0], "cpu")
    picture = np.zeros((1, config.backbone.in_channels, 120, 120), np.float32)
    run(picture)
    monkeypatch.setattr("os.getpid", lambda: -1)
    with pytest.raises(ConfigError, match='Start processes by the method "spawn"'):
        run(picture)
