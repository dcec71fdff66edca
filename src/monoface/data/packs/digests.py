"""What identifies how packs were made: hashes of recipes and of face models."""

import hashlib
import json
from typing import Any

from monoface.facemodel import FaceModel

CONTOUR_SET = "ibug68_contour"
"""The 68 points whose jaw is the silhouette, and so no fixed place on the mesh."""


def model_digest(model: FaceModel) -> str:
    """Identifies a face model, as far as labels depend on it."""
    digest = hashlib.sha256()
    digest_model(digest, model)
    return digest.hexdigest()[:16]


def recipe_of(model: FaceModel, made_of: list[Any]) -> str:
    """Identifies a pack of pictures of a face model by what they are made of, as JSON values."""
    content = json.dumps([*made_of, model_digest(model), model.albedo_space], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def digest_model(digest: "hashlib._Hash", model: FaceModel) -> None:
    """Add to a hash what labels depend on of a face model."""
    digest.update(model.coefficient_space.encode())
    digest.update(model.mean_mm.numpy().tobytes())
    for name in ("facemesh468", "aflw21", CONTOUR_SET, "ibug68"):
        if name not in model.data.landmarks:
            continue
        points = model.landmarks(name)
        digest.update(points.index.numpy().tobytes())
        digest.update(points.weight.numpy().tobytes())
