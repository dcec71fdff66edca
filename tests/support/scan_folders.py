"""Writes small data sets of scans in the layouts of the benchmarks."""

import numpy as np


def write_obj(path, verts, faces, colours=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = verts if colours is None else np.concatenate((verts, colours), axis=1)
    lines = ["v " + " ".join(f"{value:.6f}" for value in row) for row in rows]
    lines += ["f " + " ".join(str(index + 1) for index in face) for face in faces]
    path.write_text("\n".join(lines) + "\n")


def write_picked_points(path, points):
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = "\n".join(
        f'    <point x="{x:.6f}" y="{y:.6f}" z="{z:.6f}" name="{row}" active="1"/>'
        for row, (x, y, z) in enumerate(points)
    )
    head = "<!DOCTYPE PickedPoints>\n<PickedPoints>\n <DocumentData>\n  <DateTime/>\n </DocumentData>\n"
    path.write_text(f"{head}{rows}\n</PickedPoints>\n")


def face_cap(side=41, seed=0):
    """A face-like surface in millimetres, +z to the viewer, +y up, with NoW's seven landmarks on it."""
    across = np.linspace(-1, 1, side)
    x, y = np.meshgrid(85 * across, 110 * across, indexing="ij")
    nose = 22 * np.exp(-((x / 12) ** 2) - ((y + 5) / 22) ** 2)
    brows = 6 * np.exp(-(((np.abs(x) - 30) / 18) ** 2) - ((y - 42) / 9) ** 2)
    chin = 8 * np.exp(-((x / 22) ** 2) - ((y + 80) / 18) ** 2)
    z = 80 - 0.006 * x**2 - 0.003 * y**2 + nose + brows + chin
    verts = np.stack((x, y, z), axis=-1).reshape(-1, 3)
    index = np.arange(side * side).reshape(side, side)
    corner, right, up, both = index[:-1, :-1], index[1:, :-1], index[:-1, 1:], index[1:, 1:]
    faces = np.concatenate(
        (np.stack((corner, right, both), -1).reshape(-1, 3), np.stack((corner, both, up), -1).reshape(-1, 3))
    )
    wanted = np.array([(-45, 33), (-17, 31), (17, 31), (45, 33), (0, -20), (-25, -45), (25, -45)])
    nearest = [int(np.abs(verts[:, :2] - place).sum(axis=1).argmin()) for place in wanted]
    return verts, faces, np.array(nearest)


def rotation(axis_angle):
    angle = np.linalg.norm(axis_angle)
    x, y, z = np.asarray(axis_angle) / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
