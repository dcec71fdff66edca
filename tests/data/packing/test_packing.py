"""Each data set in its original layout, made here, packed and read back by the project's own reader."""

import os
import sqlite3

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from monoface.cli.main import main
from monoface.core.errors import ConfigError, DataError, OutputExistsError
from monoface.core.progress import listening
from monoface.data.packing.aflw import split_of
from monoface.data.packing.fasseg import CLASS_COLOURS, classes_of_colours
from monoface.data.packing.original_photo import PackConfig, points_to_square, square_round
from monoface.data.packing.registry import PACKED_SOURCES, SOURCE_NAMES, pack_source, terms_of
from monoface.data.sources import (
    Aflw,
    Aflw2000,
    Cfp,
    Fasseg,
    Lfw,
    MerlRav,
    Omi,
    PortraitsCc0,
    UnlabelledPhotos,
    Ytf,
)
from monoface.data.sources.fasseg import CLASSES
from monoface.data.sources.merl_rav import COVERED, HIDDEN, SEEN

LOSSLESS = PackConfig(quality=100)


class Told:
    """What is said."""

    def __init__(self):
        self.lines = []

    def announced(self, progress):
        """Is not looked at."""

    def said(self, line):
        self.lines.append(line)


def save_picture(path, width, height, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return np.array(Image.open(path).convert("RGB"))


def marks21(seed, low, high):
    return np.random.default_rng(seed).uniform(low, high, (21, 2))


@pytest.fixture
def aflw_crops(tmp_path):
    """Three crops as 3DDFA has them, the second of AFLW2000-3D."""
    folder = tmp_path / "original"
    names = ["image00019.png", "image00040.png", "image00447_2.png"]
    boxes = np.array([[100, 80, 340, 320], [1, 1, 241, 241], [50, 60, 290, 300]])
    points = np.stack([marks21(n, box[0] + 40, box[0] + 200) for n, box in enumerate(boxes)])
    points[0, 3] = -1
    for seed, name in enumerate(names):
        save_picture(folder / "AFLW_GT_crop" / name, 120, 120, seed)
    (folder / "AFLW_GT_crop.list").write_text("\n".join(names) + "\n")
    (folder / "AFLW2000-3D_crop.list").write_text("image00040.jpg\n")
    np.save(folder / "AFLW_GT_crop_roi_box.npy", boxes.astype(np.uint16))
    np.save(folder / "AFLW_GT_pts21.npy", points.transpose(0, 2, 1).astype(np.float32))
    return folder, boxes, points


def test_crops_of_aflw_give_their_points_back(aflw_crops, tmp_path):
    folder, boxes, points = aflw_crops
    assert pack_source("aflw", folder, tmp_path / "aflw", LOSSLESS) == 2
    source = Aflw(tmp_path / "aflw", max_outside_px=None)
    assert source.keys == ("00000", "00001")
    # A box of 240 pixels becomes a crop of 120; half a pixel on either side.
    expected = (points[2] + 0.5 - boxes[2, :2]) / 2
    assert_allclose(source[1].points21_px, expected, atol=1e-4)
    assert np.isnan(source[0].points21_px[3]).all()
    assert source.visible.sum() == 41
    assert_array_equal(source[1].image, np.array(Image.open(folder / "AFLW_GT_crop" / "image00447_2.png")))


def test_aflw_without_the_list_of_test_photos_is_refused(aflw_crops, tmp_path):
    folder, _, _ = aflw_crops
    (folder / "AFLW2000-3D_crop.list").unlink()
    with pytest.raises(DataError, match="AFLW2000-3D_crop"):
        pack_source("aflw", folder, tmp_path / "aflw", LOSSLESS)


def test_a_list_that_leads_out_of_the_folder_is_refused(aflw_crops, tmp_path):
    folder, _, _ = aflw_crops
    (folder / "AFLW_GT_crop.list").write_text("../secret.png\nimage00040.png\nimage00447_2.png\n")
    with pytest.raises(DataError, match="leads out of it"):
        pack_source("aflw", folder, tmp_path / "aflw", LOSSLESS)


def write_database(path, photos):
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE Faces (face_id INTEGER, file_id TEXT)")
        database.execute("CREATE TABLE FaceImages (file_id TEXT, filepath TEXT)")
        database.execute("CREATE TABLE FeatureCoords (face_id INTEGER, feature_id INTEGER, x REAL, y REAL)")
        for face, (name, points) in enumerate(photos, 39_341):
            database.execute("INSERT INTO Faces VALUES (?, ?)", (face, name))
            database.execute("INSERT INTO FaceImages VALUES (?, ?)", (name, f"0/{name}"))
            rows = [(face, feature, *point) for feature, point in enumerate(points, 1) if point[0] >= 0]
            database.executemany("INSERT INTO FeatureCoords VALUES (?, ?, ?, ?)", rows)
    database.close()


def test_the_database_of_aflw_is_cropped_round_its_points(tmp_path):
    folder = tmp_path / "original"
    save_picture(folder / "flickr" / "0" / "image00019.png", 300, 200)
    points = marks21(1, 60, 140)
    points[12] = -1
    few = np.full((21, 2), -1.0)
    few[:3] = 50
    (folder / "AFLW2000-3D_crop.list").write_text("image00040.jpg\n")
    photos = [("image00019.png", points), ("image00040.png", points), ("image00050.png", few)]
    write_database(folder / "aflw.sqlite", photos)

    assert pack_source("aflw", folder, tmp_path / "aflw", LOSSLESS) == 1
    photo = Aflw(tmp_path / "aflw", max_outside_px=None)[0]
    seen = np.arange(21) != 12
    box = square_round(points[seen], 1.5)
    assert_allclose(
        photo.points21_px[seen], (points[seen] + 0.5 - box[:2]) * 120 / (box[2] - box[0]), atol=1e-4
    )
    assert np.isnan(photo.points21_px[12]).all()
    low, high = photo.points21_px[seen].min(axis=0), photo.points21_px[seen].max(axis=0)
    assert_allclose((low + high) / 2, [60, 60], atol=1e-3)
    assert (high - low).max() == pytest.approx(80, abs=1e-3)


def test_a_database_without_the_tables_is_refused(tmp_path):
    (tmp_path / "AFLW2000-3D_crop.list").write_text("image00040.jpg\n")
    (tmp_path / "aflw.sqlite").write_bytes(b"SQLite format 3\0" + bytes(100))
    with pytest.raises(DataError, match="expected the tables Faces"):
        pack_source("aflw", tmp_path, tmp_path / "aflw", LOSSLESS)


def test_two_faces_of_a_photo_are_in_one_split():
    splits = {split_of(f"image{n:05}") for n in range(200)}
    assert splits == {"train", "val"}
    assert all(split_of(f"image{n:05}") == split_of(f"image{n:05}_2") for n in range(200))


def write_pts(path, points, state):
    lines = []
    for point, one in zip(points, state, strict=True):
        x, y = (-1, -1) if one == HIDDEN else (-point if one == COVERED else point)
        lines.append(f"{x} {y}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("version: 1\nn_points:  68\n{\n" + "\n".join(lines) + "\n}\n")


def test_merl_rav_finds_its_crops_by_the_points_they_share(aflw_crops, tmp_path):
    folder, boxes, points = aflw_crops
    pack_source("aflw", folder, tmp_path / "aflw", LOSSLESS)
    generator = np.random.default_rng(3)
    points68 = generator.uniform(100, 300, (68, 2))
    shared = {
        0: 17,
        1: 19,
        2: 21,
        3: 22,
        4: 24,
        5: 26,
        6: 36,
        8: 39,
        9: 42,
        11: 45,
        14: 30,
        17: 48,
        19: 54,
        20: 8,
    }
    for of_21, of_68 in shared.items():
        points68[of_68] = points[2, of_21]
    state = np.full(68, SEEN)
    state[0], state[1] = HIDDEN, COVERED
    # The photo of the file is three times as large and starts elsewhere.
    labels = tmp_path / "labels"
    write_pts(labels / "frontal/trainset/labels/image00447_5.pts", 3 * points68 + (70, 20), state)
    write_pts(labels / "left/testset/labels/image00447_1.pts", generator.uniform(100, 300, (68, 2)), state)
    write_pts(labels / "left/testset/labels/image09999.pts", 3 * points68, state)

    assert pack_source("merl_rav", labels, tmp_path / "aflw", LOSSLESS) == 1
    source = MerlRav(tmp_path / "aflw", max_outside_px=None)
    assert source.keys == ("00001",)
    assert_array_equal(source.state[0], state)
    assert_allclose(source[0].points68_px[1:], (points68[1:] + 0.5 - boxes[2, :2]) / 2, atol=1e-3)
    assert np.isnan(source[0].points68_px[0]).all()
    assert source.residual[0] == pytest.approx(0, abs=1e-5)


def test_merl_rav_needs_a_pack_with_names(tmp_path):
    np.savez(tmp_path / "labels.npz", key=np.array(["a"]), points21_px=np.zeros((1, 21, 2)))
    with pytest.raises(DataError, match="Pack aflw anew"):
        pack_source("merl_rav", tmp_path, tmp_path, LOSSLESS)


def test_aflw2000_is_the_same_packed_and_in_its_own_layout(tmp_path):
    scipy_io = pytest.importorskip("scipy.io")
    folder = tmp_path / "original"
    for row, name in enumerate(["image00002", "image00004"]):
        points = np.random.default_rng(row).uniform(100, 300, (3, 68))
        save_picture(folder / f"{name}.jpg", 450, 450, row)
        pose = np.array([[0.1, 0.5, 0, 0, 0, 0, 1]])
        scipy_io.savemat(folder / f"{name}.mat", {"pt3d_68": points, "Pose_Para": pose})
    again = np.random.default_rng(9).uniform(0, 450, (2, 3, 68)).astype(np.float32)
    np.save(folder / "AFLW2000-3D-Reannotated.pts68.npy", again)

    assert pack_source("aflw2000", folder, tmp_path / "pack", LOSSLESS) == 2
    original, packed = Aflw2000.open(folder), Aflw2000.open(tmp_path / "pack")
    assert packed.keys == original.keys
    assert_allclose(packed.points68_px, original.points68_px, atol=1e-4)
    assert_allclose(packed.points68_reannotated_px, again[:, :2].transpose(0, 2, 1) + 0.5, atol=1e-4)
    assert_array_equal(packed.roi_box, original.roi_box)
    assert packed.yaw_deg[0] == pytest.approx(np.degrees(0.5))
    assert_array_equal(packed[1].image, original[1].image)


def write_clip(folder, name, frames, seed, **changes):
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(seed)
    arrays = {
        "colorImages": generator.integers(0, 256, (150, 200, 3, frames), dtype=np.uint8),
        "landmarks2D": generator.uniform(60, 120, (68, 2, frames)),
    }
    np.savez(folder / f"{name}.npz", **(arrays | changes))
    return arrays["landmarks2D"]


def test_clips_of_youtube_faces_give_their_points_back(tmp_path):
    folder = tmp_path / "original" / "youtube_faces_with_keypoints_full_1"
    for clip in range(3):
        write_clip(folder, f"Ann_Lee_{clip}", 5, clip)
    marks = [write_clip(folder, f"Bo_{clip}", 9, 10 + clip) for clip in (0, 2, 5)]
    write_clip(folder, "Only_One_0", 3, 20)

    config = PackConfig(frames_per_clip=3, quality=100)
    assert pack_source("ytf", tmp_path / "original", tmp_path / "pack", config) == 18
    source = Ytf(tmp_path / "pack")
    assert source.person.tolist() == [0] * 9 + [1] * 9
    assert source.clips[9:] == ("0", "0", "0", "2", "2", "2", "5", "5", "5")
    # The last row is the last frame of the last clip; the square is 1.7 times the points' box.
    points = marks[2][..., 8]
    low, high = points.min(axis=0) + 0.5, points.max(axis=0) + 0.5
    side = 1.7 * (high - low).max()
    expected = (points + 0.5 - ((low + high) / 2 - side / 2)) * 224 / side
    assert_allclose(source[17].points68_px, expected, atol=1e-3)
    assert source[17].image.shape == (224, 224, 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"landmarks2D": np.zeros((67, 2, 5))}, "expected numbers of shape"),
        ({"landmarks2D": np.zeros((68, 2, 4))}, "points for each"),
        ({"landmarks2D": np.array([{}], dtype=object)}, "expected numbers or texts, got object"),
        ({"colorImages": np.zeros((4, 4, 3, 5), np.float32)}, "frames of uint8"),
    ],
)
def test_clips_that_are_not_as_described_are_refused(tmp_path, changes, message):
    for clip in range(3):
        write_clip(tmp_path / "original", f"Ann_{clip}", 5, clip, **changes)
    with pytest.raises(DataError, match=message):
        pack_source("ytf", tmp_path / "original", tmp_path / "pack", LOSSLESS)


