"""People are followed through clips, with one identity each."""

import csv
import json
import struct

import numpy as np
import pytest

from monoface.export.animation import HeadAnimation, key_frames
from monoface.export.scene import ExportError
from monoface.video import Frame, VideoReconstructor
from monoface.video.files import tables
from monoface.video.files.animated import animated_glb, animation_of
from monoface.video.files.tables import LIVE_LINK_HEADER, bvh, live_link_csv
from monoface.video.smoothing import matrices_of


def _frames(photo):
    """A still head in a noisy camera; then nobody, and then the head at another place."""
    draw = np.random.default_rng(7)
    empty = np.full_like(photo, 128)
    moved = np.roll(photo, 40, axis=0)
    for number, image in enumerate([photo] * 24 + [empty] * 6 + [moved] * 20):
        noisy = image + draw.normal(0, 3, image.shape)
        yield Frame(number, number / 30, np.clip(noisy, 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def video(reconstructor):
    return VideoReconstructor(reconstructor)


@pytest.fixture(scope="module")
def people(video, photo):
    return video.reconstruct(_frames(photo))


@pytest.fixture(scope="module")
def person(people):
    return people[0]


def test_one_person_is_lost_and_found_again(people, person):
    assert len(people) == 1
    assert person.losses == 1
    assert {*range(24)} <= {*person.motion.number}
    assert not {*range(24, 30)} & {*person.motion.number}
    assert person.motion.number[-1] == 49


def test_a_still_head_is_still(person):
    assert person.smoothness.jitter < 1e-3
    assert person.smoothness.jitter < person.smoothness.unsmoothed_jitter / 3
    assert person.smoothness.lag_frames == 0


def test_the_clips_identity_is_the_photos(person, reconstructor, photo):
    alone = reconstructor.reconstruct(photo).faces[0].identity
    inside = person.face.identity
    assert alone @ inside / np.linalg.norm(alone) / np.linalg.norm(inside) > 0.8


def test_landmarks_lie_where_a_photo_has_them(person, reconstructor, photo, face_model):
    alone = reconstructor.reconstruct(photo).faces[0].landmarks68_px
    model = reconstructor.face_model
    points = model.subset(model.landmarks("ibug68"))
    found = person.motion.landmarks_px(points, person.face.identity)[10]
    size = np.ptp(alone, axis=0).max()
    assert np.linalg.norm(found - alone, axis=1).mean() / size < 0.04


def test_live_results_come_frame_by_frame(video, photo):
    results = list(video.results(list(_frames(photo))[:8]))
    assert [len(one) for one in results] == [1] * 8
    assert set(results[0][0].blendshapes) == set(video.reconstructor.face_model.expression_names)
    assert all(0 <= value <= 1 for value in results[-1][0].blendshapes.values())


def test_the_csv_has_live_links_columns(person):
    rows = list(csv.reader(live_link_csv(person, 30).splitlines()))
    assert rows[0] == list(LIVE_LINK_HEADER)
    assert len(rows[0]) == 63
    assert len(rows) == 1 + len(person.motion)
    assert all(len(row) == 63 and row[1] == "61" for row in rows[1:])
    jaw = rows[0].index("JawOpen")
    shapes = person.blendshapes[:, person.names.index("jawOpen")]
    np.testing.assert_allclose([float(row[jaw]) for row in rows[1:]], shapes, atol=1e-6)


def test_the_glb_has_the_clips_motion(person):
    data = animated_glb(person, (384, 384))
    (length,) = struct.unpack_from("<I", data, 12)
    document = json.loads(data[20 : 20 + length])
    paths = {channel["target"]["path"] for channel in document["animations"][0]["channels"]}
    assert paths == {"translation", "scale", "rotation", "weights"}
    times = document["accessors"][document["animations"][0]["samplers"][0]["input"]]
    assert times["max"][0] == pytest.approx(person.motion.time_s[-1] - person.motion.time_s[0], abs=1e-4)


def test_the_animated_head_is_where_the_camera_sees_it(person, reconstructor):
    model, motion = reconstructor.face_model, person.motion
    points = model.subset(model.landmarks("ibug68"))
    expected = motion.landmarks_px(points, person.face.identity)
    skeleton = reconstructor.assets.rig.skeleton(person.face.verts_mm)
    told = animation_of(motion, skeleton, 2.0, (192.0, 192.0), 52)
    pivot = skeleton.joints[skeleton.names.index("Head")].place_mm
    who = np.repeat(person.face.identity[None], len(motion), axis=0)
    places = points.in_numpy().forward(who, motion.expression.astype(np.float32)) - pivot
    turned = places @ matrices_of(told.turn).mT + pivot
    world = told.size[:, None, None] * turned + told.place_mm[:, None]
    np.testing.assert_allclose(192 + 2.0 * world[..., :2] * (1, -1), expected, atol=1e-2)


def test_the_bvh_turns_as_the_head(person):
    lines = bvh(person, 30).splitlines()
    count = int(lines[lines.index("MOTION") + 1].split()[1])
    assert count == len(lines) - lines.index("MOTION") - 3
    assert count == 50
    assert all(len(line.split()) == 3 for line in lines[-count:])


def test_key_frames_miss_no_value_by_more_than_the_error():
    times = np.arange(200) / 30
    values = np.sin(times * 3)[:, None]
    kept = key_frames(times, values, 0.01)
    assert kept.sum() < 80
    assert np.abs(np.interp(times, times[kept], values[kept, 0]) - values[:, 0]).max() <= 0.01


def test_times_that_do_not_grow_are_refused():
    with pytest.raises(ExportError, match="times grow"):
        HeadAnimation(np.zeros(2), np.zeros((2, 1)), np.zeros((2, 4)), np.zeros((2, 3)), np.ones(2), "Head")


@pytest.mark.parametrize(
    ("time_s", "rate", "text"),
    [(0.99999, 30, "00:00:01:00.000"), (59.98, 25, "00:00:59:24.500"), (3661.5, 30, "01:01:01:15.000")],
)
def test_timecodes_count_frames_of_a_second(time_s, rate, text):
    assert tables._timecode(time_s, rate) == text
