"""Batches of views: views of a sample are cropped alike, and everything known moves with the pixels."""

import dataclasses
from types import SimpleNamespace

import pytest
import torch
from torch.testing import assert_close
from view_packs import HEADS, drawn_views, without_labels

from monoface.core.errors import ConfigError, DataError
from monoface.data.batches.augment import AugmentConfig
from monoface.data.batches.view_batch import MultiViewBatchMaker, ViewAugmentConfig
from monoface.data.packs.photo_pack import Pack
from monoface.data.packs.view_pack import VIEW_CANVAS_PX, VIEW_FACE_PX, VIEWS, ViewPack
from monoface.facemodel import CoefficientLayout
from monoface.facemodel.fitting import project_points
from monoface.facemodel.mirroring import mirror_order
from monoface.geometry.cameras import transform_points
from monoface.geometry.rotations import camera_to_head, head_angles_from_matrix
from monoface.geometry.triangles import vertex_normals
from monoface.shading import ambient_light, sh_irradiance

SETS = ("facemesh468", "ibug68")
CROP_PX = 96
WHITE = ambient_light(torch.full((3,), 3.0))


@pytest.fixture(scope="module")
def pack(head):
    return drawn_views(head)


def made(head, packs, augment, **options):
    return MultiViewBatchMaker(
        packs, {pack.name: 1.0 for pack in packs}, head, SETS, crop_px=CROP_PX, augment=augment, **options
    )


def geometry(head, batch):
    """Coefficients and cameras of all views, one after the other."""
    layout = CoefficientLayout.of(head)
    return layout.decode(batch.outputs[..., : layout.size].flatten(0, 1), CROP_PX)


@pytest.mark.parametrize("mirror", [0.0, 1.0])
def test_coefficients_still_project_on_to_the_moved_landmarks(head, pack, mirror):
    strong = AugmentConfig(turn_deg=30, scale=0.2, shift=0.1, mirror=mirror)
    # So far away that perspective is weak.
    off = dataclasses.replace(HEADS.heads, focal_per_size=(1e4, 1e4))
    far = drawn_views(head, dataclasses.replace(HEADS, heads=off))
    batch = made(head, [far], ViewAugmentConfig(crops=strong)).sample(0, 1, 5)
    projected = project_points(head.subset(head.landmarks("ibug68")), *geometry(head, batch))
    assert_close(projected, batch.points_px["ibug68"].flatten(0, 1), rtol=0, atol=0.05)
    assert batch.labelled.all()


def test_views_of_a_sample_are_turned_scaled_and_mirrored_alike(head, pack):
    plain, moved = (
        made(head, [pack], augment).sample(0, 4, 8)
        for augment in (None, ViewAugmentConfig(crops=AugmentConfig(mirror=0.5, tumble=0.3)))
    )
    scale = geometry(head, moved)[1].scale_px_per_mm / geometry(head, plain)[1].scale_px_per_mm
    by_sample = scale.unflatten(0, (8, VIEWS))
    assert_close(by_sample, by_sample[:, :1].expand(-1, VIEWS))
    assert by_sample.std() > 0.01

    def yaws(batch):
        head_rotation = camera_to_head(geometry(head, batch)[0].rotation)
        return head_angles_from_matrix(head_rotation)[0].unflatten(0, (8, VIEWS))

    assert (yaws(plain).diff(dim=1) > 0).all()


def test_mirroring_flips_all_views_and_the_skin_with_them(head, pack):
    still = AugmentConfig(
        turn_deg=0, tumble=0, scale=0, shift=0, mirror=1, colour=0, blur=0, cover=0, noise=0
    )
    plain = made(head, [pack], None).sample(0, 2, 4)
    mirrored = made(head, [pack], ViewAugmentConfig(crops=dataclasses.replace(still, grey=0))).sample(0, 2, 4)
    assert_close(mirrored.image, plain.image.flip(-1), rtol=0, atol=0.02)
    assert_close(mirrored.skin, plain.skin.flip(-1), rtol=0, atol=0.02)
    flipped = plain.points_px["ibug68"][..., mirror_order(head, "ibug68"), :]
    expected = flipped * torch.tensor([-1.0, 1.0]) + torch.tensor([float(CROP_PX), 0.0])
    assert_close(mirrored.points_px["ibug68"], expected, rtol=0, atol=1e-3)


def test_skin_is_where_the_face_is_drawn(head, pack):
    batch = made(head, [pack], None).sample(0, 1, 4)
    assert batch.skin.amin() >= 0
    assert batch.skin.amax() <= 1
    nose = batch.points_px["ibug68"][..., 30, :].long()
    sample, view = torch.meshgrid(torch.arange(4), torch.arange(VIEWS), indexing="ij")
    assert (batch.skin[sample, view, nose[..., 1], nose[..., 0]] > 0.9).all()
    assert (batch.skin[..., 0, 0] < 0.5).any()


def test_what_covers_a_view_is_no_skin(head, pack):
    covering = AugmentConfig(turn_deg=0, tumble=0, scale=0, shift=0, mirror=0, cover=1.0, colour=0, noise=0)
    plain = made(head, [pack], None).sample(0, 3, 6)
    batch = made(head, [pack], ViewAugmentConfig(crops=dataclasses.replace(covering, blur=0))).sample(0, 3, 6)
    changed = (batch.image - plain.image).abs().amax(dim=2) > 0.02
    assert changed.any()
    assert (batch.skin[changed] == 0).all()
    hidden = (plain.skin > 0.5) & (batch.skin == 0)
    assert (hidden.flatten(2).any(dim=2).float().sum(dim=1) > 0).any()


