"""Packs of labels: each sample says how much its identity is worth, turned views as their photos."""

import json
from dataclasses import replace

import numpy as np
from known_faces import ToldEyes, known_faces, photos_of

from monoface.data.packs.arrays import PACK_HEADER
from monoface.data.packs.photo_pack import Pack
from monoface.data.people.labels import PhotoLabels
from monoface.data.people.looking import look_at_photos
from monoface.data.people.marks import read_marks
from monoface.data.people.writing import shard_packs
from monoface.data.preparing.prepared import PHOTOS, TURNED_VIEWS, VALIDATION
from monoface.data.profiling.photo_turner import TurnConfig

TRUST = np.array([0.9, 0.1, 0.5, 0.7])


def test_trust_goes_with_the_samples(model, people_config, tmp_path):
    faces = known_faces([0, 0, 1, 2], yaw_deg=0.0)
    photos = photos_of(faces, held_out_people=(2,))
    marks = read_marks(photos, look_at_photos(photos, ToldEyes(faces), tmp_path), model, people_config)
    labels = PhotoLabels(
        faces.identity, faces.poses, np.zeros(4), faces.points_px,
        ("kept", "bad_fit", "kept", "kept"), np.ones(4), TRUST,
    )  # fmt: skip
    config = replace(people_config, turn=TurnConfig(views=2))
    packs = shard_packs(photos, marks, labels, np.arange(4), model, config)
    for kind, trust in ((PHOTOS, [0.9, 0.5]), (TURNED_VIEWS, [0.9, 0.9, 0.5, 0.5]), (VALIDATION, [0.7])):
        np.testing.assert_allclose(packs[kind].trust, trust, rtol=1e-6)
        packs[kind].save(tmp_path / kind, "r")
        np.testing.assert_array_equal(Pack.load(tmp_path / kind, "r").trust, packs[kind].trust)


def test_packs_made_before_there_was_trust_still_load(labelled_pack, tmp_path):
    labelled_pack.save(tmp_path, "r")
    header = json.loads((tmp_path / PACK_HEADER).read_text())
    del header["trust"]
    (tmp_path / PACK_HEADER).write_text(json.dumps(header))
    assert Pack.load(tmp_path, "r").trust is None
