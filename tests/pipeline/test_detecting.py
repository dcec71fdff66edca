import threading

import numpy as np
import pytest
from numpy.testing import assert_equal
from PIL import Image

from monoface.detection import Detection
from monoface.photos.reading import LoadedImage
from monoface.pipeline.detecting import SearchedPhoto, in_batches, search_ahead, search_photos


def _detection(left, top, right, bottom):
    box = np.array([left, top, right, bottom], dtype=np.float32)
    return Detection(box, 0.8, np.zeros((6, 2), np.float32), box)


def _searched(faces, side=10):
    photo = LoadedImage(np.zeros((side, side, 3), np.uint8), "photo", (side, side), 1.0)
    return SearchedPhoto("photo", photo, (_detection(0, 0, 1, 1),) * faces)


def _found_nothing(sources):
    return [SearchedPhoto(source, None, ()) for source in sources]


def test_largest_faces_come_first(photo_array, told_detector):
    detector = told_detector((0, 0, 10, 10), (0, 0, 30, 30), (0, 0, 20, 20))
    [found] = search_photos([photo_array], detector, 2)
    assert [float(one.box[2]) for one in found.detections] == [30, 20]
    assert found.photo.size_px == (200, 160)


def test_unreadable_photos_are_results(photo_array, told_detector):
    detector = told_detector((0, 0, 10, 10))
    sources = ["nowhere/at all.jpg", photo_array, np.zeros((3, 3, 7)), Image.fromarray(photo_array)]
    found = search_photos(sources, detector, None)
    assert [one.name for one in found] == ["nowhere/at all.jpg", "array", "array", "Pillow image"]
    assert [len(one.detections) for one in found] == [0, 1, 0, 1]
    assert found[0].photo is None
    assert found[0].problem.startswith("expected a picture")
    assert_equal(found[1].photo.image_srgb, photo_array)


def test_order_is_that_of_the_sources():
    both_run = threading.Barrier(2)

    def search(sources):
        if sources[0] in "ae":
            both_run.wait(timeout=10)
        return _found_nothing(sources)

    assert [one.name for one in search_ahead("abcdefghijklmno", search, 2)] == list("abcdefghijklmno")


def test_photos_are_read_only_a_little_ahead():
    taken = []

    def sources():
        for number in range(100):
            taken.append(number)
            yield str(number)

    ahead = search_ahead(sources(), _found_nothing, 2)
    next(ahead)
    assert len(taken) == 12
    ahead.close()
    assert len(taken) == 12


def test_errors_of_the_search_are_not_hidden():
    def search(sources):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(search_ahead(["photo"], search, 1))


def test_batches_are_full_of_faces():
    photos = [_searched(faces) for faces in (1, 1, 0, 5, 1, 2)]
    assert [len(batch) for batch in in_batches(photos, 3)] == [4, 2]
    assert list(in_batches([], 3)) == []


def test_the_first_photo_is_searched_and_regressed_alone_if_it_is_to_come_soon():
    together = []

    def search(sources):
        together.append(len(sources))
        return _found_nothing(sources)

    list(search_ahead(iter("abcdefghijklmno"), search, 1, soon=True))
    assert together == [1, 2, 4, 4, 4]
    photos = [_searched(1) for _ in range(100)]
    assert [len(batch) for batch in in_batches(photos, 32, soon=True)] == [1, 2, 4, 8, 16, 32, 32, 5]
    crowds = [_searched(40) for _ in range(3)]
    assert [len(batch) for batch in in_batches(crowds, 32, soon=True)] == [1, 1, 1]


def test_batches_hold_few_large_photos():
    photos = [_searched(0, side=4096) for _ in range(5)]
    assert [len(batch) for batch in in_batches(photos, 3)] == [2, 2, 1]


def test_faces_are_seen_in_the_overview_if_that_shows_them_well():
    photo = LoadedImage(np.zeros((2000, 4000, 3), np.uint8), "photo", (8000, 4000), 0.5)
    large, small = _detection(100, 100, 1100, 900), _detection(0, 0, 500, 300)
    (seen, in_overview), (also_seen, as_it_is) = SearchedPhoto("photo", photo, (large, small)).looks(120)
    assert seen is photo.overview
    assert seen.size_px == (800, 400)
    assert_equal(in_overview.box / seen.scale, large.box / photo.scale)
    assert in_overview.roi_side_px == pytest.approx(200 * 2**0.5)
    assert also_seen is photo
    assert as_it_is is small
    assert SearchedPhoto("photo", None, (), "unreadable").looks(120) == []