def test_light_and_albedo_come_after_the_geometry_and_follow_the_crop(head, pack):
    strong = ViewAugmentConfig(crops=AugmentConfig(turn_deg=40, mirror=0.5))
    maker = made(head, [pack], strong, white_light=WHITE)
    batch = maker.sample(0, 5, 6)
    size = CoefficientLayout.of(head).size
    assert batch.outputs.shape[-1] == size + head.albedo_size + 27
    assert batch.lit.all()
    coefficients, _ = geometry(head, batch)
    light = batch.outputs[..., -27:].reshape(-1, 9, 3) + WHITE
    verts = head.shape(coefficients.identity, coefficients.expression)
    placed = transform_points(coefficients.rotation, coefficients.translation_mm, verts)
    normals = vertex_normals(placed, head.faces, head.weld)
    by_sample = sh_irradiance(normals, light).unflatten(0, (6, VIEWS))
    # The light stands still in the head's frame: every vertex is lit alike in all views.
    assert_close(by_sample[:, 0], by_sample[:, 1], rtol=1e-2, atol=1e-2)
    assert_close(by_sample[:, 2], by_sample[:, 1], rtol=1e-2, atol=1e-2)


def test_pictures_of_known_light_keep_their_colours_and_others_share_new_ones(head, pack):
    unknown = without_labels(pack)
    recolour = AugmentConfig(
        turn_deg=0, tumble=0, scale=0, shift=0, mirror=0, colour=0.5, grey=0, blur=0, cover=0, noise=0
    )
    augment = ViewAugmentConfig(crops=recolour)
    for one, changed in ((pack, False), (unknown, True)):
        plain, coloured = (made(head, [one], how).sample(0, 1, 4) for how in (None, augment))
        assert bool(((coloured.image - plain.image).abs() > 0.02).any()) == changed
    ratio = (coloured.image.clamp(0.05, 0.95) / plain.image.clamp(0.05, 0.95)).mean(dim=(-1, -2))
    own = made(head, [unknown], dataclasses.replace(augment, own_colours=True)).sample(0, 1, 4)
    own_ratio = (own.image.clamp(0.05, 0.95) / plain.image.clamp(0.05, 0.95)).mean(dim=(-1, -2))
    assert ratio.std(dim=1).mean() < own_ratio.std(dim=1).mean() / 2


def test_unknown_coefficients_are_zeros_that_are_said_to_be_unknown(head, pack):
    batch = made(head, [without_labels(pack)], None, white_light=WHITE).sample(0, 1, 4)
    assert not batch.labelled.any()
    assert not batch.lit.any()
    size = CoefficientLayout.of(head).size
    assert (batch.outputs[..., size:] == 0).all()
    assert set(batch.gate.tolist()) <= {0, 1}


def test_parts_and_rows_are_those_of_the_whole(head, pack):
    maker = made(head, [pack, without_labels(pack)], ViewAugmentConfig())
    whole = maker.sample(3, 9, 6)
    part = maker.sample(3, 9, 6, slice(2, 4))
    assert len(part) == 2
    assert_close(part.image, whole.image[2:4], rtol=0, atol=0)
    chosen = whole[torch.tensor([2, 3])].to(torch.device("cpu"))
    for field in dataclasses.fields(part):
        assert_close(
            getattr(part, field.name), getattr(chosen, field.name), rtol=1e-6, atol=1e-6, equal_nan=True
        )
    assert not torch.equal(maker.sample(3, 10, 6).image, whole.image)


def test_shares_and_canvases_are_checked(head, pack):
    with pytest.raises(ConfigError, match="no pack is called clips"):
        MultiViewBatchMaker([pack], {"clips": 1.0}, head, SETS)
    small = dataclasses.replace(
        pack, frames=Pack("small", pack.frames.canvases[:, :100, :100], {}, pack.frames.outputs, 80)
    )
    with pytest.raises(DataError, match="canvases and crops of one size"):
        MultiViewBatchMaker([pack, small], {"heads": 1.0, "small": 1.0}, head, SETS)


def test_packs_come_back_from_the_disk(pack, tmp_path):
    pack.save(tmp_path / "heads", "recipe")
    again = ViewPack.load(tmp_path / "heads", "recipe")
    assert again.frames.face_px == VIEW_FACE_PX
    assert again.frames.canvas_px == VIEW_CANVAS_PX
    for name in ("skin", "albedo", "light", "views", "gate"):
        assert (getattr(again, name) == getattr(pack, name)).all(), name
    with pytest.raises(DataError, match="another recipe"):
        ViewPack.load(tmp_path / "heads", "other")
    (tmp_path / "heads" / "skin.npy").write_bytes(b"")
    with pytest.raises(DataError, match="damaged"):
        ViewPack.load(tmp_path / "heads")


def test_packs_that_do_not_fit_together_are_refused(pack):
    with pytest.raises(DataError, match="views among its 9 frames"):
        dataclasses.replace(pack, views=pack.views + 1)
    # The tests' shape checks would refuse the others before they could.
    short = SimpleNamespace(**{**vars(pack), "skin": pack.skin[:8], "name": "heads"})
    with pytest.raises(DataError, match="expected 9 rows in skin, got 8"):
        ViewPack.__post_init__(short)
    gates = SimpleNamespace(**{**vars(pack), "gate": pack.gate[:1], "name": "heads"})
    with pytest.raises(DataError, match="3 rows in gate, got 1"):
        ViewPack.__post_init__(gates)
