"""The whole rig: parts, morphs, lashes on their lids, a clean bust."""

import numpy as np
from numpy.testing import assert_allclose
from synthetic_head import synthetic_head_data

from monoface.core.arrays import in_numpy
from monoface.rigging.lashes import lash_strips, lash_texture
from monoface.rigging.rig import HeadRig


def test_tongue_out_is_the_52nd_morph_and_lashes_are_the_last_part(rig, shipped, mesh):
    assert mesh.morph_names == (*shipped.expression_names, "tongueOut")
    assert len(mesh.morph_names) == 52
    assert mesh.part_names == (*shipped.data.part_names, "lashes")
    assert_allclose(mesh.joint_weights.sum(axis=1), 1, atol=1e-6)
    assert mesh.faces.max() < len(mesh.verts_mm)


def test_the_face_is_the_models(shipped, rig, mesh, neutrals):
    """Skin that was not cut away lies where the face model has it."""
    kept = np.flatnonzero(rig.cut.first == rig.cut.second)
    origin = rig.cut.first[kept]
    skin = ~rig.mouth.inside[origin]
    assert shipped.data.regions["face"][origin].sum() > 0.95 * shipped.data.regions["face"].sum()
    assert_allclose(mesh.verts_mm[kept[skin]], neutrals[1][origin[skin]], atol=1e-5)


def test_the_bust_ends_on_a_smooth_line(rig, mesh):
    """The border of the bust turns little from edge to edge: no steps, no teeth."""
    skin = mesh.weld[mesh.faces[mesh.face_part == 0]]
    edges = np.sort(np.concatenate((skin[:, :2], skin[:, 1:], skin[:, [2, 0]])), axis=1)
    unique, count = np.unique(edges, axis=0, return_counts=True)
    ends = unique[count == 1]
    rim = np.unique(ends[mesh.verts_mm[ends, 1].max(axis=1) < -95])
    places = mesh.verts_mm[rim]
    around = np.argsort(np.arctan2(places[:, 0], places[:, 2] + 10))
    line = places[around]
    rough = line[1:-1] - (line[:-2] + line[2:]) / 2
    assert len(rim) > 40
    assert np.median(np.linalg.norm(rough, axis=1)) < 2.0


def test_lashes_are_rooted_on_the_lids_and_go_with_a_blink(shipped, rig, mesh):
    data = shipped.data
    lids = data.mean_mm[data.regions["eyelids"]]
    for strip in rig.lashes:
        centre = data.eyes[strip.eye].centre @ data.mean_mm
        verts = strip.verts(data.mean_mm, centre).reshape(3, -1, 3)
        root, tip = verts[0], verts[-1]
        assert np.linalg.norm(root[:, None] - lids[None], axis=-1).min(axis=1).max() < 3
        assert (np.linalg.norm(tip - centre, axis=1) > np.linalg.norm(root - centre, axis=1)).all()
        assert (strip.rise * (tip - root)[3:-3, 1] > 0).all()
    lashes = np.unique(mesh.faces[mesh.face_part == mesh.part_names.index("lashes")])
    blink = mesh.morphs_mm[mesh.morph_names.index("eyeBlinkLeft")][lashes]
    left = mesh.verts_mm[lashes, 0] > 0
    assert blink[left, 1].min() < -5
    assert np.abs(blink[~left]).max() < 1e-2
    assert np.abs(mesh.morphs_mm[mesh.morph_names.index("eyeLookOutRight")][lashes][left]).max() < 0.05


def test_left_and_right_lashes_are_mirror_images(shipped, rig):
    mean, data = shipped.mean_mm.astype(np.float64), shipped.data
    right, left = rig.lashes[:2]
    centres = {name: eye.centre.astype(np.float64) @ mean for name, eye in data.eyes.items()}
    mirrored = left.verts(mean, centres["eye_left"]) * (-1, 1, 1)
    assert_allclose(right.verts(mean, centres["eye_right"]), mirrored, atol=1e-3)


def test_hairs_are_opaque_at_the_roots_and_apart_at_the_tips():
    alpha = lash_texture()[..., 3]
    assert alpha[-6:].mean() > 2 * alpha[:20].mean()
    assert alpha[0].max() < 64


def test_heads_without_mouth_or_lids_are_rigged_all_the_same():
    data = in_numpy(synthetic_head_data())
    rig = HeadRig.of(data)
    mesh = rig.mesh(data.mean_mm, data.expression_basis_mm)
    assert rig.mouth is None
    assert mesh.morph_names == data.expression_names
    assert len(lash_strips(data)) == 4
    assert {"Head", "Jaw", "LeftEye"} <= set(rig.skeleton(data.mean_mm).names)
    assert_allclose(mesh.verts_mm[: len(data.mean_mm)], data.mean_mm, atol=1e-6)
