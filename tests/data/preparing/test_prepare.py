"""Preparing folders of photos: what becomes of each, that shards make one whole, and interruptions."""

import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from w300lp_layout import write_w300lp_photo

from monoface.core.errors import ConfigError, DataError, ImageError
from monoface.data.packs.photo_pack import CANVAS_PX, FACE_PX
from monoface.data.preparing.annotation_checks import WRONG_TEXTS
from monoface.data.preparing.prepare import list_photos, prepare_photos
from monoface.data.preparing.prepare_config import PrepareConfig
from monoface.data.preparing.prepared import PreparedFolder
from monoface.data.preparing.shard_worker import Networks
from monoface.data.profiling.photo_turner import TurnConfig
from monoface.detection import Detection
from monoface.detection.teacher import FaceMeshes, FaceMeshTeacher
from monoface.facemodel import CoefficientLayout
from monoface.facemodel.fitting import project_points
from monoface.photos.reading import read_image

# What the first pixel of a photo says is in it.
ONE_FACE, NOBODY, SMALL, UNSURE, ASIDE, ELSEWHERE = 10, 20, 30, 40, 50, 60
SIZE = (150, 170)


def config_of(**changes):
    return PrepareConfig(**{"turn": TurnConfig(views=0), "photos_per_shard": 2, "held_out": 0} | changes)


CONFIG = config_of()


class InterruptedRunError(Exception):
    pass


def face_in_photo(head, set_name, aside=False):
    """Points of the face of every photo, in its pixels."""
    layout = CoefficientLayout.of(head)
    output = torch.zeros(1, layout.size)
    output[:, -9:-3] = torch.tensor([-0.65, 0.0, 0.94, 0.0, 0.0, 0.0]) if aside else torch.tensor([0.05] * 6)
    points = project_points(head.subset(head.landmarks(set_name)), *layout.decode(output, FACE_PX))
    return points[0].numpy() + np.float32(20)


def written(kind, number):
    image = np.random.default_rng(number).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    image[0, 0] = kind
    return image


class ToldDetector:
    """Sees in a photo what its first pixel says."""

    def __init__(self, head):
        points = face_in_photo(head, "ibug68")
        self.box = np.concatenate((points.min(axis=0), points.max(axis=0))).astype(np.float64)

    def detect_batch(self, images):
        return [self._see(int(image[0, 0, 0])) for image in images]

    def _see(self, kind):
        if kind == NOBODY:
            return []
        box = self.box if kind != SMALL else self.box / 8
        eyes = np.array([[60, 70], [90, 70], [75, 90], [75, 100], [40, 80], [110, 80]], np.float64)
        return [Detection(box, 0.9, eyes, box)]


class ToldTeacher(FaceMeshTeacher):
    """Marks faces where they are, or as the first pixel says; breaks off after so many photos."""

    def __init__(self, head, breaks_after=10**9):
        self.marks = {aside: face_in_photo(head, "facemesh468", aside) for aside in (False, True)}
        self.left = breaks_after

    def mark(self, photos, crops):
        self.left -= 1
        if self.left < 0:
            raise InterruptedRunError
        kinds = [photo.getpixel((0, 0))[0] for photo in photos]
        points = np.stack([self.marks[kind == ASIDE] + 30 * (kind == ELSEWHERE) for kind in kinds])
        scores = np.array([0.1 if kind == UNSURE else 0.9 for kind in kinds], np.float32)
        return FaceMeshes(np.concatenate((points, np.zeros_like(points[..., :1])), axis=-1), scores)


def read(path):
    if path.suffix == ".gif":
        raise ImageError(f"{path}: expected a picture, got something else.")
    return SimpleNamespace(image_srgb=np.asarray(Image.open(path)), scale=1.0)


def prepare(folder, out, head, config=CONFIG, teacher=None, **options):
    networks = Networks(ToldDetector(head), teacher or ToldTeacher(head))
    return prepare_photos(folder, out, head, networks, read, config, **options)


