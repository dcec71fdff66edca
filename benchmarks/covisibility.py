"""Which pixels two views of a head both show: what is found against rays, by the yaw between the views.

    python benchmarks/covisibility.py [--pairs 120] [--noise 1]

Heads of the shipped model are drawn from two sides. At random pixels of the target, rays towards the source's
camera tell the truth: the surface faces that camera, nothing is between, and it lies in the picture. With
`--noise 1` depths and triangles come from faces as a regressor would find them: each view with an identity,
an expression and a rotation of its own, wrong by a few millimetres. The truth stays that of the true head.
Precision: of what is found, how much is true. Recall: of what is true, how much is found.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import igl
import numpy as np
import torch
import tyro
from torch import Tensor

from monoface.data.synthetic.heads import HeadsConfig, sample_coefficients
from monoface.facemodel import FaceCoefficients, FaceModel, load_default_model
from monoface.geometry.cameras import WeakPerspectiveCamera, transform_points
from monoface.geometry.epipolar import relative_pose
from monoface.geometry.reprojection import reproject
from monoface.geometry.rotations import (
    head_matrix_from_angles,
    head_to_camera,
    matrix_from_axis_angle,
)
from monoface.raster import Fragments, rasterize
from monoface.render import covisible_by_depth, covisible_by_vertices, project

YAW_BINS_DEG = (0, 15, 30, 45, 60, 90)
TOLERANCES_MM = (1.0, 3.0, 5.0, 10.0, 20.0)

# Standard deviations of what --noise 1 adds: of identity coefficients, of expression weights, and of a turn.
_IDENTITY, _EXPRESSION, _TURN_DEG = 0.4, 0.05, 2.0


@dataclass(frozen=True)
class Arguments:
    """What is measured.

    Attributes:
        pairs: Pairs of views.
        pixels: Pixels of the target that rays are sent from.
        size: Side of the pictures, pixels.
        noise: How wrong the faces are whose covisibility is found; 0 for the true ones.
        max_yaw_deg: Of either view.
        seed: Of everything random.
    """

    pairs: int = 120
    pixels: int = 500
    size: int = 224
    noise: float = 0.0
    max_yaw_deg: float = 60.0
    seed: int = 0


@dataclass(frozen=True)
class Views:
    """Target and source as a batch of two, as drawn."""

    camera: WeakPerspectiveCamera
    coefficients: FaceCoefficients
    fragments: Fragments

    def reprojected(self) -> tuple[Tensor, Tensor]:
        """Where the target's surface lies in the source, and how deep."""
        rotation, away = self.coefficients.rotation, self.coefficients.translation_mm
        relative = relative_pose(rotation[1:], away[1:], rotation[:1], away[:1])
        scale, principal = self.camera.scale_px_per_mm, self.camera.principal_px
        target, source = (WeakPerspectiveCamera(scale[k : k + 1], principal[k : k + 1]) for k in range(2))
        return reproject(self.fragments.depth[:1], target, source, *relative)


def render(model: FaceModel, coefficients: FaceCoefficients, size: int) -> Views:
    """The face in two pictures whose side is 172 mm, as the pipeline crops it."""
    scale = torch.full((2,), 0.0058 * size)
    camera = WeakPerspectiveCamera(scale, torch.full((2, 2), size / 2))
    verts = model.shape(coefficients.identity, coefficients.expression)
    verts_camera = transform_points(coefficients.rotation, coefficients.translation_mm, verts)
    return Views(camera, coefficients, rasterize(project(camera, verts_camera), model.faces, (size, size)))


def one_head(
    model: FaceModel, rng: np.random.Generator, max_yaw_deg: float
) -> tuple[FaceCoefficients, float]:
    """One face in two poses, and the angle between their yaws in degrees."""
    both = sample_coefficients(model, 2, rng, HeadsConfig())
    yaw_deg = rng.uniform(-max_yaw_deg, max_yaw_deg, 2)
    pitch_roll = torch.from_numpy(np.deg2rad(rng.normal(0, 5, (2, 2)))).float()
    head = head_matrix_from_angles(torch.from_numpy(np.deg2rad(yaw_deg)).float(), *pitch_roll)
    same = replace(
        both,
        identity=both.identity[:1].expand(2, -1),
        expression=both.expression[:1].expand(2, -1),
        rotation=head_to_camera(head),
    )
    return same, float(abs(yaw_deg[0] - yaw_deg[1]))


