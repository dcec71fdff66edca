"""Labels, skin and packs of views: pictures of known heads come back as what they are."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from view_packs import HEADS, drawn_views

from monoface.core.errors import ConfigError
from monoface.data.labelling.pseudo_labels import TEACHER_SET
from monoface.data.labelling.view_labels import ViewLabelConfig, ViewLabeller
from monoface.data.labelling.view_photos import DecodedLater, ViewPhotos
from monoface.data.labelling.view_skin import seen_from
from monoface.data.packs.photo_pack import FACE_PX
from monoface.data.packs.view_pack import MATCHED, VIEW_CANVAS_PX, VIEW_FACE_PX, VIEWS, ViewPack
from monoface.data.profiling.turned_view_pack import TurnedViewsConfig, turned_views
from monoface.data.recipes import view_recipe
from monoface.data.recipes.view_frames import label_views
from monoface.data.recipes.view_recipe import ViewRecipeConfig, build_view_packs
from monoface.data.recipes.view_triplets import TripletConfig
from monoface.facemodel import CoefficientLayout
from monoface.facemodel.landmarks import JAW17
from monoface.geometry.rotations import angle_between, camera_to_head, head_angles_from_matrix
from monoface.networks import FaceParser, ParserConfig, save_parser

MARGIN_PX = (VIEW_CANVAS_PX - VIEW_FACE_PX) / 2


@pytest.fixture(scope="module")
def drawn(face_model) -> ViewPack:
    calm = replace(HEADS, heads=replace(HEADS.heads, count=2, active=1.0, pitch_deg=4.0, roll_deg=4.0))
    return drawn_views(face_model, calm)


@pytest.fixture(scope="module")
def photos(drawn) -> ViewPhotos:
    """The canvases as photos, with boxes that are somewhat wrong."""
    boxes = np.tile(np.array([8.0, 20.0, 260.0, 272.0]), (len(drawn.frames), 1))
    group = np.repeat(np.arange(len(drawn)), VIEWS)
    images = DecodedLater(lambda row: drawn.frames.canvases[row], range(len(drawn.frames)))
    return ViewPhotos("drawn", images, boxes, group, {})


@pytest.fixture(scope="module")
def labeller(face_model) -> ViewLabeller:
    return ViewLabeller(face_model, ViewLabelConfig())


@pytest.fixture(scope="module")
def labelled(photos, face_model, labeller, tmp_path_factory) -> ViewPack:
    config = TripletConfig(min_gap_deg=2, max_gap_deg=60)
    return label_views(photos, face_model, labeller, config, 0, tmp_path_factory.mktemp("scratch"))


def rotations(model, outputs):
    return CoefficientLayout.of(model).decode(torch.from_numpy(outputs), FACE_PX)[0].rotation


def test_the_faces_are_found_again(drawn, labelled, face_model):
    assert np.isfinite(labelled.frames.outputs).all()
    turns = angle_between(
        rotations(face_model, labelled.frames.outputs), rotations(face_model, drawn.frames.outputs)
    )
    assert torch.rad2deg(turns).mean() < 8
    # The canvases were photos of 280 pixels whose middle 224 are the crop: they are cut out again.
    found, true = labelled.frames.points_px[TEACHER_SET], drawn.frames.points_px[TEACHER_SET]
    distance = np.linalg.norm(found - true, axis=-1)
    assert np.isfinite(distance).mean() > 0.6
    assert np.nanmean(distance) < 0.04 * VIEW_FACE_PX


def test_views_of_one_head_go_together_with_the_target_in_the_middle(labelled):
    assert labelled.views.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert set(labelled.gate.tolist()) <= {1, MATCHED}


def test_views_of_unlike_expressions_are_not_compared(photos, face_model, labeller, tmp_path):
    strict = TripletConfig(min_gap_deg=2, max_gap_deg=60, max_expression_mm=0.0)
    assert label_views(photos, face_model, labeller, strict, 0, tmp_path).gate.tolist() == [0, 0]


def test_skin_is_the_narrow_face(drawn, labelled):
    # What is drawn as the face's own surface contains the narrow face, but for inexact labels.
    inside = labelled.skin > 127
    assert 0.1 < inside.mean() < 0.5
    assert (drawn.skin[inside] > 127).mean() > 0.85


class AllIsSkin:
    digest = "all"

    def __call__(self, image):
        return torch.ones(len(image), *image.shape[-2:])


def test_a_network_finds_skin_within_crops_and_photos(photos, face_model, labeller, tmp_path):
    found = label_views(photos, face_model, labeller, TripletConfig(), 0, tmp_path, AllIsSkin())
    border = int(MARGIN_PX)
    assert (found.skin[:, :border] == 0).all()
    middle = found.skin[:, VIEW_CANVAS_PX // 2, VIEW_CANVAS_PX // 2]
    assert (middle == 255).all()


def test_annotated_masks_are_cut_out_with_the_photos(photos, drawn, face_model, labeller, tmp_path):
    masks = [(canvas[..., 0] > 100).astype(np.uint8) * 255 for canvas in drawn.frames.canvases]
    found = label_views(replace(photos, skin=masks), face_model, labeller, TripletConfig(), 0, tmp_path)
    bright = found.frames.canvases[..., 0].astype(int)
    sure = np.abs(bright - 100) > 30
    agree = (found.skin > 127) == (bright > 100)
    # Photos are black beyond their borders, and masks are nothing there.
    assert agree[sure].mean() > 0.98


def test_turned_photos_are_seen_from_the_side_that_they_say(photos, face_model, labeller):
    config = TurnedViewsConfig(gap_deg=(20.0, 20.0), pitch_deg=0.0, max_error_percent=4.0)
    pack = turned_views(photos, face_model, labeller, config, 0)
    assert len(pack) >= 1
    yaw, _, _ = head_angles_from_matrix(camera_to_head(rotations(face_model, pack.frames.outputs)))
    gaps = torch.rad2deg(yaw).unflatten(0, (-1, VIEWS)).diff(dim=1)
    assert ((gaps - 20).abs() < 2.5).all()
    assert pack.name == "drawn_turned"
    # A nose at 20 degrees more yaw moves left of where it was.
    nose = pack.frames.points_px["ibug68"][:, 30, 0].reshape(-1, VIEWS)
    assert (np.diff(nose, axis=1) < 0).all()


def test_a_view_shows_nothing_of_the_other_side(face_model):
    outputs = np.zeros((1, CoefficientLayout.of(face_model).size), np.float32)
    own = rotations(face_model, outputs)
    behind = own @ torch.diag(torch.tensor([-1.0, 1.0, -1.0]))
    assert seen_from(face_model, outputs, own).mean() > 0.2
    assert seen_from(face_model, outputs, behind).mean() < 0.02


def test_packs_are_made_once(face_model, tmp_path):
    recipe = ViewRecipeConfig(
        sources=(),
        turned=TurnedViewsConfig(count=0),
        heads=replace(HEADS, heads=replace(HEADS.heads, count=1)),
    )
    told: list[str] = []
    for _ in range(2):
        packs = build_view_packs(tmp_path, tmp_path / "packs", face_model, recipe, told.append)
    assert [pack.name for pack in packs] == ["heads"]
    assert (
        told[0]
        == told[1]
        == "heads: 1 samples, 3 pictures; 1 with matched landmarks, 0 seen together, 0 single views"
    )
    made = (tmp_path / "packs" / "heads" / "skin.npy").stat().st_mtime_ns
    other = replace(recipe, heads=replace(recipe.heads, tilt_deg=1.0))
    build_view_packs(tmp_path, tmp_path / "packs", face_model, other, told.append)
    assert (tmp_path / "packs" / "heads" / "skin.npy").stat().st_mtime_ns > made


def test_another_parser_makes_packs_anew(photos, face_model, tmp_path, monkeypatch):
    monkeypatch.setattr(view_recipe, "folder_views", lambda *_: photos)
    recipe = ViewRecipeConfig(
        sources=(),
        folders={tmp_path / "drawn": "strips"},
        turned=TurnedViewsConfig(count=0),
        heads=replace(HEADS, heads=replace(HEADS.heads, count=0)),
    )
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        path = tmp_path / "parser.safetensors"
        save_parser(FaceParser(ParserConfig(size_px=32, widths=(4, 4, 8, 8), deep_blocks=1)), path)
        other = replace(recipe, parser=str(path))
        packs = build_view_packs(tmp_path, tmp_path / "packs", face_model, other, lambda line: None)
        found.append(np.array(packs[0].skin))
    assert not np.array_equal(*found)
    # Random parsers say something between nothing and all of any pixel; fitted faces do not.
    assert 0 < np.median(found[0][:, 140, 140]) < 255
    fitted = replace(recipe, parser=None)
    packs = build_view_packs(tmp_path, tmp_path / "packs", face_model, fitted, lambda line: None)
    assert set(np.unique(packs[0].skin)) == {0, 255}


def test_impossible_recipes_are_refused():
    with pytest.raises(ConfigError, match="held_out_people of at least 1"):
        ViewRecipeConfig(held_out_people=0)
    with pytest.raises(ConfigError, match="range of gaps"):
        TurnedViewsConfig(gap_deg=(30.0, 10.0))


def test_real_people_who_are_held_out_are_in_no_pack(data_dir):
    from monoface.data.recipes.view_sources import fasseg_views, ytf_views
    from monoface.data.sources import Fasseg, Ytf
    from monoface.data.sources.registry import held_out_fasseg

    ytf, views = Ytf(data_dir / "ytf"), ytf_views(data_dir / "ytf", 10)
    people = np.unique(ytf.person)
    assert len(views) == (~np.isin(ytf.person, people[::10])).sum()
    fasseg = Fasseg(data_dir / "fasseg")
    held_out = held_out_fasseg(fasseg, 4)
    assert len(np.unique(fasseg.person[held_out])) == 4
    assert fasseg.person[held_out].min() > fasseg.person[~held_out].max()
    series = fasseg_views(data_dir / "fasseg", 4)
    assert len(series) == ((fasseg.person >= 0) & ~held_out).sum()


def test_outlines_go_with_their_photos_and_say_nothing_about_labels(
    photos, labelled, face_model, labeller, tmp_path
):
    nowhere = np.full((len(photos), 17, 2), 5000.0, np.float32)
    nowhere[0] = 100.0
    outlined = replace(photos, points_px={JAW17: nowhere}, trusted=True)
    pack = label_views(outlined, face_model, labeller, TripletConfig(2, 60), 0, tmp_path)
    assert np.array_equal(pack.frames.outputs, labelled.frames.outputs)
    found = pack.frames.points_px[JAW17]
    # Cut out with the photo: within its canvas of 280 pixels, and all at one place.
    assert np.ptp(found[0], axis=0).max() < 1e-3
    assert 0 < found[0].min() < found[0].max() < VIEW_CANVAS_PX
