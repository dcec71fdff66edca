"""Results of the pipeline as short lists of numbers that a stored golden file can be compared with.

It reads GLB files by itself, so that nothing it is meant to check has a part in it.
"""

import io
import json
import struct
from pathlib import Path

import numpy as np
from PIL import Image

_DTYPES = {5126: "<f4", 5123: "<u2", 5125: "<u4"}
_AXES = {"SCALAR": 1, "VEC2": 2, "VEC3": 3}
_ROWS, _BLOCKS = 8, 6
# Array entries of a golden file agree up to this part of the largest, and this much besides.
_RELATIVE, _ABSOLUTE = 1e-4, 2e-4
# Of mean colours of blocks of the texture, in steps of 8 bits.
_COLOUR = 0.1
# Other processors sum in another order, and two looks, steps and fits carry that on: three times as much as
# between one with AVX2 and one with AVX-512.
_ELSEWHERE = 300.0
_COLOUR_ELSEWHERE = 0.5
PROCESSOR = "processor"


def processor() -> str:
    """The kind of processor, as far as the order of sums goes."""
    features = np._core._multiarray_umath.__cpu_features__
    names = ("AVX512F", "AVX2", "SVE", "NEON")
    return next((name for name in names if features.get(name)), "other")


def pictures(photo: Image.Image) -> dict[str, np.ndarray]:
    """Five pictures made from one portrait."""
    upright = np.asarray(photo.convert("RGB"))
    mirrored = upright[:, ::-1].copy()
    smaller = np.asarray(photo.convert("RGB").resize((320, 320), Image.Resampling.BOX))[:, ::-1]
    pair = np.full((512, 832, 3), 128, np.uint8)
    pair[:, :512], pair[96:416, 512:] = upright, smaller
    turned = photo.convert("RGB").rotate(25, Image.Resampling.BILINEAR, fillcolor=(90, 90, 90))
    grey = photo.convert("L").crop((120, 0, 400, 330)).resize((210, 248), Image.Resampling.BOX)
    return {
        "upright": upright,
        "mirrored": mirrored,
        "turned": np.asarray(turned),
        "grey_crop": np.asarray(grey),
        "pair": pair,
    }


def report_digest(path: Path) -> dict[str, object]:
    """A JSON report without what changes with every version: hashes and the version itself."""
    report = json.loads(path.read_text(encoding="utf-8"))
    for one in (report, *report.get("photos", ())):
        if "made_with" in one:
            made_with = one["made_with"]
            one["made_with"] = {"name": made_with["weights"], "files": sorted(made_with["sha256"])}
    return _thinned(_flat(report))


def glb_digest(path: Path) -> dict[str, object]:
    """Names, nodes, cameras, some vertices, the size of each morph, and a coarse texture of a GLB file."""
    document, binary = _chunks(path.read_bytes())
    told: dict[str, object] = {"nodes": document["nodes"], "cameras": document["cameras"]}
    for mesh in document["meshes"]:
        primitive = mesh["primitives"][0]
        attributes = primitive["attributes"]
        verts = 1e3 * _accessor(document, binary, attributes["POSITION"])
        uv = _accessor(document, binary, attributes["TEXCOORD_0"])
        faces = _accessor(document, binary, primitive["indices"]).reshape(-1, 3)
        targets = [target["POSITION"] for target in primitive.get("targets", ())]
        morphs = [1e3 * float(np.linalg.norm(_accessor(document, binary, one))) for one in targets]
        told[f"mesh.{mesh['name']}"] = {
            "counts": [len(verts), len(faces), len(targets)],
            "verts_mm": verts[np.linspace(0, len(verts) - 1, _ROWS).astype(int)].tolist(),
            "mean_mm": verts.mean(axis=0).tolist(),
            "mean_uv": uv.mean(axis=0).tolist(),
            "spread_uv": uv.std(axis=0).tolist(),
            "morphs_mm": morphs if any(morphs) else [],
            "weights": mesh.get("weights", []) if any(morphs) else [],
        }
    for number, image in enumerate(document["images"]):
        view = document["bufferViews"][image["bufferView"]]
        encoded = binary[view.get("byteOffset", 0) :][: view["byteLength"]]
        told[f"texture{number}"] = _coarse(np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB")))
    return _thinned(_flat(told))


def differences(golden: dict[str, object], found: dict[str, object], *, elsewhere: bool = False) -> list[str]:
    """One line for each entry in which a digest differs from the golden one by more than rounding.

    Args:
        golden: As stored.
        found: As it came out.
        elsewhere: Whether the golden one is of another kind of processor.
    """
    relative, absolute, colour = _RELATIVE, _ABSOLUTE, _COLOUR
    if elsewhere:
        relative, absolute, colour = _RELATIVE, _ELSEWHERE * _ABSOLUTE, _COLOUR_ELSEWHERE
    lines = [f"{key}: missing" for key in golden.keys() - found.keys()]
    lines += [f"{key}: not in the golden file" for key in found.keys() - golden.keys()]
    for key in golden.keys() & found.keys():
        expected, got = golden[key], found[key]
        if not (_is_numeric(expected) and _is_numeric(got)):
            lines += [] if expected == got else [f"{key}: expected {expected}, got {got}"]
            continue
        a, b = np.atleast_1d(np.asarray(expected, float)), np.atleast_1d(np.asarray(got, float))
        if a.shape != b.shape:
            lines.append(f"{key}: expected {a.shape} numbers, got {b.shape}")
        elif a.size:
            allowed = colour if ".texture" in f".{key}" else relative * abs(a).max() + absolute
            worst = abs(a - b).max()
            lines += [] if worst <= allowed else [f"{key}: differs by {worst:.3g}, allowed {allowed:.2g}"]
    return sorted(lines)


def to_text(digests: dict[str, dict[str, object]]) -> str:
    """A golden file: JSON with one entry a line."""
    cases = []
    for name, digest in digests.items():
        entries = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in digest.items())
        cases.append(f" {json.dumps(name)}: {{\n{entries}\n }}")
    return "{\n" + ",\n".join(cases) + "\n}\n"