def test_people_of_lfw_are_numbered_among_all_names(tmp_path):
    folder = tmp_path / "lfw"
    save_picture(folder / "Ann" / "Ann_0001.png", 250, 250)
    pictures = [save_picture(folder / "Bo" / f"Bo_{n:04}.png", 250, 250, n) for n in (1, 2, 3)]
    config = PackConfig(photos_per_person=2, quality=100)
    assert pack_source("lfw", folder, tmp_path / "pack", config) == 2
    source = Lfw(tmp_path / "pack")
    assert source.person.tolist() == [1, 1]
    assert_array_equal(source[1].image, pictures[1][45:205, 45:205])


def write_cfp(folder, people):
    points = {}
    for person in people:
        for kind, count in (("frontal", 2), ("profile", 1)):
            for n in range(1, count + 1):
                name = f"{person:03}/{kind}/{n:02}"
                save_picture(folder / "Data/Images" / f"{name}.png", 360, 480, n)
                points[name] = np.random.default_rng(n + person).uniform(10, 350, (30, 2))
                path = folder / "Data/Fiducials" / f"{name}.txt"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("\n".join(f"{x},{y}" for x, y in points[name]))
    return points


def test_photos_of_cfp_are_halved_with_their_points(tmp_path):
    points = write_cfp(tmp_path / "cfp-dataset", (1, 7))
    assert pack_source("cfp", tmp_path / "cfp-dataset", tmp_path / "cfp", LOSSLESS) == 6
    source = Cfp(tmp_path / "cfp")
    assert source.person.tolist() == [0, 0, 0, 6, 6, 6]
    assert source.profile.tolist() == [False, False, True] * 2
    photo = source[5]
    assert photo.image.shape == (240, 180, 3)
    assert_allclose(photo.points30_px, (points["007/profile/01"] + 0.5) / 2, atol=1e-4)


