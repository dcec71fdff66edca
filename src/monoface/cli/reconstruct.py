"""`monoface reconstruct PHOTO… --out DIR`: photos in; reports, overlays and 3D files out."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from monoface.cli.batch import EarlierResults, PhotoBatch
from monoface.cli.console.progress import exit_code, make_folder, showing_photos
from monoface.cli.options.detail import DEFAULT_WEIGHTS, refuse_unused_detail
from monoface.cli.outputs import (
    MESH_FORMATS,
    PAGE,
    REPORT_FORMAT,
    PhotoOutputs,
    distinct_stems,
    parse_formats,
)
from monoface.core.errors import ConfigError
from monoface.pipeline import Reconstructor, ReconstructorConfig
from monoface.texturing.look import TextureKind


@dataclass(frozen=True)
class ReconstructArguments:
    """Turn photos into posed, textured 3D faces.

    For each photo: STEM.json (status, pose, landmarks, blendshapes, coefficients) and STEM.overlay.png (what
    was found, drawn on the photo); for each face, largest first: STEM.face0.glb and so on. From the second
    photo with the same stem on, the stem gets a number, in the order given: me, me-2, me-3. STEM.json lists
    the other files of its photo; they appear together, as soon as they are ready, and no other is touched.

    A line for each photo says its status: ok, no_face, low_confidence (faces were found, but none to be
    relied on; they get no 3D files), unreadable, or failed (files could not be written). Exit code: 0 all
    photos ok, 2 usage error, 3 some not ok, 4 none ok.
    """

    photos: tyro.conf.Positional[Annotated[tuple[Path, ...], tyro.conf.arg(metavar="PHOTO…")]]
    """JPEG, PNG, WebP, TIFF and other pictures."""
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """Folder for the results; it is made if it does not exist."""
    formats: str = "glb"
    """Formats, separated by commas: glb, vrm, usdz, obj, ply; html is a page that shows all of it in a
    browser. json writes STEM.json alone, without an overlay: for those who need geometry, and not pictures,
    several times as fast."""
    weights: str = "monoface"
    """Regressor: the name of shipped weights, or the path of a .safetensors file."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where the regressor runs."""
    overwrite: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Replace results of an earlier run: the files that STEM.json lists, and no others. Without it, a photo
    whose results exist is left alone and fails."""
    resume: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Skip photos whose results are all there, made from the same file with the same options and version;
    they count as they ended. What an interrupted run left is made anew."""
    max_faces: int | None = None
    """Most faces taken from a photo, largest first. By default all."""
    small_faces: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Search every photo for faces down to 24 pixels, which takes long for large photos. Without it they are
    searched for where no face is found otherwise, or others are small, too."""
    min_confidence: float = ReconstructorConfig.min_confidence
    """Faces with a lower confidence are reported as doubtful, and get no 3D files."""
    field_of_view: float | None = None
    """Angle in degrees that the camera saw across the photo's longer side, if the photo was not cropped.
    Faces then have a distance, and GLBs a perspective camera. By default the weights say how they see."""
    focal: Literal["weights", "exif"] = "weights"
    """exif takes the focal length from each photo's EXIF data. Photos without are seen as if it had not been
    asked for, and their lines say so."""
    texture: TextureKind = ReconstructorConfig.texture
    """clean takes of photos the face's own skin, and fills the rest with skin; photo takes what was seen,
    hair and glasses too; none takes the face model's colours."""
    texture_size: int = ReconstructorConfig.texture_size
    """Side of the texture in pixels, a multiple of 16."""
    detail: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Find wrinkles: a normal map in the GLB, STEM.face0.displacement.png, its scale in the JSON."""
    detail_weights: str = DEFAULT_WEIGHTS
    """Fine stage: relief, or a network alone, by the name of shipped weights or the path of a .safetensors
    file."""
    detail_size: int | None = ReconstructorConfig.detail_size
    """Side of the displacement map in texels; by default 256 to 2048, by what the photo holds."""
    detail_strength: float = ReconstructorConfig.detail_strength
    """Factor of the heights of wrinkles."""
    refine: Literal["auto", "none"] = ReconstructorConfig.refine
    """none takes faces as the network says; auto measures them, with weights that are better for it."""
    workers: int = os.cpu_count() or 1
    """Photos that are read and searched at a time, and as many that are written. Results do not depend on
    it."""
    dense: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """With --detail, the displaced dense mesh too: STEM.face0.dense.glb, and .ply if that is a format."""


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    chosen = tyro.cli(ReconstructArguments, prog="monoface reconstruct", args=list(arguments))
    if not chosen.photos:
        raise ConfigError("reconstruct: expected a photo, got none. See monoface reconstruct --help.")
    formats = parse_formats(chosen.formats, (*MESH_FORMATS, PAGE, REPORT_FORMAT))
    meshes = tuple(name for name in formats if name != REPORT_FORMAT)
    refuse_unused_detail(chosen, meshes)
    make_folder(chosen.out)
    reconstructor = Reconstructor(
        ReconstructorConfig(
            weights=chosen.weights,
            device=chosen.device,
            max_faces=chosen.max_faces,
            small_faces=chosen.small_faces,
            min_confidence=chosen.min_confidence,
            focal=chosen.focal,
            field_of_view_deg=chosen.field_of_view,
            texture=chosen.texture,
            texture_size=chosen.texture_size,
            detail=chosen.detail_weights if chosen.detail or chosen.dense else None,
            detail_size=chosen.detail_size,
            detail_strength=chosen.detail_strength,
            refine=chosen.refine,
            threads=chosen.workers,
        )
    )
    outputs = [PhotoOutputs(chosen.out, stem, meshes, chosen.dense) for stem in distinct_stems(chosen.photos)]
    earlier = EarlierResults(chosen.overwrite, chosen.resume)
    with showing_photos(len(chosen.photos)) as report:
        paired = list(zip(chosen.photos, outputs, strict=True))
        fine = PhotoBatch(reconstructor, paired, earlier, report).run()
    return exit_code(fine, len(chosen.photos))
