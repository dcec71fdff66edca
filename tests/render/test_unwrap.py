import numpy as np
import pytest
import torch
from torch.testing import assert_close
from with_tensors import with_tensors

from monoface import render
from monoface.geometry.rotations import matrix_from_axis_angle
from monoface.raster import interpolate, rasterize, texture
from monoface.render import TextureLayout, TextureMap, project

SIZE = (200, 260)
complete_texture, unwrap_photo = map(with_tensors, (render.complete_texture, render.unwrap_photo))


@pytest.fixture(scope="module")
def layout(head):
    _, faces, uv, _ = head
    return TextureLayout.from_mesh(faces, uv, 256)


@pytest.fixture
def smooth_texture(rng):
    """A symmetric texture without fine detail."""
    small = torch.rand(1, 3, 12, 12, generator=rng) * 0.6 + 0.2
    small = (small + small.flip(3)) / 2
    return torch.nn.functional.interpolate(small, size=(256, 256), mode="bicubic", align_corners=False)[0]


def turned(verts, yaw, distance=0.0):
    rotation = matrix_from_axis_angle(torch.tensor((0.0, yaw, 0.0)))
    return verts @ rotation.T + torch.tensor((0.0, 0.0, distance))


def picture(camera, verts, head, image, perspective):
    _, faces, uv, _ = head
    fragments = rasterize(project(camera, verts[None]), faces, SIZE, perspective=perspective)
    colours = texture(image[None], interpolate(uv[None], faces, fragments))
    photo = torch.where(fragments.mask[..., None], colours, torch.tensor((0.1, 0.9, 0.2)))
    return photo[0].movedim(-1, 0), fragments


@pytest.fixture(params=["weak", "pinhole"])
def view(request, head, smooth_texture, weak_camera, pinhole):
    """A photo of the head turned to one side: camera, vertices, photo and what lies behind its pixels."""
    perspective = request.param == "pinhole"
    camera = pinhole(SIZE, 400) if perspective else weak_camera(SIZE, 0.8)
    verts = turned(head[0], 0.5, 500.0)
    return camera, verts, *picture(camera, verts, head, smooth_texture, perspective)


def completed_texture(texture, layout, fill, share=None):
    """The completed texture as a tensor in [0, 1]."""
    return complete_texture(texture, layout, fill, share).float() / 255


def test_unwrapped_then_rendered_is_the_photo(view, head, layout):
    camera, verts, photo, fragments = view
    unwrapped = unwrap_photo(photo, camera, verts, layout, weld=head[3])
    maps = torch.cat((unwrapped.image, unwrapped.weight[..., None]), dim=-1).movedim(-1, 0)
    again = texture(maps[None], interpolate(head[2][None], head[1], fragments))[0]
    surely = (again[..., 3] > 0.999) & fragments.mask[0]
    assert surely.sum() > 0.5 * fragments.mask.sum()
    error = (again[..., :3] - photo.movedim(0, -1))[surely].abs()
    assert error.mean() < 1 / 255


def test_weights_say_what_the_photo_shows(view, head, layout):
    camera, verts, photo, _ = view
    unwrapped = unwrap_photo(photo, camera, verts, layout, weld=head[3])
    normals = torch.nn.functional.normalize(layout.from_vertices(verts - verts.mean(dim=0)), dim=-1)
    assert (unwrapped.weight[normals[..., 2] > 0.3] == 0).all()
    assert (unwrapped.weight[normals[..., 2] < -0.95] > 0.99).all()
    assert (unwrapped.image[unwrapped.weight == 0] >= 0).all()
    assert unwrapped.weight.min() >= 0
    assert unwrapped.weight.max() <= 1


def test_completed_it_is_the_texture_all_over_the_front(view, head, layout, smooth_texture):
    camera, verts, photo, _ = view
    unwrapped = unwrap_photo(photo, camera, verts, layout, weld=head[3])
    fill = torch.full((len(verts), 3), 0.5)
    completed = completed_texture(unwrapped, layout, fill)
    # Turned by half a radian the photo shows what the other side, mirrored, lacks.
    middle = slice(64, 192)
    error = (completed - smooth_texture.movedim(0, -1))[middle, middle].abs()
    assert error.mean() < 0.02
    assert error.max() < 0.2