@pytest.mark.parametrize("text", ["1,2\n3,4", "a,b\n" * 30, "1,2,3\n" * 30, "nan,1\n" * 30])
def test_points_of_cfp_that_are_none_are_refused(tmp_path, text):
    write_cfp(tmp_path / "cfp-dataset", (1,))
    (tmp_path / "cfp-dataset/Data/Fiducials/001/frontal/01.txt").write_text(text)
    with pytest.raises(DataError, match="expected 30 points"):
        pack_source("cfp", tmp_path / "cfp-dataset", tmp_path / "cfp", LOSSLESS)


def save_mask(path, classes):
    path.parent.mkdir(parents=True, exist_ok=True)
    palette = np.array([CLASS_COLOURS[name] for name in CLASSES], np.uint8)
    Image.fromarray(palette[classes]).save(path)


def test_fasseg_gives_masks_and_poses_back(tmp_path):
    folder = tmp_path / "original"
    classes = np.arange(576 * 300).reshape(576, 300) // 40_000
    save_picture(folder / "V2/Test_RGB/1.bmp", 300, 576)
    save_picture(folder / "V2/Train_RGB/JPEG/3.jpg", 300, 576)
    save_mask(folder / "V2/Test_Labels/1.bmp", classes)
    save_mask(folder / "V2/Train_Labels/3.bmp", classes)
    save_picture(folder / "V3/Test_RGB/-15/personne08245+0-15.bmp", 300, 576)
    save_mask(folder / "V3/Test_labels/-15/personne08245+0-15.bmp", 5 - classes)

    assert pack_source("fasseg", folder, tmp_path / "pack", LOSSLESS) == 3
    source = Fasseg(tmp_path / "pack")
    assert source.yaw_deg.tolist() == [0, 0, -15]
    assert source.person.tolist() == [-1, -1, 8]
    assert source.shot.tolist() == [-1, -1, 2]
    photo = source[2]
    assert photo.image.shape == (288, 150, 3)
    assert_array_equal(photo.mask, (5 - classes)[1::2, 1::2])


