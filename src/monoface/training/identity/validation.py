"""How well an encoder recognises people that it was not trained on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import nn

from monoface.core.errors import ConfigError
from monoface.data.packs.identity_pack import IdentityFaces
from monoface.methods.identity import IdentityClassifier
from monoface.metrics.verification import Verification, VerificationPairs, sample_pairs, verify
from monoface.networks import IdentityEncoder

_BATCH = 128


@dataclass(frozen=True)
class HeldOut:
    """Faces of the held-out people of one source, and the pairs they are judged by."""

    name: str
    faces: UInt8[np.ndarray, "faces side side 3"]
    person: np.ndarray
    pairs: VerificationPairs


def held_out_sets(sources: Sequence[IdentityFaces]) -> list[HeldOut]:
    """The held-out faces of each source, with pairs that are always the same.

    Raises:
        ConfigError: If a source keeps too few people for pairs.
    """
    sets = []
    for source in sources:
        rows = np.flatnonzero(source.held_out)
        try:
            pairs = sample_pairs(source.person[rows], source.clip[rows])
        except ValueError as error:
            raise ConfigError(f"{source.name}: {error}. Hold out more people.") from error
        sets.append(HeldOut(source.name, source.aligned(rows), source.person[rows], pairs))
    return sets


@torch.no_grad()
def embed_faces(
    encoder: IdentityEncoder, faces: UInt8[np.ndarray, "faces side side 3"]
) -> Float[np.ndarray, "faces features"]:
    """Unit vectors of aligned faces."""
    vectors = []
    device = next(encoder.parameters()).device if isinstance(encoder, nn.Module) else torch.device("cpu")
    for start in range(0, len(faces), _BATCH):
        part = torch.from_numpy(faces[start : start + _BATCH]).to(device)
        image = part.permute(0, 3, 1, 2).float() / 255
        vectors.append(encoder.embed(image).cpu())
    return torch.cat(vectors).numpy()


def verification(encoder: IdentityEncoder, held_out: HeldOut) -> Verification:
    """How well the pairs of one source are told apart."""
    vectors = embed_faces(encoder, held_out.faces)
    similarity = (vectors[held_out.pairs.first] * vectors[held_out.pairs.second]).sum(axis=1)
    return verify(similarity, held_out.pairs, held_out.person)


def make_evaluate(sets: Sequence[HeldOut]) -> Callable[[Mapping[str, nn.Module]], dict[str, float]]:
    """Function for the training loop: accuracy and AUC in percent of every source."""

    def evaluate(networks: Mapping[str, nn.Module]) -> dict[str, float]:
        classifier = networks["identity"]
        assert isinstance(classifier, IdentityClassifier)
        results: dict[str, float] = {}
        for one in sets:
            scored = verification(classifier.encoder, one)
            results |= {f"{one.name} accuracy": 100 * scored.accuracy, f"{one.name} auc": 100 * scored.auc}
        return results

    return evaluate
