"""Write a rigged head as USDZ, which Apple's systems, Omniverse, Blender and Houdini open.

Metres, +Y up. A skeleton and blend shapes as UsdSkel has them, with the photo's expression as the weights of
its animation. Needs the extra `usd`: Pixar's own library, for a USD file is no format to write by hand.
"""

from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from monoface.core.files import write_atomically
from monoface.export.scene import ExportError, Material, MeshPart, RiggedHead
from monoface.export.skeleton import INFLUENCES, Skeleton, strongest_influences

_METRES_PER_MM = 1e-3
_STILL_MM = 1e-3
_ROOT = "/head"


def usd_is_installed() -> bool:
    """Whether the extra `usd` is there."""
    return find_spec("pxr") is not None


def write_usdz(head: RiggedHead, path: Path, *, overwrite: bool = False) -> None:
    """Write a head to a .usdz file, whole or not at all.

    Raises:
        ExportError: If the extra `usd` is not installed, or the head has no skeleton.
        OutputExistsError: If the file exists and `overwrite` is false.
    """
    if not usd_is_installed():
        raise ExportError(
            "USDZ files: expected the package usd-core, found none. pip install 'monoface[usd]'"
        )
    if head.skeleton is None:
        raise ExportError("USDZ files: expected a head with a skeleton, got one without.")
    with TemporaryDirectory(prefix="monoface-usd-") as name:
        write_atomically(path, _packed(head, head.skeleton, Path(name)), overwrite=overwrite)


def _packed(head: RiggedHead, skeleton: Skeleton, folder: Path) -> bytes:
    from pxr import Sdf, Usd, UsdGeom, UsdSkel, UsdUtils  # Of the extra `usd`.

    stage = Usd.Stage.CreateNew(str(folder / "head.usdc"))
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    root = UsdSkel.Root.Define(stage, _ROOT)
    stage.SetDefaultPrim(root.GetPrim())
    skeleton_path = _add_skeleton(stage, head, skeleton)
    pictures: dict[int, str] = {}
    for material in head.materials:
        if material.texture_srgb is not None and id(material.texture_srgb) not in pictures:
            pictures[id(material.texture_srgb)] = _write_picture(material.name, material.texture_srgb, folder)
        _add_material(stage, material, pictures.get(id(material.texture_srgb)))
    for part in head.parts:
        _add_part(stage, head, part, skeleton_path)
    stage.GetRootLayer().Save()
    target = folder / "head.usdz"
    if not UsdUtils.CreateNewUsdzPackage(Sdf.AssetPath(str(folder / "head.usdc")), str(target)):
        raise ExportError("USDZ files: usd-core could not pack the file.")
    return target.read_bytes()


def _name(text: str) -> str:
    from pxr import Tf

    return str(Tf.MakeValidIdentifier(text))


def _add_skeleton(stage: Any, head: RiggedHead, skeleton: Skeleton) -> str:
    from pxr import Gf, UsdSkel, Vt

    paths: list[str] = []
    for joint in skeleton.joints:
        parent = "" if joint.parent is None else f"{paths[joint.parent]}/"
        paths.append(parent + _name(joint.name))

    def moved(place_mm: np.ndarray) -> Any:
        return Gf.Matrix4d().SetTranslate(Gf.Vec3d(*(_METRES_PER_MM * float(value) for value in place_mm)))

    bones = UsdSkel.Skeleton.Define(stage, f"{_ROOT}/skeleton")
    local = [skeleton.local_mm(number) for number in range(len(paths))]
    bones.CreateJointsAttr(paths)
    bones.CreateBindTransformsAttr([moved(joint.place_mm) for joint in skeleton.joints])
    bones.CreateRestTransformsAttr([moved(place) for place in local])
    animation = UsdSkel.Animation.Define(stage, f"{_ROOT}/skeleton/expression")
    animation.CreateJointsAttr(paths)
    animation.CreateTranslationsAttr(
        Vt.Vec3fArray.FromNumpy((_METRES_PER_MM * np.array(local)).astype(np.float32))
    )
    animation.CreateRotationsAttr([Gf.Quatf(1.0)] * len(paths))
    animation.CreateScalesAttr([Gf.Vec3h(1.0)] * len(paths))
    animation.CreateBlendShapesAttr([_name(name) for name in head.morph_names])
    animation.CreateBlendShapeWeightsAttr(head.morph_weights.astype(float).tolist())
    binding = UsdSkel.BindingAPI.Apply(bones.GetPrim())
    binding.CreateAnimationSourceRel().SetTargets([animation.GetPath()])
    return str(bones.GetPath())