def test_a_darker_photo_of_one_side_leaves_no_seam(head, layout):
    # One half is seen; the fill is grey, the photo everywhere brighter by a smooth amount.
    size = layout.size
    ramp = torch.linspace(0.1, 0.3, size)[None, :, None].expand(size, size, 3)
    weight = torch.zeros(size, size)
    weight[:, : size // 2 + 8] = 1
    seen = TextureMap((0.4 + ramp) * (weight > 0)[..., None], weight)
    completed = completed_texture(seen, layout, torch.full((len(head[0]), 3), 0.4))
    steps = (completed[:, 1:] - completed[:, :-1]).abs()
    assert steps.max() < 0.01 + 1 / 255


def test_nothing_seen_gives_the_fill(head, layout):
    size = layout.size
    nothing = TextureMap(torch.zeros(size, size, 3), torch.zeros(size, size))
    fill = torch.linspace(0, 1, len(head[0]))[:, None].repeat(1, 3)
    completed = completed_texture(nothing, layout, fill)
    expected = layout.from_vertices(fill)[layout.mask]
    assert_close(completed[layout.mask], expected, rtol=0, atol=0.51 / 255)


def test_unusable_triangles_keep_the_fill(head, weak_camera, rng):
    verts, faces, uv, weld = head
    usable = torch.ones(len(faces), dtype=torch.bool)
    usable[::3] = False
    layout = TextureLayout.from_mesh(faces, uv, 64, usable=usable, mirrored=False)
    fill = torch.full((len(verts), 3), 0.25)
    unwrapped = unwrap_photo(
        torch.rand(3, *SIZE, generator=rng), weak_camera(SIZE, 0.8), verts, layout, weld=weld
    )
    completed = completed_texture(unwrapped, layout, fill)
    kept = layout.mask & ~usable[layout.face_index.long().clamp_min(0)]
    assert (unwrapped.weight[kept] == 0).all()
    assert_close(completed[kept], torch.full((int(kept.sum()), 3), 64 / 255))


def test_differences_end_where_their_share_does(head, layout):
    # Bright everywhere in the photo, dark in the fill; the share falls from the front to the back.
    size = layout.size
    seen = TextureMap(torch.full((size, size, 3), 0.8), torch.ones(size, size))
    share = ((100 - head[0][:, 2]) / 200).clamp(0, 1)
    completed = completed_texture(seen, layout, torch.full((len(share), 3), 0.2), share)
    expected = 0.2 + 0.6 * layout.from_vertices(share[:, None])
    assert_close(completed[layout.mask], expected.expand(-1, -1, 3)[layout.mask], rtol=0, atol=0.51 / 255)


def test_weights_are_scaled_by_trust(view, head, layout):
    camera, verts, photo, _ = view
    trust = torch.linspace(0, 1, len(verts))
    plain = unwrap_photo(photo, camera, verts, layout, weld=head[3])
    scaled = unwrap_photo(photo, camera, verts, layout, weld=head[3], trust=trust)
    expected = plain.weight * layout.from_vertices(trust[:, None])[..., 0]
    assert_close(scaled.weight, expected, rtol=0, atol=1 / 255)


def test_texels_between_charts_repeat_the_nearest_one():
    uv = torch.tensor(((0.1, 0.1), (0.1, 0.9), (0.6, 0.5)))
    layout = TextureLayout.from_mesh(torch.tensor(((0, 1, 2),)), uv, 32)
    rows, columns = torch.meshgrid(torch.arange(32), torch.arange(32), indexing="ij")
    flat = layout.nearest.long().reshape(32, 32)
    distance = (flat // 32 - rows).float().hypot((flat % 32 - columns).float())
    on_chart = layout.mask.nonzero().float()
    exact = torch.cdist(torch.stack((rows, columns), dim=-1).reshape(-1, 2).float(), on_chart).amin(dim=1)
    assert_close(distance.flatten(), exact)
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    padded = image.copy()
    layout.pad(padded)
    np.testing.assert_array_equal(padded.reshape(-1, 3), image.reshape(-1, 3)[flat.flatten()])
    assert (flat[layout.mask] == (32 * rows + columns)[layout.mask]).all()


def test_positions_as_a_texture(head, layout):
    verts = head[0]
    positions = layout.from_vertices(verts)
    # The middle of the texture is the front of the head, its first row the top.
    assert_close(positions[128, 128], verts[24 * 65 + 32], rtol=0, atol=3.0)
    assert_close(positions[0, 128], verts[0], rtol=0, atol=3.0)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3000, 2)])
def test_photos_of_any_shape_are_read(head, layout, weak_camera, size):
    verts, _, _, weld = head
    unwrapped = unwrap_photo(torch.full((3, *size), 0.5), weak_camera(size, 0.8), verts, layout, weld=weld)
    assert unwrapped.image.isfinite().all()


def test_photos_finer_than_the_texture_are_averaged(head, weak_camera, rng):
    verts, faces, uv, weld = head
    layout = TextureLayout.from_mesh(faces, uv, 32)
    noise = torch.rand(3, 800, 800, generator=rng)
    unwrapped = unwrap_photo(noise, weak_camera((800, 800), 4.0), verts, layout, weld=weld)
    assert unwrapped.image[unwrapped.weight > 0.9].std() < 0.5 * noise.std()


def test_a_head_outside_the_photo_gives_nothing(head, layout, weak_camera):
    verts, _, _, weld = head
    far = verts + torch.tensor((5000.0, 0.0, 0.0))
    unwrapped = unwrap_photo(torch.rand(3, *SIZE), weak_camera(SIZE, 0.8), far, layout, weld=weld)
    assert (unwrapped.weight == 0).all()


def test_sizes_that_are_no_multiple_of_a_block_are_refused(head):
    with pytest.raises(ValueError, match="positive multiple of 16 texels, got 100"):
        TextureLayout.from_mesh(head[1], head[2], 100)
