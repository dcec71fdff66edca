"""What several photos of one person are worth: shape errors of three drawn views, each alone and together.

    python benchmarks/together.py [--weights pretrain] [--people 100]

Heads are drawn with bumps of no model; expression, light and pose differ from view to view. Prints the error
of the neutral shape over the narrow face in millimetres, with bootstrap intervals over the people: the mean
distance of the true vertices to the predicted surface, after a similarity alignment by least squares.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import tyro

from monoface.data.synthetic.heads import HeadsConfig
from monoface.evaluation.scans.mesh_predictor import seen_faces
from monoface.evaluation.synthetic.heads_truth import HeadPainter, TrueHead
from monoface.facemodel import FaceModel
from monoface.geometry.icp import align_to_scan
from monoface.geometry.placement import Placement
from monoface.geometry.surface import Surface
from monoface.metrics import bootstrap_mean, scan_to_surface
from monoface.pipeline import Reconstructor, ReconstructorConfig, reconstruct_together

VIEWS = 3


@dataclass(frozen=True)
class Arguments:
    """What is measured.

    Attributes:
        weights: Name of shipped weights, or the path of a safetensors file.
        people: How many people are drawn.
        max_yaw_deg: Their heads are turned by up to this much.
        detail_mm: Height of the bumps, a standard deviation.
        seed: Of the drawing.
    """

    weights: str = "pretrain"
    people: int = 100
    max_yaw_deg: float = 60.0
    detail_mm: float = 0.5
    seed: int = 5


def main() -> None:
    """Print the table."""
    chosen = tyro.cli(Arguments)
    errors = np.array(list(person_errors(chosen)))
    single = errors[:, 1 : 1 + VIEWS]
    columns = {
        "mean face": errors[:, 0],
        "one photo, mean of three": single.mean(axis=1),
        "the most confident photo": errors[:, 1 + VIEWS],
        "the best photo, chosen by the truth": single.min(axis=1),
        "three photos together": errors[:, 2 + VIEWS],
        "together less the mean of three": errors[:, 2 + VIEWS] - single.mean(axis=1),
        "together less the most confident": errors[:, 2 + VIEWS] - errors[:, 1 + VIEWS],
        "together less the best": errors[:, 2 + VIEWS] - single.min(axis=1),
    }
    print(f"{len(errors)} of {chosen.people} people, whose faces were found in all {VIEWS} views; mm")
    for name, values in columns.items():
        interval = bootstrap_mean(values)
        print(f"{name:38}{values.mean():8.3f}   ({interval.low:.3f} to {interval.high:.3f})")


def person_errors(chosen: Arguments) -> Iterator[list[float]]:
    """Errors of the mean face, of each view, of the most confident one, and of all together."""
    tools = Reconstructor(ReconstructorConfig(weights=chosen.weights, min_confidence=0.0, max_faces=1))
    model = tools.face_model
    painter = HeadPainter(model, chosen.detail_mm)
    config = HeadsConfig(count=1, max_yaw_deg=chosen.max_yaw_deg, seed=chosen.seed)
    for person in range(chosen.people):
        heads = [painter.sample(VIEWS * person + view, config, person) for view in range(VIEWS)]
        pictures = [head.picture for head in heads]
        alone = [result.faces for result in tools.reconstruct(pictures)]
        together = reconstruct_together(pictures, tools)
        if together.face is None or not all(alone):
            continue
        identities = [faces[0].coefficients.identity for faces in alone]
        sure = max(range(VIEWS), key=lambda view: alone[view][0].confidence)
        found = [torch.zeros_like(identities[0]), *identities, identities[sure]]
        found.append(together.face.posed.coefficients.identity)
        yield [shape_error(model, identity, heads[0]) for identity in found]


def shape_error(model: FaceModel, identity: torch.Tensor, head: TrueHead) -> float:
    """Mean distance of the true narrow face to the neutral shape of an identity, in mm."""
    neutral = model.shape(identity, torch.zeros(1, model.expression_size))
    landmarks = model.landmarks("ibug68")
    true_mm = torch.from_numpy(head.neutral_mm)[None]
    start = Placement.between(
        landmarks.points(neutral)[0].double().numpy(), landmarks.points(true_mm)[0].numpy()
    )
    surface = Surface(neutral[0].double().numpy(), seen_faces(model), head.key)
    scan = head.neutral_mm[model.data.regions["narrow_face"].numpy()]
    alignment = align_to_scan(surface, scan, start)
    return float(scan_to_surface(scan, surface, alignment.placement).mean())


if __name__ == "__main__":
    main()
