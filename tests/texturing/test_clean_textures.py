"""Clean textures: skin only where skin was seen, the rest filled by skin of the same tone and grain."""

import numpy as np
import pytest
from PIL import Image

from monoface import Reconstructor, ReconstructorConfig
from monoface.facemodel.parts import skin_verts
from monoface.geometry.cameras import WeakPerspectiveCamera
from monoface.metrics.colour_difference import linear_to_lab
from monoface.render import TextureLayout, TextureMap
from monoface.shading import srgb_to_linear
from monoface.texturing.filling import ColourSpreader
from monoface.texturing.grain import synthesised_grain
from monoface.texturing.guide import SkinGuide
from monoface.texturing.placed_mesh import PlacedMesh
from monoface.texturing.trusting import without_strands
from monoface.texturing.zones import SkinZones, distance_to

SIZE = 256
TONE = np.array((0.8, 0.6, 0.5), np.float32)


@pytest.fixture(scope="module")
def model(face_model):
    return face_model.in_numpy()


@pytest.fixture(scope="module")
def zones(model):
    return SkinZones.of(model)


@pytest.fixture(scope="module")
def layout(model):
    return TextureLayout.from_mesh(model.faces, model.uv, SIZE)


def texel_of(model, layout, point_mm):
    """Row and column of the skin nearest to a point of the mean head."""
    skin = np.flatnonzero(skin_verts(model.data))
    vert = skin[np.linalg.norm(model.mean_mm[skin] - point_mm, axis=1).argmin()]
    column, row = (model.uv[vert] * SIZE).astype(int).clip(0, SIZE - 1)
    return np.divmod(layout.nearest[row * SIZE + column], SIZE)


def test_distances_are_those_to_the_nearest():
    points = np.array(((0, 0, 0), (3, 4, 0), (0, 0, 7)), np.float32)
    np.testing.assert_allclose(distance_to(points, np.array((True, False, False))), (0, 5, 7), atol=1e-3)
    assert (distance_to(points, np.zeros(3, bool)) > 1e5).all()


def test_photos_end_at_the_hair_line_and_under_the_chin(model, zones):
    points = model.landmarks("ibug68").points(model.mean_mm[None])[0]
    back = zones.skin & (model.mean_mm[:, 2] < points[:, 2].min() - 20)
    assert back.sum() > 100
    assert not zones.photo[back].any()
    under = zones.skin & (model.mean_mm[:, 1] < points[8, 1] - 9)
    assert not zones.photo[under].any()
    nose = np.linalg.norm(model.mean_mm - points[30], axis=1) < 10
    assert (zones.photo[nose] == 1).all()


def test_strands_before_the_forehead_are_left_out_and_moles_are_not(model, zones, layout):
    points = model.landmarks("ibug68").points(model.mean_mm[None])[0]
    forehead = texel_of(model, layout, points[27] + (0, 45, -5))
    cheek = texel_of(model, layout, (points[36] + points[48]) / 2)
    image, weight = np.full((SIZE, SIZE, 3), TONE, np.float32), np.ones((SIZE, SIZE), np.float32)
    for row, column in (forehead, cheek):
        image[row, column] = 0.5 * TONE
    kept = without_strands(TextureMap(image, weight), layout, np.tile(TONE, (len(model.mean_mm), 1)), zones)
    assert kept.weight[forehead] < 0.05
    assert kept.weight[cheek] == 1
    assert kept.weight.sum() > SIZE**2 - 3
    assert (weight == 1).all()


def test_light_goes_on_beside_the_face_and_hues_do_not(model, zones):
    """A face that is brighter, and redder, than expected at the person's left."""
    guide, left = SkinGuide(model, zones, ColourSpreader(model)), model.mean_mm[:, 0] > 0
    expected = np.tile(TONE, (len(left), 1))
    shown = expected + np.where(left[:, None], np.float32((0.12, 0.04, 0.04)), 0).astype(np.float32)
    camera = WeakPerspectiveCamera(np.ones(1, np.float32), np.zeros((1, 2), np.float32))
    mesh = PlacedMesh(np.zeros((3, 4, 4), np.float32), camera, model.mean_mm, model)
    # What a photo would show, as if it had been sampled.
    mesh.__dict__["coarse_colours_srgb"] = shown
    made = guide.colours(expected, mesh, np.ones(len(left), np.float32))
    ears = model.data.regions["ears"]
    brighter = made[ears & left].mean(axis=0) / TONE
    assert brighter.min() > 1.03
    assert np.ptp(brighter) < 0.03
    np.testing.assert_allclose(made[ears & ~left].mean(axis=0), TONE, atol=0.015)
    # The back of the head has one tone.
    farthest = zones.skin & (zones.light == 0)
    np.testing.assert_allclose(made[farthest], expected[farthest], atol=1e-6)


@pytest.mark.parametrize("deviation", [0.004, 0.05])
def test_grain_is_as_strong_as_what_is_seen_within_a_bound(deviation):
    image = TONE + deviation * np.random.default_rng(1).standard_normal((SIZE, SIZE, 1)).astype(np.float32)
    shown = TextureMap(np.repeat(image, 3, axis=-1)[..., :3], np.ones((SIZE, SIZE), np.float32))
    made = synthesised_grain(shown, np.ones((SIZE, SIZE), bool)).std(axis=(0, 1))
    # The blur takes a part of the noise away; what is left is never more than 3 of 255.
    assert (made > min(0.5 * deviation, 0.9 * 3 / 255)).all()
    assert (made < min(1.1 * deviation, 1.01 * 3 / 255)).all()


def test_without_skin_in_view_grain_is_the_usual_one():
    nothing = TextureMap(np.zeros((SIZE, SIZE, 3), np.float32), np.zeros((SIZE, SIZE), np.float32))
    made = synthesised_grain(nothing, np.ones((SIZE, SIZE), bool))
    assert 0.5 / 255 < made.std() < 1.3 / 255


def off_tone(texture, zones, layout):
    """Share of scalp, temples, forehead, ears and neck whose chroma is not the face's."""
    places = [
        layout.mask & verts[layout.faces].all(axis=1)[layout.face_index]
        for verts in (zones.skin & (zones.rim > 0.9) & (zones.features == 0), zones.plain)
    ]
    chroma = linear_to_lab(srgb_to_linear(texture.astype(np.float32) / 255))[..., 1:]
    middle = np.median(chroma[places[1]], axis=0)
    return float((np.linalg.norm(chroma - middle, axis=-1) > 12)[places[0]].mean())


def test_a_scarf_stays_out_of_clean_textures(repository, zones, layout):
    photo = np.asarray(Image.open(repository / "examples" / "astronaut.png").convert("RGB"))[:256, 96:352]
    photo = photo.copy()
    photo[30:84] = (20, 40, 160)
    shares = {}
    for kind in ("clean", "photo"):
        config = ReconstructorConfig(texture_size=SIZE, texture=kind, max_faces=1, min_confidence=0)
        shares[kind] = off_tone(Reconstructor(config).reconstruct(photo).faces[0].texture, zones, layout)
    assert shares["clean"] < 0.01
    assert shares["photo"] > 0.03
