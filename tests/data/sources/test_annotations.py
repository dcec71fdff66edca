"""Landmarks that come with photos: each convention by hand, and files that are refused."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from w300lp_layout import write_w300lp_photo

from monoface.core.errors import DataError
from monoface.data.sources.annotated_face import AnnotatedFace, FilesBeside
from monoface.data.sources.annotations import open_annotations

POINTS21 = np.arange(42, dtype=np.float32).reshape(21, 2)


def write_umdfaces(folder, rows):
    folder.mkdir(parents=True, exist_ok=True)
    names = ["SUBJECT_ID", "FILE", "FACE_X", "FACE_Y", "FACE_WIDTH", "FACE_HEIGHT", "YAW"]
    names += [
        f"{name}{n}{axis}" for n in range(1, 22) for name, axis in (("P", "X"), ("P", "Y"), ("VIS", ""))
    ]
    lines = [",".join(names)]
    for file, points, visible in rows:
        values = [1, file, 10, 20, 30, 40, 5.5]
        for point, seen in zip(points, visible, strict=True):
            values += [*point, float(seen)]
        lines.append(",".join(map(str, values)))
    (folder / f"{folder.name}_ultraface.csv").write_text("\n".join(lines) + "\n")


def test_umdfaces_rows_are_faces_of_their_photos(tmp_path):
    visible = np.ones(21, bool)
    visible[4] = False
    rows = [
        ("a/1.jpg", POINTS21, visible),
        ("a/1.jpg", POINTS21 + 1, ~visible),
        ("a/2.jpg", POINTS21, visible),
    ]
    write_umdfaces(tmp_path / "umdfaces_batch1", rows)
    annotations = open_annotations("umdfaces", tmp_path)
    first, second = annotations.faces("umdfaces_batch1/a/1.jpg")
    expected = POINTS21 + 0.5
    expected[4] = np.nan
    assert_array_equal(first.points_px["aflw21"], expected)
    assert_allclose(first.box, (10.5, 20.5, 40.5, 60.5))
    assert (first.seen, second.seen) == (20, 1)
    assert annotations.wants("umdfaces_batch1/a/2.jpg")
    assert not annotations.wants("a/2.jpg")


def test_umdfaces_tables_that_lack_columns_are_refused(tmp_path):
    (tmp_path / "x_ultraface.csv").write_text("FILE,FACE_X\na.jpg,3\n")
    with pytest.raises(DataError, match=r"x_ultraface\.csv, line 2: expected FILE, FACE_X"):
        open_annotations("umdfaces", tmp_path)
    (tmp_path / "x_ultraface.csv").unlink()
    with pytest.raises(DataError, match="expected a table"):
        open_annotations("umdfaces", tmp_path)


def test_other_tables_are_other_annotations(tmp_path):
    digests = []
    for shift in (0, 1):
        write_umdfaces(tmp_path, [("1.jpg", POINTS21 + shift, np.ones(21))])
        digests.append(open_annotations("umdfaces", tmp_path).digest)
    assert digests[0] != digests[1]


def test_pts_files_count_pixels_from_one(tmp_path):
    points = np.random.default_rng(0).uniform(1, 90, (68, 2)).round(3)
    lines = ["version: 1", "n_points:  68", "{", *(f"{x} {y}" for x, y in points), "}"]
    (tmp_path / "a.pts").write_text("\n".join(lines))
    (face,) = FilesBeside(tmp_path).faces("a.jpg")
    got = face.points_px["ibug68_contour"]
    assert_allclose(got[17:], points[17:] - 0.5, rtol=1e-5)
    assert np.isnan(got[:17]).all()


def test_csv_files_have_our_pixels_and_gaps(tmp_path):
    (tmp_path / "b").mkdir()
    lines = ["x,y", *(f"{x},{y}" for x, y in POINTS21)]
    lines[3] = ","
    (tmp_path / "b" / "a.csv").write_text("\n".join(lines))
    (face,) = FilesBeside(tmp_path).faces("b/a.png")
    expected = POINTS21.copy()
    expected[2] = np.nan
    assert_array_equal(face.points_px["aflw21"], expected)
    assert FilesBeside(tmp_path).faces("b/other.png") == ()


def test_npz_files_may_have_several_faces_and_name_their_set(tmp_path):
    points = np.stack((POINTS21[:7], POINTS21[:7] + 3))
    np.savez(tmp_path / "a.npz", points_px=points, landmark_set="now7")
    first, second = FilesBeside(tmp_path).faces("a.webp")
    assert_array_equal(first.points_px["now7"], points[0])
    assert_array_equal(second.points_px["now7"], points[1])


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.pts", "1 2\n3 4\n", "expected n_points and points in braces"),
        ("a.pts", "version: 1\nn_points: 3\n{\n1 2\n}\n", "expected 3 points, got 1"),
        ("a.csv", "1,2\n", "expected a first line x,y"),
        ("a.csv", "x,y\n1,b\n", "expected two numbers a line"),
        ("a.csv", "x,y\n1,2,3\n", "expected two numbers a line"),
        ("a.csv", "x,y\n1,2\n", "expected 68 or 21 points, or a landmark_set, got 1"),
        ("a.npz", "no archive", r"expected an \.npz with points_px"),
    ],
)
def test_other_files_are_refused(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        FilesBeside(tmp_path).faces("a.jpg")


def test_pickles_and_other_shapes_in_npz_files_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", points_px=np.array([{}], dtype=object))
    with pytest.raises(DataError, match=r"expected an \.npz"):
        FilesBeside(tmp_path).faces("a.jpg")
    np.savez(tmp_path / "a.npz", points_px=np.zeros((21, 3)))
    with pytest.raises(DataError, match=r"expected points_px \(points, 2\)"):
        FilesBeside(tmp_path).faces("a.jpg")


def test_small_files_that_unfold_to_large_ones_are_refused(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", points_px=np.zeros((2**22, 2)))
    assert (tmp_path / "a.npz").stat().st_size < 2**17
    with pytest.raises(DataError, match="its header promises 671"):
        FilesBeside(tmp_path).faces("a.jpg")
    (tmp_path / "b.csv").write_text("x,y\n" + "1,2\n" * 2**22)
    with pytest.raises(DataError, match="expected a file of landmarks, got one of"):
        FilesBeside(tmp_path).faces("b.jpg")


def test_points_of_300w_lp_are_fixed_on_the_mesh(tmp_path):
    write_w300lp_photo(
        tmp_path, "IBUG/a_1", np.zeros((20, 20, 3), np.uint8), np.ones((68, 2)), (-60.0, 0.0, 0.0)
    )
    annotations = open_annotations("300w-lp", tmp_path)
    (face,) = annotations.faces("IBUG/a_1.jpg")
    assert face.fixed_on_mesh
    assert face.yaw_deg == pytest.approx(-60)
    assert [annotations.wants(name) for name in ("IBUG/a_1.jpg", "IBUG_Flip/a_1.jpg", "Code/a.jpg")] == [
        True,
        False,
        False,
    ]
    with pytest.raises(DataError, match="expected the folders AFW"):
        open_annotations("300w-lp", tmp_path / "IBUG")


def test_without_annotations_every_photo_is_wanted(tmp_path):
    annotations = open_annotations("none", tmp_path)
    assert annotations.wants("a.jpg")
    assert annotations.faces("a.jpg") == ()


def test_the_box_of_points_leaves_out_what_is_unknown():
    points = np.array([(3, 4), (np.nan, np.nan), (7, 5)], np.float32)
    face = AnnotatedFace({"some": points})
    assert face.points_box.tolist() == [3, 4, 7, 5]
    assert not face.fixed_on_mesh
    assert np.isnan(AnnotatedFace({"some": points[1:2]}).points_box).all()
