"""MERL-RAV's files of 68 points, matched to the crops of a packed AFLW.

    merl_rav_labels/frontal/trainset/labels/image00019.pts      and left, lefthalf, right, righthalf; testset

The files are in pixels of AFLW's photos, of which a crop knows the name but not always where it was cut. So a
file belongs to the crop of its photo whose 21 points it agrees with after a scale and a shift.

A point is `-1 -1` where the face itself hides it, and has negative coordinates where something covers it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from monoface.core.errors import DataError
from monoface.core.files import refuse_existing
from monoface.data.packing.bounded_files import read_lines, read_points
from monoface.data.packing.pack_writer import write_arrays
from monoface.data.sources.aflw import CROP_SIZE_PX
from monoface.data.sources.archive import LabelSpec, read_labels
from monoface.data.sources.merl_rav import COVERED, HIDDEN, SEEN

MERL_RAV_FILE = "merl_rav.npz"
# Of AFLW's 21 points those that the 68 have too, both from 0: brows, corners of eyes, nose, mouth, chin.
_OF_21 = (0, 1, 2, 3, 4, 5, 6, 8, 9, 11, 14, 17, 19, 20)
_OF_68 = (17, 19, 21, 22, 24, 26, 36, 39, 42, 45, 30, 48, 54, 8)
_MIN_SHARED = 4
_MAX_RESIDUAL = 0.03


def pack_merl_rav(folder: Path, out: Path) -> int:
    """Write `merl_rav.npz` into the folder of a packed AFLW.

    Args:
        folder: Holds the `.pts` files, in any subfolders.
        out: That of AFLW's pack, made by this program.

    Returns:
        How many crops got points.

    Raises:
        OutputExistsError: If the file exists.
        DataError: If AFLW is not packed there, or no file fits a crop.
    """
    refuse_existing(out / MERL_RAV_FILE)
    specs = {"points21_px": LabelSpec("f", (21, 2)), "name": LabelSpec("U", optional=True)}
    labels = read_labels(out / "labels.npz", specs)
    if "name" not in labels:
        raise DataError(
            f"{out}: expected names of AFLW's photos in labels.npz. Pack aflw anew, it adds them."
        )
    matches = _matches(labels, _files_by_photo(folder))
    if not matches:
        raise DataError(f"{folder}: expected .pts files that fit the crops in {out}, found none.")
    columns = [np.stack(column) for column in zip(*matches, strict=True)]
    kinds = (np.str_, np.float32, np.uint8, np.float32)
    names = ("key", "points68_px", "state", "residual")
    write_arrays(
        out / MERL_RAV_FILE,
        {name: column.astype(kind) for name, column, kind in zip(names, columns, kinds, strict=True)},
    )
    return len(matches)


def _files_by_photo(folder: Path) -> dict[str, list[Path]]:
    files = defaultdict(list)
    for path in sorted(folder.rglob("*.pts")):
        files[photo_of(path.stem)].append(path)
    return files


def photo_of(name: str) -> str:
    """Name of AFLW's photo in the name of a face: `image00447` of `image00447_2`."""
    return name.partition("_")[0]


def _matches(
    labels: Mapping[str, np.ndarray], files: Mapping[str, Sequence[Path]]
) -> list[tuple[str, np.ndarray, np.ndarray, float]]:
    """Key, points in the crop, states and residual of each crop that a file fits; a file fits one crop."""
    candidates = []
    for row, (key, name) in enumerate(zip(labels["key"].tolist(), labels["name"].tolist(), strict=True)):
        for path in files.get(photo_of(name), ()):
            points, state = read_pts(path)
            placed = _placed(points, labels["points21_px"][row])
            if placed is not None and placed[1] <= _MAX_RESIDUAL:
                candidates.append((placed[1], row, str(path), key, placed[0], state))
    taken_rows: set[int] = set()
    taken_files: set[str] = set()
    chosen = {}
    for residual, row, file, key, placed_px, state in sorted(candidates, key=lambda item: item[:3]):
        if row in taken_rows or file in taken_files:
            continue
        taken_rows.add(row)
        taken_files.add(file)
        chosen[row] = (key, placed_px, state, residual)
    return [chosen[row] for row in sorted(chosen)]


def read_pts(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Points of one file, NaN where hidden, and their states.

    Raises:
        DataError: If the file is not as described.
    """
    lines = read_lines(path)
    if "{" not in lines or "}" not in lines:
        raise DataError(f"{path}: expected 68 points in braces, found no braces.")
    points = read_points(path, [line.split() for line in lines[lines.index("{") + 1 : lines.index("}")]], 68)
    hidden = (points == -1).all(axis=1)
    covered = (points < 0).any(axis=1) & ~hidden
    state = np.where(hidden, HIDDEN, np.where(covered, COVERED, SEEN)).astype(np.uint8)
    return np.where(hidden[:, None], np.nan, np.abs(points)), state


def _placed(
    points68: Float[np.ndarray, "68 2"], points21: Float[np.ndarray, "21 2"]
) -> tuple[np.ndarray, float] | None:
    """The 68 points in the crop, and the median distance to its own points; None if too few are shared."""
    ours, theirs = points21[list(_OF_21)], points68[list(_OF_68)]
    shared = np.isfinite(ours).all(axis=1) & np.isfinite(theirs).all(axis=1)
    if shared.sum() < _MIN_SHARED:
        return None
    ours, theirs = ours[shared].astype(np.float64), theirs[shared]
    middle = theirs.mean(axis=0)
    spread = ((theirs - middle) ** 2).sum()
    if spread == 0:
        return None
    scale = ((theirs - middle) * (ours - ours.mean(axis=0))).sum() / spread
    if scale <= 0:
        return None
    shift = ours.mean(axis=0) - scale * middle
    residual = float(np.median(np.linalg.norm(scale * theirs + shift - ours, axis=1)) / CROP_SIZE_PX)
    return scale * points68 + shift, residual
