"""Options and files at random: an exit code that is documented and a line or two, never a traceback."""

import dataclasses
import json
import random
import types
import typing
from functools import cache
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monoface.cli.main import COMMANDS, main
from monoface.cli.options.settings import settings_of
from monoface.evaluation.registry import BENCHMARKS
from monoface.pipeline import Reconstructor
from monoface.training.registry import METHODS

DRAWS, SEED = 500, 20_261
# What `tyro` says of words that are no options has a frame of several lines.
LONGEST_LINE, MOST_LINES, MOST_FRAME_LINES = 1000, 4, 60

NUMBERS = ("0", "-1", "1", "17", "100000", "1e309", "nan", "-inf", "x", "")
WORDS = (
    "none",
    "glb",
    "obj,,",
    "ply,xyz",
    "cuda",
    "tpu",
    "exif",
    "ä\n",
    "-",
    "beside",
    "umdfaces",
    "300w-lp",
)

# Words that a command needs, with FILE, OUT and SOURCE put in; options that must be given come beside.
NEEDED = {
    "reconstruct": "FILE FILE",
    "together": "FILE FILE",
    "video": "FILE FILE",
    "licences": "FILE",
    "evaluate compare": "FILE FILE",
    "data pack": "SOURCE --from FILE",
    "data prepare": "FILE",
    "benchmark": "--photo FILE --cold-runs 0 --runs 0",
}
OTHERS = (
    "data people",
    "data views",
    "train pretrain",
    "train likeness",
    "facemodel albedo",
    "facemodel close",
)
# These draw heads for themselves, whatever they are given.
LONG = ("heads", "views", "detail")
COMMANDS_DRAWN = (
    *NEEDED,
    *OTHERS,
    *(f"evaluate {name}" for name in BENCHMARKS if name not in LONG),
)
SOURCES = ("aflw", "aflw2000", "ytf", "lfw", "cfp", "fasseg", "omi", "portraits_cc0", "merl_rav", "no")


