"""Albedo textures: what a known light adds to a known albedo is taken off again."""

import numpy as np
import pytest
import torch

from monoface.core.arrays import in_numpy, in_torch
from monoface.displacement.evidence import irradiance
from monoface.geometry.cameras import WeakPerspectiveCamera
from monoface.methods.detail import DetailConfig, Displacer
from monoface.render import TextureLayout
from monoface.render.texture_surface import TextureSurface
from monoface.shading import linear_to_srgb, sh_irradiance
from monoface.texturing.appearance import Appearance
from monoface.texturing.delighting import light_on_relief
from monoface.texturing.delighting import without_light as without_light_in_numpy
from monoface.texturing.texturer import PlacedMesh

SIZE = 96
ALBEDO = torch.tensor((0.5, 0.35, 0.25))


@pytest.fixture(scope="module")
def layout(face_model):
    return TextureLayout.from_mesh(face_model.faces, face_model.uv, SIZE)


@pytest.fixture(scope="module")
def mesh(face_model):
    camera = WeakPerspectiveCamera(torch.ones(1), torch.zeros(1, 2))
    # From the model frame to that of a camera in front.
    verts = face_model.mean_mm * torch.tensor((1.0, -1.0, -1.0))
    return PlacedMesh(*in_numpy((torch.zeros(3, 32, 32), camera, verts)), face_model.in_numpy())


@pytest.fixture(scope="module")
def appearance(face_model):
    light = torch.zeros(9, 3)
    light[0], light[1], light[2] = 3.0, -1.0, -0.8
    return Appearance(np.zeros(face_model.albedo_size, np.float32), light.numpy())


def without_light(texture, mesh, appearance, layout, *more):
    return without_light_in_numpy(texture, mesh, appearance, in_numpy(layout), *more)


def _drawn(linear):
    return (255 * linear_to_srgb(linear.clamp(0, 1))).round().byte().numpy()


def test_the_light_of_the_coarse_face_is_taken_off(layout, mesh, appearance):
    lit = in_torch(sh_irradiance(mesh.normals, appearance.light)) / torch.pi
    texture = _drawn(ALBEDO * layout.from_vertices(lit.clamp_min(0.35 * 3.0 * 0.282095)))
    found = without_light(texture, mesh, appearance, layout)
    expected = _drawn(ALBEDO).astype(int)
    # Steps of 8 bits in what was darkened.
    assert np.abs(found[layout.mask.numpy()].astype(int) - expected).max() <= 3
    assert np.abs(texture[layout.mask.numpy()].astype(int) - expected).max() > 20
    # Between the charts are the colours of the nearest texels on them, so that seams do not show.
    assert np.abs(found.astype(int) - expected).max() <= 3


def test_the_light_on_wrinkles_is_taken_off(face_model, mesh, appearance):
    displacer = Displacer(face_model, DetailConfig(), 128)
    surface = TextureSurface.from_vertices(
        in_torch(mesh.verts_camera)[None], displacer.layout, face_model.uv, face_model.weld
    )
    rows = torch.arange(128)[:, None].expand(128, 128)
    height = 0.8 * (rows * 0.8).sin() * displacer.region
    fine = displacer.normals(height[None], surface)
    lit, coarse = (
        irradiance(normals, in_torch(appearance.light)[None])[0] for normals in (fine, surface.normals)
    )
    light = displacer.layout.from_vertices(in_torch(appearance.irradiance(mesh.normals)))
    shaded = _drawn(ALBEDO * light * torch.where(surface.mask[..., None], lit / coarse, 1))
    on_relief = light_on_relief(mesh, appearance, height.numpy(), displacer)
    expected = _drawn(ALBEDO).astype(int)
    chart = displacer.layout.mask.numpy()
    smooth = without_light(shaded, mesh, appearance, displacer.layout)
    assert np.abs(smooth[chart].astype(int) - expected).max() > 10
    found = without_light(shaded, mesh, appearance, displacer.layout, on_relief)
    assert np.abs(found[chart].astype(int) - expected).max() <= 3
