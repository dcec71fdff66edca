"""From a square crop of a face to its mesh, with numpy and ONNX Runtime alone.

    python reference.py CROP.png MESH.obj

`monoface export` puts this file beside `regressor.onnx` and `face_model.npz`, which it reads. It is short, so
that it can be read and written again in other languages; `monoface` itself finds faces, crops them, looks at
mirror images and measures what it found, and so is more exact.

The crop is a square around the face, sqrt(2) times as large as the longer side of the box of its 68
landmarks.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

HERE = Path(__file__).parent
Array = np.ndarray


def open_regressor(folder: Path = HERE) -> tuple[Any, dict[str, Any]]:
    """The network, and what its metadata say of its outputs."""
    session = onnxruntime.InferenceSession(folder / "regressor.onnx", providers=["CPUExecutionProvider"])
    said = session.get_modelmeta().custom_metadata_map
    return session, {name: json.loads(said[name]) for name in ("layout", "landmark_map")}


def open_face_model(folder: Path = HERE) -> dict[str, Array]:
    """The face model: arrays by name."""
    with np.load(folder / "face_model.npz") as file:
        return dict(file)


def draw_landmark_map(points_px: Array | None, size: int, drawn: dict[str, float]) -> Array:
    """Landmarks as bumps of height 1 in a picture; an empty one for None."""
    picture = np.zeros((size, size), np.float32)
    reach = int(3 * drawn["sigma_px"] + 0.5)
    for x, y in [] if points_px is None else points_px:
        if not (0 <= x < size and 0 <= y < size):
            continue
        rows, columns = (int(at) + np.arange(-reach, reach + 1) for at in (y, x))
        rows, columns = (index[(index >= 0) & (index < size)] for index in (rows, columns))
        vertical = np.exp(-0.5 * ((rows + 0.5 - y) / drawn["sigma_px"]) ** 2)
        across = np.exp(-0.5 * ((columns + 0.5 - x) / drawn["sigma_px"]) ** 2)
        part = picture[np.ix_(rows, columns)]
        picture[np.ix_(rows, columns)] = np.maximum(part, vertical[:, None] * across)
    return picture


def run(session: Any, crop: Array, points_px: Array | None, drawn: dict[str, float] | None) -> Array:
    """Output vector for a crop (size, size, 3), RGB in 8 bits."""
    channels = list(crop.transpose(2, 0, 1).astype(np.float32) / 255)
    if drawn is not None:
        channels.append(draw_landmark_map(points_px, len(crop), drawn))
    return session.run(["output"], {"image": np.stack(channels)[None]})[0][0]


def decode(output: Array, layout: dict[str, Any], size: int) -> tuple[Array, Array, Array, float, Array]:
    """Identity, expression, rotation to the camera (y down, z forward), px a millimetre, and origin in px."""
    first = layout["identity"]
    second = first + layout["expression"]
    identity, expression = output[:first], output[first:second]
    if layout["bounded"]:
        expression = expression.clip(0, 1)
    six = output[second : second + 6] + np.array((1, 0, 0, 0, 1, 0))
    x = six[:3] / np.linalg.norm(six[:3])
    y = six[3:] - (x @ six[3:]) * x
    y = y / np.linalg.norm(y)
    head = np.stack((x, y, np.cross(x, y)), axis=1)
    scale = np.exp(output[second + 6]) * layout["scale_per_size"] * size
    origin_px = size / 2 + output[second + 7 : second + 9] * layout["shift_per_size"] * size
    return identity, expression, np.diag((1, -1, -1)) @ head, scale, origin_px


def turn_about(vector: Array) -> Array:
    """Rotation matrix of an axis-angle vector."""
    angle = np.linalg.norm(vector)
    if angle < 1e-8:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array(((0, -z, y), (z, 0, -x), (-y, x, 0)))
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def make_mesh(model: dict[str, Array], identity: Array, expression: Array) -> Array:
    """Vertices in millimetres: x to the subject's left, y up, z out of the face."""
    verts = model["mean_mm"] + np.tensordot(identity, model["identity_basis_mm"], axes=1)
    verts = verts + np.tensordot(expression, model["expression_basis_mm"], axes=1)
    # What some expressions do besides, in proportion to identity: lids meet in a blink of any eye.
    pairs = np.outer(expression[model["corrected"]], identity)
    verts[model["corrective_verts"]] += np.tensordot(pairs, model["corrective_mm"], axes=2)
    eyes = (model[name] for name in ("eye_verts", "eye_centre", "eye_gaze_rad"))
    for ball, centre, gaze in zip(*eyes, strict=True):
        middle, turn = centre @ verts, turn_about(expression @ gaze)
        verts[ball] = (verts[ball] - middle) @ turn.T + middle
    return verts


def crop_to_mesh(
    crop: Array, session: Any, told: dict[str, Any], model: dict[str, Array], looks: int = 2
) -> tuple[Array, Array]:
    """Vertices in millimetres, and in pixels of the crop with a depth in millimetres that grows away from it.

    A network with a landmark map sees an empty one at first, then the landmarks of the look before.
    """
    drawn, points_px = told["landmark_map"], None
    for _ in range(looks if drawn is not None else 1):
        output = run(session, crop, points_px, drawn)
        identity, expression, rotation, scale, origin_px = decode(output, told["layout"], len(crop))
        verts = make_mesh(model, identity, expression)
        turned = verts @ rotation.T
        verts_px = np.concatenate((scale * turned[:, :2] + origin_px, turned[:, 2:]), axis=1)
        index, weight = model["flm18_index"], model["flm18_weight"]
        points_px = (weight[..., None] * verts_px[index, :2]).sum(axis=1)
    return verts, verts_px


def main(crop_path: str, mesh_path: str) -> None:
    """Read a crop, write a mesh."""
    from PIL import Image

    session, told = open_regressor()
    size = session.get_inputs()[0].shape[-1]
    crop = np.asarray(Image.open(crop_path).convert("RGB").resize((size, size)))
    model = open_face_model()
    verts, _ = crop_to_mesh(crop, session, told, model)
    lines = [f"v {x:.4f} {y:.4f} {z:.4f}" for x, y, z in verts]
    lines += [f"f {a} {b} {c}" for a, b, c in model["faces"] + 1]
    Path(mesh_path).write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
