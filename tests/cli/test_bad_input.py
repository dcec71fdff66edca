"""Everything that people give a photo tool, in one run: a status and a reason each, and the rest done."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image

from monoface.cli.main import main

FACE_BOX = (140, 20, 310, 240)


def _twenty_faces(sample):
    face = sample.crop(FACE_BOX)
    group = Image.new("RGB", (5 * face.width, 4 * face.height), (90, 110, 90))
    for number in range(20):
        row, column = divmod(number, 5)
        one = face.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if number % 2 else face
        group.paste(one, (column * face.width, row * face.height))
    return group


def _sixteen_bit(sample):
    grey = np.asarray(sample.convert("L")).astype(np.uint16)
    return Image.fromarray(grey * 257)


def _write_photos(folder, sample, noise):
    """Photos by what is the matter with them."""
    sample.save(folder / "plain.png")
    sample.convert("L").save(folder / "grey.png")
    _sixteen_bit(sample).save(folder / "sixteen_bit.png")
    sample.convert("CMYK").save(folder / "cmyk.jpg", quality=95)
    with_alpha = sample.copy()
    with_alpha.putalpha(Image.linear_gradient("L").resize(sample.size).point(lambda v: 128 + v // 2))
    with_alpha.save(folder / "alpha.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    sample.transpose(Image.Transpose.ROTATE_90).save(folder / "exif.png", exif=exif)
    sample.save(folder / "animated.gif", save_all=True, append_images=[noise.resize(sample.size)] * 2)
    wide = Image.new("RGB", (12_000, 1024), (70, 90, 120))
    wide.paste(sample.resize((1024, 1024)), (8000, 0))
    wide.save(folder / "wide.jpg", quality=92)
    _twenty_faces(sample).save(folder / "twenty.png")
    (folder / "other").mkdir()
    sample.crop((60, 0, 400, 300)).save(folder / "other" / "plain.png")

    noise.save(folder / "no_face.png")
    Image.new("RGB", (1, 1), (200, 150, 130)).save(folder / "one_pixel.png")
    (folder / "directory").mkdir()
    (folder / "text.jpg").write_text("This is no picture.\n")
    sample.save(folder / "whole.jpg")
    whole = (folder / "whole.jpg").read_bytes()
    (folder / "truncated.jpg").write_bytes(whole[: len(whole) // 3])
    (folder / "whole.jpg").unlink()
    (folder / "empty.png").write_bytes(b"")


FINE = ["plain", "grey", "sixteen_bit", "cmyk", "alpha", "exif", "animated", "wide", "twenty", "plain-2"]
UNREADABLE = ["directory", "text", "truncated", "empty", "missing"]
NO_FACE = ["no_face", "one_pixel"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory, sample, noise):
    folder = tmp_path_factory.mktemp("photos")
    _write_photos(folder, sample, noise)
    names = sorted(path.name for path in folder.iterdir() if path.name not in ("other", "plain.png"))
    return [folder / name for name in ("plain.png", "missing.jpg", *names, "other/plain.png")]


@pytest.fixture(scope="module")
def ran(photos, tmp_path_factory, warm_reconstructor):
    """Exit code, folder of results and reports by stem, of one run over all photos."""
    out = tmp_path_factory.mktemp("out") / "made" / "here"
    patch = pytest.MonkeyPatch()
    patch.setattr("monoface.cli.reconstruct.Reconstructor", lambda config: warm_reconstructor)
    code = main(["reconstruct", *map(str, photos), "--out", str(out)])
    patch.undo()
    return code, out, {path.stem: json.loads(path.read_text()) for path in out.glob("*.json")}


def test_exit_code_says_that_some_failed(ran):
    assert ran[0] == 3


def test_every_photo_has_a_status_and_a_reason(ran):
    assert {stem: report["status"] for stem, report in ran[2].items()} == (
        dict.fromkeys(FINE, "ok")
        | dict.fromkeys(UNREADABLE, "unreadable")
        | dict.fromkeys(NO_FACE, "no_face")
    )
    for report in ran[2].values():
        assert report["reason"]
        assert "\n" not in report["reason"]


def test_files_are_those_of_the_faces(ran):
    _, out, reports = ran
    expected = {f"{stem}.json" for stem in reports}
    for stem in FINE:
        expected |= {f"{stem}.overlay.png"}
        expected |= {f"{stem}.face{number}.glb" for number in range(len(reports[stem]["faces"]))}
    assert {path.name for path in out.iterdir()} == expected


def test_there_are_twenty_faces_the_largest_first(ran):
    faces = ran[2]["twenty"]["faces"]
    assert len(faces) == 20
    boxes = np.array([face["box_px"] for face in faces])
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    assert (np.diff(areas) <= 1e-3 * areas[0]).all()
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    cells = {(int(x // 170), int(y // 220)) for x, y in centres}
    assert len(cells) == 20


@pytest.mark.parametrize("stem", ["grey", "sixteen_bit", "cmyk", "alpha", "exif", "animated"])
def test_disguised_photos_give_the_same_landmarks(ran, stem):
    plain, other = ran[2]["plain"], ran[2][stem]
    assert other["photo"]["size_px"] == plain["photo"]["size_px"] == [512, 512]
    expected = np.array(plain["faces"][0]["landmarks68_px"])
    size = np.ptp(expected, axis=0).max()
    error = np.linalg.norm(np.array(other["faces"][0]["landmarks68_px"]) - expected, axis=1)
    assert error.mean() < (0.06 if stem in ("grey", "sixteen_bit", "alpha", "animated") else 0.02) * size


def test_wide_photo_keeps_its_own_pixels(ran):
    wide = ran[2]["wide"]
    assert wide["photo"]["size_px"] == [12_000, 1024]
    expected = 2 * np.array(ran[2]["plain"]["faces"][0]["landmarks68_px"]) + (8000, 0)
    found = np.array(wide["faces"][0]["landmarks68_px"])
    assert_allclose(found.mean(axis=0), expected.mean(axis=0), atol=0.1 * np.ptp(expected, axis=0).max())


def test_equal_names_in_two_folders_are_kept_apart(ran):
    assert ran[2]["plain"]["photo"]["size_px"] == [512, 512]
    assert ran[2]["plain-2"]["photo"]["size_px"] == [340, 300]
    assert ran[2]["plain-2"]["photo"]["name"] == "plain.png"