def test_a_photo_is_no_mask():
    photo = np.random.default_rng(0).integers(60, 200, (20, 20, 3), dtype=np.uint8)
    with pytest.raises(DataError, match="expected a mask in the colours"):
        classes_of_colours(photo, "photo.bmp")


@pytest.mark.parametrize(
    ("name", "reader", "side"), [("omi", Omi, 512), ("portraits_cc0", PortraitsCc0, 384)]
)
def test_a_folder_of_photos_is_packed_by_name(tmp_path, name, reader, side):
    for n in range(3):
        save_picture(tmp_path / "photos" / f"face{n}.png", 2 * side, 2 * side, n)
    (tmp_path / "photos" / "notes.txt").write_text("no photo")
    assert pack_source(name, tmp_path / "photos", tmp_path / "pack", PackConfig(every=2)) == 2
    source = reader(tmp_path / "pack")
    assert source.keys == ("face0", "face2")
    assert source[0].image.shape == (side, side, 3)


def test_a_pack_is_not_overwritten(tmp_path):
    save_picture(tmp_path / "photos" / "a.png", 512, 512)
    pack_source("omi", tmp_path / "photos", tmp_path / "pack", LOSSLESS)
    with pytest.raises(OutputExistsError):
        pack_source("omi", tmp_path / "photos", tmp_path / "pack", LOSSLESS)


