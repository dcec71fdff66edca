"""Files of models and runs whose headers promise more than they hold: refused before memory is given."""

import json
import struct
import zipfile

import numpy as np
import pytest

from monoface.core.errors import DataError, ModelFileError
from monoface.data.packs.photo_pack import Pack
from monoface.data.sources.annotated_face import FilesBeside
from monoface.data.sources.archive import LabelSpec, read_labels
from monoface.facemodel import load_face_model_data, read_ict_facekit
from monoface.networks import load_identity_encoder, load_parser, load_regressor, load_translator
from monoface.pipeline.refining.blendshape_file import load_blendshape_scale
from monoface.pipeline.refining.landmark_file import load_landmark_habits
from monoface.pipeline.refining.refinement_file import load_refinement
from monoface.training.likeness.scores import read_scores

FORMATS = ("face-model-1", "regressor-1", "translator-1", "parser-1", "identity-1", "recognition-1")
READERS = [
    load_face_model_data,
    load_regressor,
    load_translator,
    load_parser,
    load_identity_encoder,
    load_refinement,
    load_landmark_habits,
    lambda path: load_blendshape_scale(path, 51),
]


def safetensors(path, shape, offsets, said, content=bytes(16)):
    """A file with one tensor of a shape that lies, so it says, between two offsets."""
    tensor = {"dtype": "F32", "shape": shape, "data_offsets": offsets}
    head = json.dumps({"__metadata__": {"monoface": json.dumps(said)}, "mean_mm": tensor}).encode()
    path.write_bytes(struct.pack("<Q", len(head)) + head + content)
    return path


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("shape", "offsets"),
    [
        ([10**12], [0, 4 * 10**12]),
        ([10**12], [0, 16]),
        ([2**62, 4], [0, 16]),
        ([4], [16, 32]),
        ([4], [0, 12]),
    ],
    ids=["beyond the file", "more than its bytes", "overflow", "behind the end", "too few"],
)
@pytest.mark.parametrize("name", FORMATS)
def test_tensors_larger_than_the_file_are_refused(read, shape, offsets, name, tmp_path):
    path = safetensors(tmp_path / "a.safetensors", shape, offsets, {"format": f"monoface-{name}"})
    with pytest.raises(ModelFileError, match=r"a\.safetensors"):
        read(path)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("length", [2**40, 2**63, 17])
def test_headers_longer_than_the_file_are_refused(read, length, tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(struct.pack("<Q", length) + b"{}" + bytes(14))
    with pytest.raises(ModelFileError, match=r"a\.safetensors"):
        read(path)


def lying_npz(path, name, shape, kind="<f8"):
    with zipfile.ZipFile(path, "w") as archive, archive.open(f"{name}.npy", "w") as member:
        np.lib.format.write_array_header_1_0(member, {"descr": kind, "fortran_order": False, "shape": shape})
    return path


@pytest.mark.parametrize(
    ("name", "kind", "read", "error"),
    [
        ("neutral_cm", "<f8", read_ict_facekit, ModelFileError),
        ("key", "<U9", lambda path: read_labels(path, {}), DataError),
        ("points_px", "<f4", lambda path: FilesBeside(path.parent).faces("a.jpg"), DataError),
        ("blendshapes", "<f4", lambda path: read_scores(path, 51), DataError),
    ],
)
def test_arrays_of_a_million_million_numbers_are_refused(name, kind, read, error, tmp_path):
    path = lying_npz(tmp_path / "a.npz", name, (10**12,), kind)
    with pytest.raises(error, match=r"a\.npz: expected .* its header promises"):
        read(path)


def test_labels_are_checked_before_they_are_read(tmp_path):
    """An array of a wrong shape is not unfolded to find that out."""
    np.savez_compressed(tmp_path / "labels.npz", key=np.array(["a"]), points=np.zeros(2**20))
    with pytest.raises(DataError, match=r"points: expected kind 'f' and shape \(1, 2\), got float64"):
        read_labels(tmp_path / "labels.npz", {"points": LabelSpec("f", (2,))})


def test_packs_whose_arrays_lie_are_damaged(tmp_path):
    pack = Pack("a", np.zeros((1, 160, 160, 3), np.uint8), {}, np.zeros((1, 4), np.float32))
    for field in ("outputs", "canvases"):
        pack.save(tmp_path)
        with (tmp_path / f"{field}.npy").open("wb") as file:
            said = {"descr": "<f4", "fortran_order": False, "shape": (10**12,)}
            np.lib.format.write_array_header_1_0(file, said)
        with pytest.raises(DataError, match=r"delete the folder to make it anew|its header promises"):
            Pack.load(tmp_path)
