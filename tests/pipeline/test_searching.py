import threading

import numpy as np
import pytest
from PIL import Image

from monoface.detection import Detection
from monoface.pipeline.images import LoadedImage
from monoface.pipeline.searching import SearchedPhoto, in_batches, search_ahead, search_photo


def _detection(left, top, right, bottom):
    box = np.array([left, top, right, bottom], dtype=np.float32)
    return Detection(box, 0.8, np.zeros((6, 2), np.float32), box)


def _searched(faces, side=10):
    photo = LoadedImage(np.zeros((side, side, 3), np.uint8), "photo", (side, side), 1.0)
    return SearchedPhoto("photo", photo, (_detection(0, 0, 1, 1),) * faces)


def test_largest_faces_come_first(photo_array):
    boxes = [_detection(0, 0, 10, 10), _detection(0, 0, 30, 30), _detection(0, 0, 20, 20)]
    found = search_photo(photo_array, lambda image: boxes, 2)
    assert [float(one.box[2]) for one in found.detections] == [30, 20]
    assert found.photo.size_px == (200, 160)


def test_unreadable_photos_are_results():
    found = search_photo("nowhere/at all.jpg", lambda image: [], None)
    assert found.photo is None
    assert found.name == "nowhere/at all.jpg"
    assert found.problem.startswith("expected a picture")
    assert search_photo(np.zeros((3, 3, 7)), lambda image: [], None).name == "array"


def test_order_is_that_of_the_sources():
    barrier = threading.Barrier(2)

    def search(source):
        if source in "01":
            barrier.wait(timeout=10)
        return SearchedPhoto(source, None, ())

    assert [one.name for one in search_ahead("012345678", search, 2)] == list("012345678")


def test_photos_are_read_only_a_little_ahead():
    taken = []

    def sources():
        for number in range(100):
            taken.append(number)
            yield str(number)

    ahead = search_ahead(sources(), lambda source: SearchedPhoto(str(source), None, ()), 3)
    next(ahead)
    assert len(taken) == 4
    ahead.close()
    assert len(taken) == 4


def test_errors_of_the_search_are_not_hidden():
    def search(source):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(search_ahead(["photo"], search, 1))


def test_batches_are_full_of_faces():
    photos = [_searched(faces) for faces in (1, 1, 0, 5, 1, 2)]
    assert [len(batch) for batch in in_batches(photos, 3)] == [4, 2]
    assert list(in_batches([], 3)) == []


def test_batches_hold_few_large_photos():
    photos = [_searched(0, side=4096) for _ in range(5)]
    assert [len(batch) for batch in in_batches(photos, 3)] == [2, 2, 1]


def test_pillow_images_are_sources(photo_array):
    found = search_photo(Image.fromarray(photo_array), lambda image: [], None)
    assert found.name == "Pillow image"
    assert found.detections == ()