def test_photos_that_cannot_be_read_are_told_of_and_left_out(tmp_path):
    save_picture(tmp_path / "photos" / "a.png", 512, 512)
    (tmp_path / "photos" / "b.png").write_bytes(b"no picture")
    save_picture(tmp_path / "photos" / os.fsdecode(b"lat\xe9.png"), 512, 512)
    told = Told()
    with listening(told):
        assert pack_source("omi", tmp_path / "photos", tmp_path / "pack", LOSSLESS) == 2
    line, summary = told.lines
    assert line.startswith("left out: ")
    assert "b.png" in line
    assert summary == "1 of 3 photos or clips are left out."
    assert UnlabelledPhotos(tmp_path / "pack").keys == ("a", "lat%E9")


def write_fasseg(folder):
    classes = np.arange(576 * 300).reshape(576, 300) // 40_000
    for name in ("1", "2"):
        save_picture(folder / f"V2/Test_RGB/{name}.bmp", 300, 576)
        save_mask(folder / f"V2/Test_Labels/{name}.bmp", classes)


def write_lfw(folder):
    for name in ("Ann/Ann_0001", "Ann/Ann_0002", "Bo/Bo_0001", "Bo/Bo_0002"):
        save_picture(folder / f"{name}.png", 250, 250)


def write_ytf(folder):
    for clip in range(4):
        write_clip(folder, f"Ann_{clip}", 2, clip)


def write_aflw2000(folder):
    scipy_io = pytest.importorskip("scipy.io")
    for row, name in enumerate(["image00002", "image00004", "image00006"]):
        save_picture(folder / f"{name}.jpg", 450, 450, row)
        points = np.full((3, 68), 100.0 + row) + np.arange(68)
        scipy_io.savemat(folder / f"{name}.mat", {"pt3d_68": points, "Pose_Para": np.zeros((1, 7))})


@pytest.mark.parametrize(
    ("name", "write", "damaged", "keys"),
    [
        ("lfw", write_lfw, "Ann/Ann_0002.png", ("00000", "00002", "00003")),
        ("cfp", lambda folder: write_cfp(folder, (1,)), "Data/Images/001/frontal/01.png", ("00001", "00002")),
        ("fasseg", write_fasseg, "V2/Test_RGB/1.bmp", ("0001",)),
        ("fasseg", write_fasseg, "V2/Test_Labels/2.bmp", ("0000",)),
        ("ytf", write_ytf, "Ann_1.npz", ("00000", "00001", "00004", "00005", "00006", "00007")),
        ("aflw2000", write_aflw2000, "image00002.jpg", ("image00004", "image00006")),
    ],
)
def test_a_named_data_set_is_packed_without_its_damaged_files(tmp_path, name, write, damaged, keys):
    folder = tmp_path / "original"
    write(folder)
    path = next(folder.glob(f"{damaged.rpartition('.')[0]}.*"))
    path.write_bytes(path.read_bytes()[:200])
    told = Told()
    with listening(told):
        pack_source(name, folder, tmp_path / "pack", PackConfig(frames_per_clip=2, quality=100))
    line, summary = told.lines
    assert line.startswith("left out: ")
    assert path.name in line
    assert summary.startswith("1 of ")
    with np.load(tmp_path / "pack" / "labels.npz") as labels:
        assert tuple(labels["key"]) == keys


