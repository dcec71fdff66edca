"""The face model by itself: people who do not exist, showing expressions, under light from the upper left.

    python examples/05_face_model.py

draws three people (rows) with four expressions (columns) to people.png in the current folder.
"""

import torch
from PIL import Image

from monoface.facemodel import load_default_model
from monoface.geometry.cameras import PerspectiveCamera, transform_points
from monoface.render import Renderer

PEOPLE, SIDE_PX = 3, 192
EXPRESSIONS = (
    {},
    {"jawOpen": 0.7, "eyeWideLeft": 0.8, "eyeWideRight": 0.8},
    {"mouthSmileLeft": 0.9, "mouthSmileRight": 0.9, "cheekSquintLeft": 0.6, "cheekSquintRight": 0.6},
    {"eyeBlinkLeft": 1.0, "mouthPucker": 0.8, "browInnerUp": 0.7},
)

model = load_default_model()
rng = torch.Generator().manual_seed(7)

# Every person with every expression: one batch. Coefficients of identity and albedo have unit variance.
identity = torch.randn(PEOPLE, model.identity_size, generator=rng).repeat_interleave(len(EXPRESSIONS), dim=0)
colour = torch.randn(PEOPLE, model.albedo_size, generator=rng).repeat_interleave(len(EXPRESSIONS), dim=0)
weights = torch.tensor([[named.get(name, 0.0) for name in model.expression_names] for named in EXPRESSIONS])
verts_mm = model.shape(identity, weights.repeat(PEOPLE, 1))

# The camera looks along +z with y down, so an upright head that faces it is turned about its x axis.
batch = len(verts_mm)
facing = torch.diag(torch.tensor([1.0, -1.0, -1.0])).expand(batch, 3, 3)
verts_camera = transform_points(facing, torch.tensor([[0.0, 25.0, 900.0]]).expand(batch, 3), verts_mm)
camera = PerspectiveCamera(torch.full((batch,), 2.9 * SIDE_PX), torch.full((batch, 2), SIDE_PX / 2))

# Spherical harmonics up to degree 1: all around, then along y, z and x of the camera frame.
light = torch.tensor([[1.5], [-0.8], [-1.6], [-1.0]]).expand(4, 3)

renderer = Renderer(model.faces, (SIDE_PX, SIDE_PX), weld=model.weld)
with torch.no_grad():
    rendered = renderer.render(camera, verts_camera, model.albedo(colour), light[None])

rows = rendered.image.clamp(0, 1).unflatten(0, (PEOPLE, len(EXPRESSIONS)))
sheet = rows.permute(0, 3, 1, 4, 2).reshape(PEOPLE * SIDE_PX, len(EXPRESSIONS) * SIDE_PX, 3)
Image.fromarray((sheet * 255).round().byte().numpy()).save("people.png")
print(f"wrote people.png: {PEOPLE} people with {len(EXPRESSIONS)} expressions")
