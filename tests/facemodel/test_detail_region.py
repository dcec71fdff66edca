import pytest

from monoface.facemodel.detail_region import detail_weight


@pytest.fixture(scope="module")
def weight(face_model):
    return detail_weight(face_model)


@pytest.mark.parametrize("region", ["eyes", "lips", "brows", "mouth", "teeth", "ears", "neck", "eye_sockets"])
def test_what_stays_clean_is_not_displaced(face_model, weight, region):
    assert float(weight[face_model.data.regions[region]].max()) == 0


def test_nostrils_stay_clean_and_the_forehead_does_not(face_model, weight):
    points = face_model.landmarks("ibug68").points(face_model.mean_mm[None])[0]
    base = (face_model.mean_mm - points[33]).norm(dim=-1).argmin()
    brow_middle = points[[21, 22]].mean(dim=0)
    forehead = (face_model.mean_mm - brow_middle - brow_middle.new_tensor((0, 25, 0))).norm(dim=-1).argmin()
    assert float(weight[base]) == 0
    assert float(weight[forehead]) > 0.9
    # Up to where hair begins on most heads.
    high = (face_model.mean_mm - brow_middle - brow_middle.new_tensor((0, 50, -10))).norm(dim=-1).argmin()
    assert float(weight[high]) > 0.9


def test_edges_are_smooth_and_both_sides_alike(face_model, weight):
    edges = face_model.faces[:, :2]
    length = (face_model.mean_mm[edges[:, 0]] - face_model.mean_mm[edges[:, 1]]).norm(dim=-1)
    step = (weight[edges[:, 0]] - weight[edges[:, 1]]).abs()
    assert float((step - 0.5 * length).max()) < 0.05
    assert float((weight - weight[face_model.data.mirror]).abs().mean()) < 0.01
    assert float(weight.min()) >= 0
    assert float(weight.max()) <= 1
