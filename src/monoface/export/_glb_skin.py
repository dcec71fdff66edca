"""Skeletons as glTF has them: a node for each joint, and one skin that all parts share."""

import numpy as np

from monoface.export._glb_camera import METRES_PER_MM
from monoface.export._gltf import BufferWriter, Json
from monoface.export.skeleton import Skeleton


def joint_nodes(skeleton: Skeleton, first: int) -> list[Json]:
    """A node for each joint, of which the first gets the number `first`."""
    nodes = []
    for number, joint in enumerate(skeleton.joints):
        place = METRES_PER_MM * skeleton.local_mm(number).astype(np.float64)
        node: Json = {"name": joint.name, "translation": place.tolist()}
        children = [first + child for child in skeleton.children(number)]
        nodes.append(node | ({"children": children} if children else {}))
    return nodes


def skin_of(skeleton: Skeleton, first: int, buffer: BufferWriter) -> Json:
    """The skin of the joints whose nodes begin at `first`; vertices are stored as they are at rest."""
    inverse = np.tile(np.eye(4), (len(skeleton.joints), 1, 1))
    inverse[:, :3, 3] = [-METRES_PER_MM * joint.place_mm for joint in skeleton.joints]
    return {
        "name": "skeleton",
        "joints": list(range(first, first + len(skeleton.joints))),
        "skeleton": first,
        "inverseBindMatrices": buffer.add_matrices(inverse),
    }