def _write_files(folder):
    """Files that are small and wrong in many ways; returns their paths, and some of none."""
    rng = random.Random(SEED)
    files = {
        "empty.jpg": b"",
        "noise.png": rng.randbytes(3000),
        "text.safetensors": b"no weights",
        "header.safetensors": (2**40).to_bytes(8, "little") + b"{}",
        "cut.jpg": b"\xff\xd8\xff\xe0\x00\x10JFIF" + rng.randbytes(50),
        "zip.npz": b"PK\x03\x04" + rng.randbytes(80),
        "pickle.npy": b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
        + b" " * 60,
        "list.json": b"[1, 2]",
        "number.json": b"7",
        "names.json": json.dumps({"benchmark": 3, "cases": "x", "definition": []}).encode(),
        "deep.json": b"[" * 2000 + b"]" * 2000,
        "settings.toml": b"steps = 'x'\n[train]\n",
        "damaged.toml": b"= =",
        "latin.toml": "name = 'é'".encode("latin-1"),
        "table.csv": b"x,y\n1,2,3\n",
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    Image.new("RGB", (1, 1)).save(folder / "one.png")
    Image.fromarray(np.zeros((9, 7, 3), np.uint8)).save(folder / "black.png")
    Image.fromarray(np.zeros((5, 5), np.float32)).save(folder / "float.tif")
    np.savez(folder / "wrong.npz", key=np.array(["a", "b"]), points68_px=np.zeros((2, 68, 2)))
    np.savez(folder / "objects.npz", key=np.array([1.5]), points68_px=np.full((1, 2, 68), np.nan))
    np.save(folder / "array.npy", np.zeros((3, 68, 2)))
    (folder / "hollow").mkdir()
    (folder / "photos").mkdir()
    for name in ("black.png", "empty.jpg", "table.csv"):
        (folder / "photos" / name).write_bytes((folder / name).read_bytes())
    (folder / "dangling.jpg").symlink_to(folder / "nowhere")
    made = sorted(str(path) for path in folder.iterdir())
    return [*made, str(folder / "missing.png"), str(folder / ("z" * 300)), str(folder / "a\nb.png"), ""]


@cache
def _settings(name):
    """Settings of a command, as far as it has any that are fields of a dataclass."""
    first, _, second = name.partition(" ")
    if first == "evaluate" and second in BENCHMARKS:
        return settings_of(BENCHMARKS[second].load()[0])
    if first == "train" and second in METHODS:
        return settings_of(METHODS[second].load()[0])
    module = import_module(next(one.module for one in COMMANDS if one.name == name))
    own = [
        one
        for one in vars(module).values()
        if dataclasses.is_dataclass(one)
        and (one.__module__ == module.__name__ or one.__name__ == "TrainLikenessConfig")
    ]
    return settings_of(own[0]) if own else []


def _value(rng, hint, files):
    """A word for a setting: half of the time of its kind."""
    hint = typing.get_args(hint)[0] if typing.get_origin(hint) is typing.Annotated else hint
    kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    chosen = []
    for kind in kinds:
        if typing.get_origin(kind) is typing.Literal:
            chosen.append(typing.get_args(kind))
        elif kind in (int, float):
            chosen.append(NUMBERS)
        elif kind is Path:
            chosen.append(files)
    pools = chosen if chosen and rng.random() < 0.7 else [NUMBERS, WORDS, files]
    return str(rng.choice(rng.choice(pools)))


def _call(rng, files, out):
    """Words of one command line."""
    name = rng.choice(COMMANDS_DRAWN)
    needed = NEEDED.get(name, "").split()
    values = {"FILE": files, "SOURCE": SOURCES}
    # An empty word would be the folder that the tests run in.
    words = [*name.split(), *(rng.choice(values.get(word, (word,))) or "missing" for word in needed)]
    optional = []
    for setting in _settings(name):
        if setting.option == "--out":
            words += ["--out", out if rng.random() < 0.9 else rng.choice(files)]
        elif setting.is_required and setting.name not in ("photos", "first", "second", "source", "folder"):
            words += [setting.option, _value(rng, setting.hint, files)]
        elif not setting.is_required and setting.option not in needed:
            optional.append(setting)
    for setting in rng.sample(optional, k=min(len(optional), rng.randint(0, 2))):
        words.append(setting.option)
        if not isinstance(setting.default, bool):
            words.append(_value(rng, setting.hint, files))
    return words


@pytest.fixture
def fast(warm_reconstructor, monkeypatch):
    """Commands reuse the networks if the shipped ones are asked for."""

    def reuse(config):
        if (config.weights, config.device, config.face_model, config.detail) != (
            "monoface",
            "cpu",
            None,
            None,
        ):
            return Reconstructor(config)
        config.refuse_beyond_memory()
        warm_reconstructor.config = config
        return warm_reconstructor

    for command in ("reconstruct", "together"):
        monkeypatch.setattr(f"monoface.cli.{command}.Reconstructor", reuse)


def test_every_command_is_drawn_or_left_out_for_its_length():
    drawn = set(COMMANDS_DRAWN)
    known = {command.name for command in COMMANDS}
    assert drawn <= known
    without = known - drawn
    assert without == {
        *(f"train {name}" for name in METHODS if name != "pretrain"),
        *(f"evaluate {name}" for name in LONG),
        "facemodel learn",
        "facemodel calibrate",
        # Two run until they are stopped, one opens a browser, two are tested as a whole.
        "serve",
        "live",
        "doctor",
        "view",
        "export",
    }


def test_no_draw_ends_in_a_traceback(fast, tmp_path, capsys, as_installed):
    (tmp_path / "in").mkdir()
    files = _write_files(tmp_path / "in")
    rng = random.Random(SEED)
    found = []
    for draw in range(DRAWS):
        words = _call(rng, files, str(tmp_path / f"out{draw}"))
        problem = _problem_of(words, capsys)
        if problem:
            found.append(f"{draw}: {words}\n  {problem}")
    assert not found, "\n".join(found)


def _problem_of(words, capsys):
    """What is wrong with how a command line ends; empty if nothing is."""
    try:
        code = main(words)
    # Any exception is what is looked for.
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__}: {str(error)[:300]}"
    said = capsys.readouterr().err
    lines = said.splitlines()
    most = MOST_FRAME_LINES if "full helptext" in said else MOST_LINES
    if code not in (0, 2, 3, 4):
        return f"exit code {code}"
    if len(lines) > most or any(len(line) > LONGEST_LINE for line in lines):
        return f"{len(lines)} lines of {len(said)} characters: {said[:300]}"
    return ""
