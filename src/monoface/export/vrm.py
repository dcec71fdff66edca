"""Write a rigged head as VRM 1.0, a GLB file that VTuber programs open as an avatar.

VRM wants a whole humanoid. What the head does not have are stand-ins: bones in a T-pose that nothing follows.
The file is neutral: programs drive its expressions from 0.

Reference:
    VRM Consortium, "VRMC_vrm-1.0", https://github.com/vrm-c/vrm-specification.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from monoface.core.files import write_atomically
from monoface.export._gltf import Json
from monoface.export.glb import encode_glb
from monoface.export.scene import ExportError, RiggedHead
from monoface.export.skeleton import Joint, Skeleton

_EXTENSION = "VRMC_vrm"
_LICENCE = "https://vrm.dev/licenses/1.0/"

# VRM's names of the joints that heads have, by theirs.
_HUMANOID = {
    "Spine2": "chest", "Neck": "neck", "Head": "head", "Jaw": "jaw", "LeftEye": "leftEye",
    "RightEye": "rightEye", "Hips": "hips", "Spine": "spine",
}  # fmt: skip
# Stand-ins: parent, place from the head's first joint in millimetres, for a grown-up, and VRM's name.
_LIMBS = {
    "{side}Arm": ("Spine2", (180.0, 0.0, 0.0), "{vrm}UpperArm"),
    "{side}ForeArm": ("{side}Arm", (430.0, 0.0, 0.0), "{vrm}LowerArm"),
    "{side}Hand": ("{side}ForeArm", (670.0, 0.0, 0.0), "{vrm}Hand"),
    "{side}UpLeg": ("Hips", (90.0, -480.0, 0.0), "{vrm}UpperLeg"),
    "{side}Leg": ("{side}UpLeg", (90.0, -880.0, 0.0), "{vrm}LowerLeg"),
    "{side}Foot": ("{side}Leg", (90.0, -1280.0, 0.0), "{vrm}Foot"),
}
_HIPS_MM, _SPINE_MM = (0.0, -420.0, 0.0), (0.0, -230.0, 0.0)

# VRM's expressions, of ARKit's shapes: what each is made of.
_PRESETS: Mapping[str, Mapping[str, float]] = {
    "happy": {"mouthSmile": 0.8, "cheekSquint": 0.5, "eyeSquint": 0.2},
    "angry": {"browDown": 0.9, "noseSneer": 0.4, "mouthFrown": 0.4, "mouthPress": 0.4},
    "sad": {"browInnerUp": 0.9, "mouthFrown": 0.7, "mouthShrugLower": 0.3},
    "relaxed": {"mouthSmile": 0.3, "eyeBlink": 0.25},
    "surprised": {"browInnerUp": 0.8, "browOuterUp": 0.8, "eyeWide": 0.7, "jawOpen": 0.3},
    "aa": {"jawOpen": 0.6}, "ih": {"jawOpen": 0.15, "mouthStretch": 0.5},
    "ou": {"jawOpen": 0.15, "mouthPucker": 0.8},
    "ee": {"jawOpen": 0.15, "mouthSmile": 0.5, "mouthStretch": 0.3},
    "oh": {"jawOpen": 0.4, "mouthFunnel": 0.6},
    "blink": {"eyeBlink": 1.0}, "blinkLeft": {"eyeBlinkLeft": 1.0}, "blinkRight": {"eyeBlinkRight": 1.0},
    "lookUp": {"eyeLookUp": 1.0}, "lookDown": {"eyeLookDown": 1.0},
    "lookLeft": {"eyeLookOutLeft": 1.0, "eyeLookInRight": 1.0},
    "lookRight": {"eyeLookInLeft": 1.0, "eyeLookOutRight": 1.0}, "neutral": {},
}  # fmt: skip
# Turns of the eyes at 90 degrees of the program's, in degrees: as the shapes of the eye turn them.
_LOOK_DEG = {"HorizontalInner": 28.6, "HorizontalOuter": 28.6, "VerticalDown": 25.8, "VerticalUp": 20.1}


@dataclass(frozen=True)
class VrmMeta:
    """What a VRM file says of its avatar: by default that only its maker may use it.

    Attributes:
        name: Of the avatar.
        authors: Who made it.
        avatar_permission: onlyAuthor, onlySeparatelyLicensedPerson or everyone.
        commercial_usage: personalNonProfit, personalProfit or corporation.
    """

    name: str = "monoface head"
    authors: tuple[str, ...] = ("made with monoface",)
    avatar_permission: str = "onlyAuthor"
    commercial_usage: str = "personalNonProfit"

    def as_json(self) -> Json:
        """As VRM has it."""
        return {
            "name": self.name,
            "version": "1",
            "authors": list(self.authors),
            "licenseUrl": _LICENCE,
            "avatarPermission": self.avatar_permission,
            "commercialUsage": self.commercial_usage,
            "creditNotation": "required",
            "modification": "prohibited",
            "allowRedistribution": False,
        }


def write_vrm(head: RiggedHead, path: Path, meta: VrmMeta | None = None, *, overwrite: bool = False) -> None:
    """Write a head to a .vrm file, whole or not at all.

    Raises:
        ExportError: If the head has no skeleton with a joint `Head`.
        OutputExistsError: If the file exists and `overwrite` is false.
    """
    write_atomically(path, encode_vrm(head, meta or VrmMeta()), overwrite=overwrite)


def encode_vrm(head: RiggedHead, meta: VrmMeta) -> bytes:
    """Bytes of the .vrm file of a head."""
    if head.skeleton is None or "Head" not in head.skeleton.names:
        raise ExportError("VRM files: expected a head with a skeleton that has a joint Head.")
    avatar = replace(_with_body(head, head.skeleton), morph_weights=np.zeros(len(head.morph_names)))
    return encode_glb(avatar, lambda document: _extension(avatar, document, meta))


def _with_body(head: RiggedHead, skeleton: Skeleton) -> RiggedHead:
    """The head on a body of bones: hips and spine before its joints, limbs behind them."""
    first = skeleton.joints[0].place_mm
    joints = [Joint("Hips", None, first + _HIPS_MM), Joint("Spine", 0, first + _SPINE_MM)]
    before = len(joints)
    joints += [
        replace(joint, parent=before - 1 if joint.parent is None else joint.parent + before)
        for joint in skeleton.joints
    ]
    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        for pattern, (parent, place, _) in _LIMBS.items():
            number = [joint.name for joint in joints].index(parent.format(side=side))
            joints.append(Joint(pattern.format(side=side), number, first + np.array(place) * (sign, 1, 1)))
    after = len(joints) - before - len(skeleton.joints)

    parts = tuple(
        part
        if part.joint_weights is None
        else replace(part, joint_weights=np.pad(part.joint_weights, ((0, 0), (before, after))))
        for part in head.parts
    )
    return replace(head, parts=parts, skeleton=Skeleton(tuple(joints)))


def _extension(head: RiggedHead, document: Json, meta: VrmMeta) -> Json:
    nodes = {node["name"]: number for number, node in enumerate(document["nodes"])}
    names = dict(_HUMANOID)
    for side, vrm in (("Left", "left"), ("Right", "right")):
        names |= {name.format(side=side): limb.format(vrm=vrm) for name, (_, _, limb) in _LIMBS.items()}
    content: Json = {
        "specVersion": "1.0",
        "meta": meta.as_json(),
        "humanoid": {
            "humanBones": {names[name]: {"node": node} for name, node in nodes.items() if name in names}
        },
        "expressions": _expressions(head),
        "lookAt": _look_at(head),
    }
    return {
        "extensions": {_EXTENSION: content},
        "extensionsUsed": [*document.get("extensionsUsed", ()), _EXTENSION],
    }


def _expressions(head: RiggedHead) -> Json:
    """VRM's own expressions that the head's morphs can make, and each morph by its name."""
    # Part nodes come behind the root, in the order of the parts.
    moving = [1 + number for number, part in enumerate(head.parts) if part.morphs_mm]

    def binds(shares: Mapping[str, float]) -> Json:
        numbers = {
            head.morph_names.index(name): share
            for stem, share in shares.items()
            for name in (stem, f"{stem}Left", f"{stem}Right")
            if name in head.morph_names
        }
        return {
            "morphTargetBinds": [
                {"node": node, "index": index, "weight": share}
                for node in moving
                for index, share in numbers.items()
            ],
            "isBinary": False,
            "overrideBlink": "none",
            "overrideLookAt": "none",
            "overrideMouth": "none",
        }

    return {
        "preset": {name: binds(shares) for name, shares in _PRESETS.items()},
        "custom": {name: binds({name: 1.0}) for name in head.morph_names},
    }


def _look_at(head: RiggedHead) -> Json:
    skeleton = head.skeleton
    assert skeleton is not None
    places = {joint.name: joint.place_mm for joint in skeleton.joints}
    eyes = [places[name] for name in ("LeftEye", "RightEye") if name in places]
    offset = np.mean(eyes, axis=0) - places["Head"] if eyes else np.zeros(3)
    maps = {
        f"rangeMap{name}": {"inputMaxValue": 90.0, "outputScale": degrees}
        for name, degrees in _LOOK_DEG.items()
    }
    kind = "bone" if eyes else "expression"
    return {"type": kind, "offsetFromHeadBone": (1e-3 * offset).tolist(), **maps}
