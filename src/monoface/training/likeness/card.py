"""What the card says of weights that know people: what was chosen, its scores, and whose photos taught it."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

from monoface.core.assets import sha256_of
from monoface.data.sources.registry import SOURCES
from monoface.facemodel.estimation.identity_prior import IdentityMap
from monoface.facemodel.estimation.refinement import RefineConfig
from monoface.facemodel.expression_gain import ExpressionGain
from monoface.training.likeness.choosing import Tried, Validation
from monoface.training.likeness.config import TrainLikenessConfig
from monoface.training.likeness.joining import JoinConfig
from monoface.training.likeness.people_evidence import people_sources

_COMMAND: Final = "monoface train likeness --init FILE --people DIR --data DATA --out FILE"
# Whose photos teach how faces settle, whatever people there are, and whose marks it is chosen by.
_OTHERS: Final = ("aflw", "merl_rav", "portraits_cc0")


@dataclass(frozen=True, eq=False)
class Chosen:
    """What validation chose, and what it scored."""

    map: IdentityMap
    join: JoinConfig
    tried: Tried
    config: RefineConfig
    gain: ExpressionGain
    metrics: dict[str, float]


def metrics_of(validation: Validation, known: IdentityMap, config: RefineConfig) -> dict[str, float]:
    """What validation says of the map that was chosen, and of the network alone, for comparison."""
    shapes = validation.shape_score(known, config)
    people = shapes.profiles
    said = validation.profiles(validation.identities_said())
    marks = validation.mark_score(known, config)
    heads, true = validation.heads
    return {
        "profiles_knows_percent": people.knows_percent,
        "profiles_over_another_percent": people.over_another_percent,
        "spread_mm": people.spread_mm,
        "network_alone_knows_percent": said.knows_percent,
        "network_alone_over_another_percent": said.over_another_percent,
        "heads_neutral_mm": shapes.heads_mm,
        **({} if shapes.scan_mm is None else {"scan_median_mm": shapes.scan_mm}),
        "heads_network_alone_neutral_mm": float(
            validation.profiles.apart_mm(heads.looks.identity, true).mean()
        ),
        "heads_mean_face_neutral_mm": float(validation.profiles.apart_mm(0 * true, true).mean()),
        "merl_rav_nme_percent": marks.nme_percent,
        "mouth_correlation": marks.mouth[0],
        "mouth_slope": marks.mouth[1],
        "eyes_correlation": marks.eyes[0],
        "eyes_slope": marks.eyes[1],
    }


def card_of(config: TrainLikenessConfig, chosen: Chosen, sigma_factor: float) -> dict[str, Any]:
    """The network's card, and what this stage adds: the sources that it saw, and no others."""
    path = config.init.with_name(f"{config.init.stem}.card.json")
    before: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    people = people_sources(config.people)
    said = (
        f"identities: people of {', '.join(people)}; a part of them is validation, and people of "
        f"exclude.json take no part; photos of {', '.join(_OTHERS)}"
    )
    terms = [SOURCES[name].terms for name in (*people, *_OTHERS)]
    known = before.get("terms", "")
    return before | {
        "data": "; ".join(filter(None, (before.get("data", ""), said))),
        "terms": " ".join(filter(None, (known, *(one for one in terms if one not in known)))),
        "likeness": {
            "command": _COMMAND,
            "config": config.recorded(),
            "network_sha256": sha256_of(config.init),
            "join": asdict(chosen.join),
            "learned": asdict(chosen.tried),
            "refine": asdict(chosen.config),
            "gain": chosen.gain.gain.max().round(3).item(),
            "sigma_factor": round(sigma_factor, 3),
            "metrics": {name: round(value, 3) for name, value in chosen.metrics.items()},
        },
    }