@pytest.mark.parametrize("damaged", ["image00019.png", "image00447_2.png"])
def test_crops_of_aflw_are_packed_without_the_damaged_ones(aflw_crops, tmp_path, damaged):
    folder, _, _ = aflw_crops
    (folder / "AFLW_GT_crop" / damaged).write_bytes(b"damaged")
    told = Told()
    with listening(told):
        assert pack_source("aflw", folder, tmp_path / "aflw", LOSSLESS) == 1
    assert damaged in told.lines[0]
    kept = {"image00019.png": "image00447_2", "image00447_2.png": "image00019"}[damaged]
    with np.load(tmp_path / "aflw" / "labels.npz") as labels:
        assert labels["name"].tolist() == [kept]


def test_a_folder_in_which_all_is_damaged_is_refused_with_the_first_reason(tmp_path):
    (tmp_path / "photos").mkdir()
    for name in ("a.png", "b.png"):
        (tmp_path / "photos" / name).write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"found none of 2 that can be read \(.*a\.png"):
        pack_source("omi", tmp_path / "photos", tmp_path / "pack", LOSSLESS)


def test_a_pack_that_cannot_be_finished_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("monoface.data.packing.pack_writer._TAR_BYTES", 1)
    save_picture(tmp_path / "photos" / "a.png", 512, 512)
    save_picture(tmp_path / "photos" / ("x" * 120 + ".png"), 512, 512)
    with pytest.raises(DataError, match="at most 100 bytes"):
        pack_source("omi", tmp_path / "photos", tmp_path / "pack", LOSSLESS)
    assert list((tmp_path / "pack").iterdir()) == []


def test_the_same_photos_give_the_same_bytes(tmp_path):
    save_picture(tmp_path / "photos" / "a.png", 512, 512)
    archives = []
    for name in ("first", "second"):
        pack_source("omi", tmp_path / "photos", tmp_path / name, PackConfig())
        archives.append((tmp_path / name / "images-0.tar").read_bytes())
    assert archives[0] == archives[1]


@pytest.mark.parametrize("name", SOURCE_NAMES)
def test_folders_without_the_data_are_refused(tmp_path, name):
    with pytest.raises(DataError, match="expected"):
        pack_source(name, tmp_path / "nothing", tmp_path / "pack", LOSSLESS)
    assert terms_of(name).endswith(".")


def test_other_sources_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="expected one of aflw, "):
        pack_source("imagenet", tmp_path, tmp_path, LOSSLESS)


@pytest.mark.parametrize("wrong", [{"every": 0}, {"people": 0}, {"quality": 101}, {"frames_per_clip": 0}])
def test_configs_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ConfigError, match="expected"):
        PackConfig(**wrong)


def test_points_and_squares_fit_together():
    points = np.array([[10.0, 20.0], [29.0, 30.0]])
    box = square_round(points, 2.0)
    assert_allclose(box, [1.0, 6.5, 39.0, 44.5])
    assert_allclose(points_to_square(points, box, 38), points - [1.0, 6.5])


def test_the_command_packs_and_states_the_terms(tmp_path, capsys):
    save_picture(tmp_path / "photos" / "a.png", 512, 512)
    words = ["data", "pack", "omi", "--from", str(tmp_path / "photos"), "--out", str(tmp_path / "omi")]
    assert main(words) == 0
    assert "1 photos of omi. Terms of the source: CC BY-NC-SA 4.0." in capsys.readouterr().out
    assert main(words) == 2
    assert "expected no file there" in capsys.readouterr().err


def test_the_command_offers_all_sources():
    from typing import get_args

    from monoface.cli.data.pack import Source

    assert set(get_args(Source)) == set(SOURCE_NAMES) == {*PACKED_SOURCES, "merl_rav"}