def disturbed(true: FaceCoefficients, noise: float, rng: np.random.Generator) -> FaceCoefficients:
    """Faces that are wrong, each in its own way."""

    def normal(like: Tensor, deviation: float) -> Tensor:
        return torch.from_numpy(rng.normal(0, noise * deviation, like.shape)).float()

    turn = matrix_from_axis_angle(normal(true.translation_mm, np.deg2rad(_TURN_DEG)))
    return replace(
        true,
        identity=true.identity + normal(true.identity, _IDENTITY),
        expression=(true.expression + normal(true.expression, _EXPRESSION)).clamp(0, 1),
        rotation=turn @ true.rotation,
    )


def truth(model: FaceModel, views: Views, rows: Tensor, columns: Tensor) -> Tensor:
    """Whether points at pixels of the target face the source's camera, in its picture, nothing between."""
    shape = model.shape(views.coefficients.identity[:1], views.coefficients.expression[:1])[0].double()
    tree = igl.AABB()
    tree.init(shape.numpy(), model.faces.numpy())
    seen = views.fragments.face_index[0, rows, columns], views.fragments.barycentric[0, rows, columns]
    corners = shape[model.faces[seen[0]]]
    points = (seen[1].double()[..., None] * corners).sum(dim=1)
    # Under weak perspective the source's camera is far away in one direction.
    towards = -views.coefficients.rotation[1, 2].double()
    facing = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) @ towards > 0
    start = (points + 0.01 * towards).numpy()
    ways = np.tile(towards.numpy(), (len(start), 1))
    hits = tree.intersect_ray(shape.numpy(), model.faces.numpy(), start, ways)
    free = torch.tensor([len(hit) == 0 for hit in hits])
    place, size = views.reprojected()[0][0, rows, columns], views.fragments.depth.shape[-1]
    return free & facing & ((place >= 0.5) & (place <= size - 0.5)).all(dim=-1)


def found_masks(model: FaceModel, views: Views) -> dict[str, Tensor]:
    """What each way of finding covisible pixels says, by its name."""
    index, depth = views.fragments.face_index, views.fragments.depth
    masks = {
        f"depth, {tolerance:g} mm": covisible_by_depth(*views.reprojected(), depth[:1], depth[1:], tolerance)[
            0
        ]
        for tolerance in TOLERANCES_MM
    }
    masks["vertices"] = covisible_by_vertices(index[:1], index[1:], model.faces)[0]
    leaking = covisible_by_vertices(index[:1], index[1:], model.faces, triangle_0_leak=True)
    return masks | {"vertices, triangle 0 leaks": leaking[0]}


def main() -> None:
    """Print the table."""
    arguments = tyro.cli(Arguments)
    model = load_default_model()
    rng = np.random.default_rng(arguments.seed)
    counts: dict[str, np.ndarray] = {}
    for _ in range(arguments.pairs):
        true, between_deg = one_head(model, rng, arguments.max_yaw_deg)
        views = render(model, true, arguments.size)
        found = views
        if arguments.noise:
            found = render(model, disturbed(true, arguments.noise, rng), arguments.size)
        pixels = views.fragments.mask[0].nonzero()
        rows, columns = pixels[torch.from_numpy(rng.choice(len(pixels), arguments.pixels))].T
        right = truth(model, views, rows, columns)
        group = int(np.searchsorted(YAW_BINS_DEG, between_deg, side="right")) - 1
        group = min(group, len(YAW_BINS_DEG) - 2)
        for name, mask in found_masks(model, found).items():
            said = mask[rows, columns]
            table = counts.setdefault(name, np.zeros((len(YAW_BINS_DEG) - 1, 3)))
            table[group] += [int((said & right).sum()), int(said.sum()), int(right.sum())]
    show(counts, arguments)


def show(counts: dict[str, np.ndarray], arguments: Arguments) -> None:
    """Precision and recall in percent, by the difference of yaw and over all pairs."""
    print(
        f"{arguments.pairs} pairs of {arguments.size} px, noise {arguments.noise:g}: precision / recall, %\n"
    )
    ranges = [f"{low} to {high}°" for low, high in pairwise(YAW_BINS_DEG)]
    ranges[-1] = f"over {YAW_BINS_DEG[-2]}°"
    print(f"| found by | {' | '.join(ranges)} | all |")
    print("|---" * (len(ranges) + 2) + "|")
    for name, table in counts.items():
        rows = [*table, table.sum(axis=0)]
        cells = [
            f"{100 * right / max(said, 1):.1f} / {100 * right / max(true, 1):.1f}"
            for right, said, true in rows
        ]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
