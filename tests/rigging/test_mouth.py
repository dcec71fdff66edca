"""The mouth: teeth in sight behind every open lip, hidden behind closed ones, and a tongue that comes out."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from monoface.rigging.mouth_texture import inside_uv, outside_uv, shaded

CENTRAL_LIP, LOWER_LIP = 62, 66


def lip(shipped, verts, row):
    points = shipped.data.landmarks["ibug68"]
    return points.weight[row].astype(np.float64) @ verts[points.index[row]]


def offsets_of(shipped, people, number, name):
    return shipped.expression_basis_for(people[number : number + 1])[0, shipped.expression_names.index(name)]


@pytest.mark.parametrize("weight", [0.25, 0.5, 0.75, 1.0])
def test_upper_front_teeth_are_seen_whoever_opens_the_mouth(shipped, rig, people, neutrals, weight):
    for number, neutral in enumerate(neutrals):
        placed = rig.mouth.placed(neutral)
        opened = placed + weight * offsets_of(shipped, people, number, "jawOpen")
        shown = lip(shipped, opened, CENTRAL_LIP)[1] - opened[rig.mouth.tips, 1].min()
        assert 1.5 < shown < 8


def test_teeth_stand_behind_closed_lips(shipped, rig, neutrals):
    for neutral in neutrals:
        placed = rig.mouth.placed(neutral)
        front = placed[rig.mouth.tips, 2].max()
        assert front < lip(shipped, placed, CENTRAL_LIP)[2] - 4
        assert front < lip(shipped, placed, LOWER_LIP)[2] - 1


def test_nothing_but_the_inside_of_the_mouth_is_moved(shipped, rig, neutrals):
    moved = np.abs(rig.mouth.placed(neutrals[3]) - neutrals[3]).max(axis=1) > 0
    assert moved.any()
    assert not moved[~rig.mouth.inside].any()
    weld = shipped.data.weld
    skin = np.unique(shipped.data.faces[shipped.data.face_part == 0])
    assert not np.isin(weld[moved], weld[skin]).any()


def test_the_tongue_comes_out_over_the_lips_and_is_hidden_before(shipped, rig, mesh, neutrals):
    row = mesh.morph_names.index("tongueOut")
    moved = np.linalg.norm(mesh.morphs_mm[row], axis=1) > 0
    rest, out = mesh.verts_mm[moved], (mesh.verts_mm + mesh.morphs_mm[row])[moved]
    lips = lip(shipped, neutrals[1], LOWER_LIP)
    assert rest[:, 2].max() < lips[2] - 15
    assert lips[2] + 15 < out[:, 2].max() < lips[2] + 45
    assert np.abs(out[:, 0] - lips[0]).max() < 20
    # At rest it lies within the face model's own tongue.
    own = rig.mouth.placed(neutrals[1])[rig.mouth.is_tongue]
    assert rest[:, 1].max() < own[:, 1].max()


def test_the_tongue_goes_with_the_jaw(mesh):
    tongue = np.linalg.norm(mesh.morphs_mm[mesh.morph_names.index("tongueOut")], axis=1) > 0
    jaw = mesh.morphs_mm[mesh.morph_names.index("jawOpen")][tongue]
    assert jaw[:, 1].max() < -5
    assert np.abs(mesh.morphs_mm[mesh.morph_names.index("browInnerUp")][tongue]).max() < 1e-3


def test_the_texture_has_teeth_gums_and_darkness(shipped, rig):
    picture = rig.mouth_texture
    data = shipped.data
    place = np.clip(inside_uv(data.uv) * 512, 0, 511).astype(int)
    colour = picture[place[:, 1], place[:, 0]]
    front = data.mean_mm[:, 2] > 100
    teeth = colour[data.regions["teeth"] & front].mean(axis=0)
    gums = colour[rig.mouth.inside & ~data.regions["teeth"] & front].mean(axis=0)
    throat = colour[rig.mouth.inside & (data.mean_mm[:, 2] < 25)].mean(axis=0)
    assert teeth.min() > 0.2
    assert gums[0] > 2 * gums[1]
    assert throat.max() < 0.05


def test_places_in_the_textures_lead_there_and_back():
    places = torch.rand(50, 2, generator=torch.Generator().manual_seed(1)).numpy()
    assert np.abs(inside_uv(outside_uv(places)) - places).max() < 1e-6


def test_light_is_in_the_texture():
    half = np.full((1, 1, 3), 0.5)
    assert_array_equal(shaded(half, np.ones(3))[0, 0], (188, 188, 188))
    assert_array_equal(shaded(half, np.array((2.0, 1.0, 0.0)))[0, 0], (255, 188, 0))