def _add_material(stage: Any, material: Material, picture: str | None) -> None:
    from pxr import Gf, Sdf, UsdShade

    path = f"{_ROOT}/materials/{_name(material.name)}"
    shade = UsdShade.Material.Define(stage, path)
    surface = UsdShade.Shader.Define(stage, f"{path}/surface")
    surface.CreateIdAttr("UsdPreviewSurface")
    surface.CreateInput("roughness", Sdf.ValueTypeNames.Float).Set(0.6 if material.lit else 1.0)
    surface.CreateInput("metallic", Sdf.ValueTypeNames.Float).Set(0.0)
    shade.CreateSurfaceOutput().ConnectToSource(surface.ConnectableAPI(), "surface")
    # The photo's light is in the texture: it shines by itself.
    shown = "diffuseColor" if material.lit else "emissiveColor"
    if not material.lit:
        surface.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set(Gf.Vec3f(0.0))
    colour = surface.CreateInput(shown, Sdf.ValueTypeNames.Color3f)
    if picture is None:
        colour.Set(Gf.Vec3f(*material.color))
        return
    reader = UsdShade.Shader.Define(stage, f"{path}/st")
    reader.CreateIdAttr("UsdPrimvarReader_float2")
    reader.CreateInput("varname", Sdf.ValueTypeNames.String).Set("st")
    texture = UsdShade.Shader.Define(stage, f"{path}/texture")
    texture.CreateIdAttr("UsdUVTexture")
    texture.CreateInput("file", Sdf.ValueTypeNames.Asset).Set(picture)
    texture.CreateInput("sourceColorSpace", Sdf.ValueTypeNames.Token).Set("sRGB")
    coordinates = reader.CreateOutput("result", Sdf.ValueTypeNames.Float2)
    texture.CreateInput("st", Sdf.ValueTypeNames.Float2).ConnectToSource(coordinates)
    colour.ConnectToSource(texture.CreateOutput("rgb", Sdf.ValueTypeNames.Float3))
    if material.see_through:
        opacity = surface.CreateInput("opacity", Sdf.ValueTypeNames.Float)
        opacity.ConnectToSource(texture.CreateOutput("a", Sdf.ValueTypeNames.Float))


def _write_picture(name: str, texture: UInt8[np.ndarray, "height width channels"], folder: Path) -> str:
    """Write a texture beside the stage; its path from there, which packing needs to begin with a dot."""
    opaque = texture.shape[-1] == 3
    file = f"{_name(name)}.{'jpg' if opaque else 'png'}"
    options: dict[str, Any] = {"quality": 95, "subsampling": 0} if opaque else {}
    Image.fromarray(texture).save(folder / file, **options)
    return f"./{file}"


def _add_part(stage: Any, head: RiggedHead, part: MeshPart, skeleton_path: str) -> None:
    from pxr import Sdf, UsdGeom, UsdShade, UsdSkel, Vt

    mesh = UsdGeom.Mesh.Define(stage, f"{_ROOT}/{_name(part.name)}")
    verts = (_METRES_PER_MM * part.verts_mm).astype(np.float32)
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(verts)))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(np.full(len(part.faces), 3, dtype=np.int32)))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(part.faces.astype(np.int32).ravel()))
    mesh.CreateNormalsAttr(Vt.Vec3fArray.FromNumpy(part.neutral_normals().astype(np.float32)))
    mesh.SetNormalsInterpolation(UsdGeom.Tokens.vertex)
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    mesh.CreateDoubleSidedAttr(head.material_of(part).see_through)
    mesh.CreateExtentAttr([verts.min(axis=0).tolist(), verts.max(axis=0).tolist()])
    uv = np.stack((part.uv[:, 0], 1 - part.uv[:, 1]), axis=1).astype(np.float32)
    places = UsdGeom.PrimvarsAPI(mesh).CreatePrimvar(
        "st", Sdf.ValueTypeNames.TexCoord2fArray, UsdGeom.Tokens.vertex
    )
    places.Set(Vt.Vec2fArray.FromNumpy(uv))
    material = UsdShade.Material.Get(stage, f"{_ROOT}/materials/{_name(part.material)}")
    UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(material)
    binding = UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    binding.CreateSkeletonRel().SetTargets([skeleton_path])
    if part.joint_weights is not None:
        joints, weights = strongest_influences(part.joint_weights)
        binding.CreateJointIndicesPrimvar(constant=False, elementSize=INFLUENCES).Set(
            Vt.IntArray.FromNumpy(joints.astype(np.int32).ravel())
        )
        binding.CreateJointWeightsPrimvar(constant=False, elementSize=INFLUENCES).Set(
            Vt.FloatArray.FromNumpy(weights.ravel())
        )
    _add_blend_shapes(stage, head, part, binding)


def _add_blend_shapes(stage: Any, head: RiggedHead, part: MeshPart, binding: Any) -> None:
    """Blend shapes of a part, each with the vertices that it moves."""
    from pxr import UsdSkel, Vt

    names, targets = [], []
    for name in head.morph_names:
        offsets = part.morphs_mm.get(name)
        if offsets is None:
            continue
        moved = np.flatnonzero(np.abs(offsets).max(axis=1) > _STILL_MM)
        shape = UsdSkel.BlendShape.Define(stage, f"{_ROOT}/{_name(part.name)}/{_name(name)}")
        shape.CreateOffsetsAttr(Vt.Vec3fArray.FromNumpy((_METRES_PER_MM * offsets[moved]).astype(np.float32)))
        shape.CreatePointIndicesAttr(Vt.IntArray.FromNumpy(moved.astype(np.int32)))
        names.append(_name(name))
        targets.append(shape.GetPath())
    if names:
        binding.CreateBlendShapesAttr(names)
        binding.CreateBlendShapeTargetsRel().SetTargets(targets)