def _flat(value: object, path: str = "") -> dict[str, object]:
    """Nested values as one level; nested lists of numbers become one list."""
    if isinstance(value, dict):
        parts = [_flat(entry, f"{path}.{key}" if path else str(key)) for key, entry in value.items()]
    elif isinstance(value, list) and not _is_numeric(value):
        if all(isinstance(entry, str) for entry in value):
            return {path: value}
        parts = [_flat(entry, f"{path}.{number}") for number, entry in enumerate(value)]
    else:
        return {path: _significant(value)}
    return {key: entry for part in parts for key, entry in part.items()}


def _thinned(digest: dict[str, object]) -> dict[str, object]:
    """A digest without what is said twice: every second row, named numbers as a list, morphs of the skin."""
    kept: dict[str, object] = {}
    for key, value in digest.items():
        parent, _, name = key.rpartition(".")
        if parent.endswith("blendshapes"):
            kept.setdefault(parent, []).append(value)
        elif name == "morphs_mm" and parent != "mesh.skin":
            kept[key] = _significant(float(np.linalg.norm(value)))
        elif name == "landmarks68_px":
            kept[key] = np.reshape(value, (-1, 2))[::2].ravel().tolist()
        elif name == "verts_mm":
            kept[key] = np.reshape(value, (-1, 3))[::2].ravel().tolist()
        elif name not in ("weights", "mesh") or parent == "mesh.skin":
            kept[key] = value
    return kept


def _is_numeric(value: object) -> bool:
    if isinstance(value, list):
        return all(map(_is_numeric, value))
    return isinstance(value, int | float) and not isinstance(value, bool)


def _significant(value: object) -> object:
    if isinstance(value, list):
        return [_significant(one) for one in np.ravel(value).tolist()]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _coarse(image: np.ndarray) -> list[float]:
    """Mean colours of blocks."""
    rows = np.array_split(image.astype(np.float64), _BLOCKS)
    means = [part.mean(axis=(0, 1)) for row in rows for part in np.array_split(row, _BLOCKS, axis=1)]
    return [round(float(mean), 2) for mean in np.ravel(means)]


def _chunks(data: bytes) -> tuple[dict[str, list], bytes]:
    size = struct.unpack_from("<I", data, 12)[0]
    return json.loads(data[20 : 20 + size]), data[28 + size :]


def _accessor(document: dict[str, list], binary: bytes, number: int) -> np.ndarray:
    accessor = document["accessors"][number]
    count, axes = accessor["count"], _AXES[accessor["type"]]
    values = np.zeros((count, axes))
    if "bufferView" in accessor:
        values = _view(document, binary, accessor, count * axes).reshape(count, axes).astype(np.float64)
    if sparse := accessor.get("sparse"):
        rows = _view(document, binary, sparse["indices"], sparse["count"])
        changed = sparse["values"] | {"componentType": accessor["componentType"]}
        values[rows] = _view(document, binary, changed, sparse["count"] * axes).reshape(-1, axes)
    return values


def _view(document: dict[str, list], binary: bytes, source: dict[str, int], count: int) -> np.ndarray:
    offset = document["bufferViews"][source["bufferView"]].get("byteOffset", 0) + source.get("byteOffset", 0)
    return np.frombuffer(binary, _DTYPES[source["componentType"]], count, offset)
