"""Is one set of weights better than another? Two reports on AFLW2000-3D, compared photo by photo."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from monoface.core.errors import DataError
from monoface.metrics import Interval, binned_mean, bootstrap_intervals


@dataclass(frozen=True)
class Difference:
    """How much larger the error of the second report is than that of the first, in percent of the face.

    Attributes:
        mean: Mean of the difference; negative where the second is better.
        interval_95: Its paired bootstrap interval. If 0 is outside, the difference is no accident.
    """

    mean: float
    interval_95: Interval


@dataclass(frozen=True)
class Comparison:
    """Differences by the keys of a report: `0-30`, `30-60`, `60-90`, `bin_mean`, `image_mean`.

    Attributes:
        photos: How many photos both reports have an error for.
        nme_percent: Against the original annotation.
        nme_percent_reannotated: Against the re-annotated points; None unless both reports have it.
    """

    photos: int
    nme_percent: Mapping[str, Difference]
    nme_percent_reannotated: Mapping[str, Difference] | None


def compare_reports(first: Path, second: Path) -> Comparison:
    """Compare two reports that `monoface evaluate aflw2000` wrote, on the photos that both measured.

    Raises:
        DataError: If a file is no such report, or the two have no photo in common.
    """
    before, after = _read_photos(first), _read_photos(second)
    keys = [key for key in before if key in after]
    if not keys:
        raise DataError(f"{first} and {second}: expected photos in common, found none.")
    yaw_deg = np.array([before[key]["yaw_deg"] for key in keys], dtype=np.float64)
    has_both = all("nme_percent_reannotated" in rows[key] for rows in (before, after) for key in keys)

    def differences(name: str) -> dict[str, Difference]:
        change: Float64[np.ndarray, " photos"] = np.array(
            [after[key][name] - before[key][name] for key in keys]
        )
        means = binned_mean(change, yaw_deg).as_dict()
        intervals = bootstrap_intervals(change, yaw_deg)
        return {figure: Difference(means[figure], intervals[figure]) for figure in means}

    return Comparison(
        photos=len(keys),
        nme_percent=differences("nme_percent"),
        nme_percent_reannotated=differences("nme_percent_reannotated") if has_both else None,
    )


def _read_photos(path: Path) -> dict[str, dict[str, Any]]:
    """Numbers of each photo that has an error, by key; those that are null are left out."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["photos"]
        photos = {
            row["key"]: {name: value for name, value in row.items() if value is not None} for row in rows
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: expected a report of monoface evaluate aflw2000, got {error!r}.") from error
    return {key: row for key, row in photos.items() if {"nme_percent", "yaw_deg"} <= row.keys()}