def write_photos(folder, kinds):
    for number, (name, kind) in enumerate(kinds.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(written(kind, number)).save(path)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    kinds = {
        "a/1.png": ONE_FACE, "a/b/2.PNG": NOBODY, "a/b/3.png": SMALL, "c/4.png": UNSURE, "c/5.png": ASIDE,
        "c/6.png": ONE_FACE, ".hidden/7.png": ONE_FACE, ".8.png": ONE_FACE,
    }  # fmt: skip
    write_photos(folder, kinds)
    (folder / "c" / "7.gif").write_bytes(b"damaged")
    (folder / "z.bmp").write_bytes((folder / "a" / "1.png").read_bytes())
    (folder / "notes.txt").write_text("no photo")
    return folder


@pytest.fixture(scope="module")
def prepared(photos, head, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "mine"
    return out, prepare(photos, out, head)


def records(out):
    return [json.loads(line) for line in (out / "photos.jsonl").read_text().splitlines()]


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_photos_are_found_in_all_folders_but_hidden_ones(photos):
    assert list_photos(photos) == [
        "a/1.png", "a/b/2.PNG", "a/b/3.png", "c/4.png", "c/5.png", "c/6.png", "c/7.gif", "z.bmp",
    ]  # fmt: skip


def test_strange_names_and_links_that_lead_nowhere_are_photos_like_others(photos, head, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    strange = os.fsdecode(b"lat\xe9\n.png")
    shutil.copy(photos / "a" / "1.png", folder / strange)
    (folder / "dangling.png").symlink_to(tmp_path / "gone")

    def prepare_again():
        networks = Networks(ToldDetector(head), ToldTeacher(head))
        prepare_photos(folder, tmp_path / "out", head, networks, read_image, CONFIG)

    prepare_again()
    lines = (tmp_path / "out" / "photos.jsonl").read_bytes().decode().splitlines()
    outcomes = {record["photo"]: record["outcome"] for record in map(json.loads, lines)}
    assert outcomes == {"dangling.png": "unreadable", "lat\\udce9\n.png": "kept"}
    # It goes on where it was, strange names or not.
    prepare_again()


def test_a_folder_that_cannot_be_listed_is_told_of(photos, monkeypatch):
    listed = os.scandir

    def forbidden(place):
        if os.path.basename(place) == "b":
            raise PermissionError(13, "Permission denied", str(place))
        return listed(place)

    lines = []
    monkeypatch.setattr("os.scandir", forbidden)
    monkeypatch.setattr("monoface.data.preparing.prepare.say", lines.append)
    assert list_photos(photos) == ["a/1.png", "c/4.png", "c/5.png", "c/6.png", "c/7.gif", "z.bmp"]
    assert lines == [f"{photos / 'a' / 'b'}: left out, for it cannot be listed (Permission denied)"]


def test_every_photo_has_an_outcome(prepared):
    assert {record["photo"]: record["outcome"] for record in records(prepared[0])} == {
        "a/1.png": "kept", "a/b/2.PNG": "no_face", "a/b/3.png": "too_small", "c/4.png": "low_score",
        "c/5.png": "looks_aside", "c/6.png": "kept", "c/7.gif": "unreadable", "z.bmp": "duplicate",
    }  # fmt: skip
    reasons = {record["photo"]: record["reason"] for record in records(prepared[0]) if "reason" in record}
    assert reasons == {
        "c/7.gif": "c/7.gif: expected a picture, got something else.",
        "z.bmp": "same picture as a/1.png",
    }


def test_the_summary_counts_outcomes(prepared):
    out, summary = prepared
    assert summary["photos"]["kept"] == 2
    assert summary["faces"] == {"kept": 2, "too_small": 1, "low_score": 1, "looks_aside": 1}
    assert json.loads((out / "summary.json").read_text()) == summary


def test_packs_of_all_shards_have_the_folders_name_and_the_kept_faces(prepared):
    packs = PreparedFolder(prepared[0]).packs()
    assert [(pack.name, len(pack)) for pack in packs if pack.name == "mine"] == [
        ("mine", n) for n in (1, 0, 1, 0)
    ]
    assert [len(pack) for pack in packs if pack.name == "mine_turned"] == [0, 0, 0, 0]


def test_canvases_points_and_coefficients_agree(prepared, photos, head):
    pack = PreparedFolder(prepared[0]).packs()[0]
    coefficients, camera = CoefficientLayout.of(head).decode(torch.from_numpy(pack.outputs), FACE_PX)
    points = pack.points_px["facemesh468"][0]
    projected = project_points(head.subset(head.landmarks("facemesh468")), coefficients, camera)[0].numpy()
    margin = (CANVAS_PX - FACE_PX) / 2
    assert np.linalg.norm(projected + margin - points, axis=-1).mean() < 1
    # The canvas shows the photo where the points say: both were moved by the same similarity.
    in_photo = face_in_photo(head, "facemesh468")
    scale = np.ptp(points, axis=0) / np.ptp(in_photo, axis=0)
    assert_allclose(scale[0], scale[1], rtol=1e-3)
    middle = in_photo.mean(axis=0) + (CANVAS_PX / 2 - points.mean(axis=0)) / scale
    photo = np.asarray(Image.open(photos / "a" / "1.png")).astype(float)
    reach = 8
    x, y = middle.round().astype(int)
    seen = pack.canvases[0].astype(float)
    zoomed = int(reach * scale[0])
    part = seen[80 - zoomed : 80 + zoomed, 80 - zoomed : 80 + zoomed].mean(axis=(0, 1))
    assert_allclose(part, photo[y - reach : y + reach, x - reach : x + reach].mean(axis=(0, 1)), atol=8)


def test_progress_ends_with_all_photos(photos, head, finished):
    told = []
    shutil.rmtree(finished / "shards" / "00003")
    prepare(photos, finished, head, progress=lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1] == (8, 8)


def test_an_interrupted_run_ends_in_the_same_bytes(photos, head, prepared, tmp_path):
    out = tmp_path / "mine"
    for breaks_after in (0, 1):
        with pytest.raises(InterruptedRunError):
            prepare(photos, out, head, teacher=ToldTeacher(head, breaks_after))
        with pytest.raises(DataError, match=r"found no summary\.json"):
            PreparedFolder(out).packs()
    prepare(photos, out, head)
    assert contents(out) == contents(prepared[0])


@pytest.fixture
def finished(prepared, tmp_path):
    return shutil.copytree(prepared[0], tmp_path / "mine")


def test_a_finished_run_is_not_made_again(photos, head, prepared, finished):
    prepare(photos, finished, head, teacher=ToldTeacher(head, breaks_after=0))
    assert contents(finished) == contents(prepared[0])


def test_a_shard_that_was_half_written_is_made_again(photos, head, prepared, finished):
    shard = finished / "shards" / "00002" / "photos"
    (shard / "pack.json").unlink()
    (shard / "canvases.npy").write_bytes(b"half")
    prepare(photos, finished, head)
    assert contents(finished) == contents(prepared[0])


def test_other_photos_or_configurations_do_not_go_on(photos, head, finished, tmp_path):
    with pytest.raises(DataError, match="begun with other configuration, recipe"):
        prepare(photos, finished, head, config_of(min_face_px=20))
    write_photos(tmp_path / "in", {"one.png": ONE_FACE})
    with pytest.raises(DataError, match="begun with other photos, recipe"):
        prepare(tmp_path / "in", finished, head)


def test_good_faces_are_turned_in_every_shard_differently(head, tmp_path):
    write_photos(tmp_path / "in", {"1.png": ONE_FACE, "2.png": ONE_FACE})
    config = config_of(turn=TurnConfig(views=1), photos_per_shard=1)
    prepare(tmp_path / "in", tmp_path / "out", head, config)
    first, second = (pack for pack in PreparedFolder(tmp_path / "out").packs() if pack.name == "out_turned")
    assert len(first) == len(second) == 1
    assert np.abs(first.outputs - second.outputs).max() > 0.01


def test_photos_kept_for_validation_are_no_others(head, tmp_path):
    write_photos(tmp_path / "in", {f"{number}.png": ONE_FACE for number in range(6)})
    config = config_of(held_out=2, photos_per_shard=6, turn=TurnConfig(views=1))
    summary = prepare(tmp_path / "in", tmp_path / "out", head, config)
    assert summary["faces"] == {"kept": 6}
    folder = PreparedFolder(tmp_path / "out")
    (validation,), (training, turned) = folder.validation_packs(), folder.packs()
    assert len(training) == len(turned)
    assert len(validation) == sum("held_out" in record for record in records(tmp_path / "out"))
    assert 0 < len(validation) < 6
    assert len(validation) + len(training) == 6
    pictures = {one.tobytes() for pack in (validation, training) for one in pack.canvases}
    assert len(pictures) == 6


def test_annotated_faces_are_kept_where_the_teacher_is_not_believed(head, tmp_path):
    folder = tmp_path / "in"
    write_photos(folder, {"1.png": UNSURE, "2.png": ELSEWHERE, "3.png": NOBODY, "4.png": ONE_FACE})
    points = face_in_photo(head, "aflw21")
    for number in (1, 2, 3):
        np.savez(folder / f"{number}.npz", points_px=points)
    (folder / "4.npz").write_bytes(b"damaged")
    config = config_of(annotations="beside", photos_per_shard=9)
    summary = prepare(folder, tmp_path / "out", head, config)
    assert summary["photos"] == {"kept": 2, "wrong_annotation": 1, "bad_annotation": 1}
    assert summary["faces"] == {"kept": 1, "kept_annotation_only": 1, "wrong_annotation": 1}
    (pack,) = [pack for pack in PreparedFolder(tmp_path / "out").packs() if pack.name == "out"]
    assert np.isfinite(pack.points_px["aflw21"]).all()
    assert np.isfinite(pack.outputs).all(axis=1).tolist() == [False, True]
    # Where no fit says where the face is, its detection does: the points fill the same part of the canvas.
    sizes = np.ptp(pack.points_px["aflw21"], axis=1).max(axis=1)
    assert_allclose(sizes[0], sizes[1], rtol=0.2)


@pytest.mark.parametrize(
    ("mistake", "change"),
    [
        ("mirrored", lambda points: points * (-1, 1) + (SIZE[1], 0)),
        ("reversed", lambda points: points[::-1]),
        ("exchanged", lambda points: points[:, ::-1]),
        ("upwards", lambda points: points * (1, -1) + (0, SIZE[0])),
        ("fractions", lambda points: points / SIZE[::-1]),
        ("scaled", lambda points: 2 * points),
        ("shifted", lambda points: points + np.array((35, 0))),
        ("off_photo", lambda points: points + 5000),
    ],
)
def test_annotations_that_the_teacher_contradicts_are_refused(head, tmp_path, mistake, change):
    """Defect: they were all kept."""
    write_photos(tmp_path / "in", {"1.png": ONE_FACE, "2.png": ONE_FACE})
    for name, points in (("1", face_in_photo(head, "aflw21")), ("2", change(face_in_photo(head, "aflw21")))):
        np.savez(tmp_path / "in" / f"{name}.npz", points_px=points)
    summary = prepare(tmp_path / "in", tmp_path / "out", head, config_of(annotations="beside"))
    right, wrong = (record["faces"][0] for record in records(tmp_path / "out"))
    assert right["outcome"] == "kept"
    assert wrong["outcome"] == "wrong_annotation"
    assert wrong["mistake"] == mistake
    assert wrong["reason"] == f"the annotated points {WRONG_TEXTS[mistake]}"
    assert summary["annotations"] == {"faces": 2, "wrong": {mistake: 1}}


def test_a_box_of_another_face_than_the_points_is_refused(head, tmp_path):
    (tmp_path / "in").mkdir()
    write_photos(tmp_path / "in", {"1.png": ONE_FACE})
    points = face_in_photo(head, "aflw21") - 0.5
    columns = ["FILE", "FACE_X", "FACE_Y", "FACE_WIDTH", "FACE_HEIGHT"]
    values = ["1.png", "2", "2", "20", "20"]
    for number, (x, y) in enumerate(points, start=1):
        columns += [f"P{number}X", f"P{number}Y", f"VIS{number}"]
        values += [str(x), str(y), "1"]
    table = ",".join(columns) + "\n" + ",".join(values) + "\n"
    (tmp_path / "in" / "one_ultraface.csv").write_text(table)
    prepare(tmp_path / "in", tmp_path / "out", head, config_of(annotations="umdfaces"))
    assert records(tmp_path / "out")[0]["faces"][0]["mistake"] == "another_face"


def test_sets_that_the_face_model_lacks_are_refused(head, tmp_path):
    write_photos(tmp_path / "in", {"1.png": ONE_FACE})
    np.savez(tmp_path / "in" / "1.npz", points_px=np.zeros((5, 2)), landmark_set="five")
    prepare(tmp_path / "in", tmp_path / "out", head, config_of(annotations="beside"))
    assert "no landmark set five of 5 points" in records(tmp_path / "out")[0]["reason"]


def test_points_on_the_mesh_give_the_pose_of_profiles(head, tmp_path):
    folder = tmp_path / "in"
    for name, kind, yaw in (("a", ASIDE, 71.0), ("b", ONE_FACE, 0.0), ("c", ONE_FACE, 40.0)):
        points = face_in_photo(head, "ibug68", aside=kind == ASIDE) - np.float32(0.5)
        image = np.full((*SIZE, 3), kind, np.uint8)
        image[40:, 30:, 1] = np.random.default_rng(ord(name)).integers(0, 9, (110, 140))
        write_w300lp_photo(folder, f"AFW/{name}", image, points.astype(np.float64), (yaw, 0.0, 0.0))
    config = config_of(annotations="300w-lp", photos_per_shard=9)
    summary = prepare(folder, tmp_path / "out", head, config)
    assert summary["faces"] == {"kept_fitted_to_annotation": 1, "kept": 1, "pose_disagrees": 1}
    (pack,) = [pack for pack in PreparedFolder(tmp_path / "out").packs() if pack.name == "out"]
    assert np.isfinite(pack.outputs).all()
    coefficients, camera = CoefficientLayout.of(head).decode(torch.from_numpy(pack.outputs), FACE_PX)
    projected = project_points(head.subset(head.landmarks("ibug68")), coefficients, camera).numpy()
    distance = np.linalg.norm(projected + 20 - pack.points_px["ibug68"], axis=-1)
    assert (distance.mean(axis=1) < 1.5).all()


def test_working_copies_are_taken_back_to_photos(head, tmp_path):
    """Annotations are in pixels of the photo, of which the reader gives a copy of half the size."""
    write_photos(tmp_path / "in", {"1.png": UNSURE})
    points = face_in_photo(head, "aflw21")
    np.savez(tmp_path / "in" / "1.npz", points_px=2 * points)
    networks = Networks(ToldDetector(head), ToldTeacher(head))

    def read_half(path):
        return SimpleNamespace(image_srgb=read(path).image_srgb, scale=0.5)

    config = config_of(annotations="beside", photos_per_shard=9)
    prepare_photos(tmp_path / "in", tmp_path / "out", head, networks, read_half, config)
    np.savez(tmp_path / "in" / "1.npz", points_px=points)
    prepare(tmp_path / "in", tmp_path / "whole", head, config)
    half, whole = (PreparedFolder(tmp_path / name).packs()[0] for name in ("out", "whole"))
    assert_array_equal(half.points_px["aflw21"], whole.points_px["aflw21"])


def test_folders_without_photos_are_refused(head, tmp_path):
    with pytest.raises(DataError, match="expected photos"):
        prepare(tmp_path, tmp_path / "out", head)
    with pytest.raises(DataError, match="expected a folder of photos"):
        prepare(tmp_path / "none", tmp_path / "out", head)


def test_damaged_records_are_refused(photos, head, finished):
    (finished / "shards" / "00001" / "records.jsonl").write_text("{")
    with pytest.raises(DataError, match=r"records\.jsonl: damaged"):
        prepare(photos, finished, head)
    (finished / "prepare.json").write_text("{")
    with pytest.raises(DataError, match=r"prepare\.json: damaged"):
        prepare(photos, finished, head)


@pytest.mark.parametrize("wrong", [{"min_face_px": 0}, {"max_faces": 0}, {"photos_per_shard": 0}])
def test_impossible_configurations_are_refused(wrong):
    with pytest.raises(ConfigError, match="at least 1"):
        PrepareConfig(**wrong)


def test_paths_of_the_machine_are_nowhere(prepared, photos):
    out = prepared[0]
    for path in (*out.glob("*.json*"), *out.rglob("records.jsonl")):
        text = path.read_text()
        assert str(photos) not in text
        assert str(Path(out).parent) not in text
