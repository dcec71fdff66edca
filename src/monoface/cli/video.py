"""`monoface video CLIP… --out DIR`: clips in, an animated head for each person out."""

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from monoface.cli.console.live import showing_progress
from monoface.cli.console.progress import exit_code, make_folder, showing_photos
from monoface.cli.outputs import distinct_stems, parse_formats
from monoface.core.errors import ConfigError, MonofaceError, OutputExistsError
from monoface.core.file_sets import Moves, staged_in
from monoface.core.files import write_atomically
from monoface.pipeline import Reconstructor, ReconstructorConfig
from monoface.pipeline.refining.landmark_file import landmark_points
from monoface.video import Clip, PersonInClip, ReadingConfig, VideoConfig, VideoReconstructor
from monoface.video.files.animated import animated_glb
from monoface.video.files.overlay import write_overlay
from monoface.video.files.tables import arrays, bvh, json_lines, live_link_csv

FORMATS = ("glb", "csv", "jsonl", "npz", "bvh", "mp4")


@dataclass(frozen=True)
class VideoArguments:
    """Turn clips into animated 3D heads: one identity and texture a person, motion smooth without lag.

    STEM.personN.glb is the N-th person's rigged head with the clip's motion, .csv the same as Live Link Face
    records it, .jsonl and .npz numbers of each frame, .bvh the head's rotation; STEM.overlay.mp4 is the clip
    with landmarks drawn on it. STEM.video.json says what became of the clip, and comes last: where it is,
    everything is.

    Exit code 0: each clip has a face. 3: some have. 4: none has.
    """

    clips: tyro.conf.Positional[tuple[Path, ...]]
    """Video files, folders of pictures, or patterns such as "shots/*.png"."""
    out: Path
    """Folder for the results; it is made if it does not exist."""
    formats: str = "glb,csv,jsonl,mp4"
    """Files for each person: glb, csv, jsonl, npz, bvh; and mp4 for each clip."""
    start: float = 0.0
    """Seconds into the clip at which reading begins."""
    end: float | None = None
    """Seconds into the clip at which reading ends."""
    every: int = 1
    """Of so many frames one is taken."""
    max_faces: int | None = None
    """Most people that are followed at a time."""
    smooth: str = "0.5"
    """How much motion is smoothed, 0 to 1; none leaves it as measured."""
    overwrite: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Replace results of an earlier run."""
    resume: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Keep clips whose report is there, and do the others."""
    texture_size: int = ReconstructorConfig.texture_size
    """Side of the texture in pixels, a multiple of 16."""


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    chosen = tyro.cli(VideoArguments, prog="monoface video", args=list(arguments))
    if not chosen.clips:
        raise ConfigError("video: expected clips, got none. See monoface video --help.")
    formats = parse_formats(chosen.formats, FORMATS)
    config = VideoConfig(_strength(chosen.smooth), chosen.max_faces, every=chosen.every)
    reading = ReadingConfig(chosen.start, chosen.end, chosen.every)
    make_folder(chosen.out)
    stems = distinct_stems(chosen.clips)
    reports = [chosen.out / f"{stem}.video.json" for stem in stems]
    if not (chosen.overwrite or chosen.resume):
        for report in reports:
            if report.exists():
                raise OutputExistsError(f"{report}: expected no result there; --overwrite or --resume.")
    reconstructor = Reconstructor(ReconstructorConfig(texture_size=chosen.texture_size))
    video = VideoReconstructor(reconstructor, config)
    fine = 0
    for path, stem, report in zip(chosen.clips, stems, reports, strict=True):
        if chosen.resume and report.exists():
            status, reason = json.loads(report.read_text("utf-8"))["status"], "finished before"
        else:
            status, reason = _one_clip(path, stem, chosen.out, video, reading, formats)
        fine += status == "ok"
        with showing_photos(1) as lines:
            lines.photo_done(path, status, reason)
    return exit_code(fine, len(chosen.clips))


def _strength(text: str) -> float:
    if text == "none":
        return 0.0
    try:
        return float(text)
    except ValueError as error:
        raise ConfigError(f"--smooth: expected none or a number from 0 to 1, got {text}.") from error


def _one_clip(
    path: Path,
    stem: str,
    out: Path,
    video: VideoReconstructor,
    reading: ReadingConfig,
    formats: Sequence[str],
) -> tuple[str, str]:
    """Status and reason of a clip, whose files are written all or none."""
    began = time.monotonic()
    try:
        clip = Clip(path, reading)
        size = _Size(clip)
        # Its lines go to standard error, for standard output has one a clip.
        with showing_progress("following faces", sys.stderr):
            people = video.reconstruct(size)
    except MonofaceError as error:
        return "failed", str(error)
    status = "ok" if people else "no_face"
    report = {
        "format": "monoface-video-1",
        "status": status,
        "clip": path.name,
        "frames": size.count,
        "broken_frames": clip.broken,
        "cuts": video.tracker.cuts,
        "people": [_told(one, size.count) for one in people],
        "made_with": asdict(video.reconstructor.made_with),
    }
    try:
        with staged_in(out) as stage:
            names = _write(stage, stem, clip, size.size_px, people, video.reconstructor, formats)
            name = f"{stem}.video.json"
            write_atomically(stage / name, json.dumps(report | {"files": names}, indent=2) + "\n")
            with Moves(stage) as moves:
                for one in (*names, name):
                    moves.replace(stage / one, out / one)
    except (MonofaceError, OSError) as error:
        return "failed", str(error)
    rate = size.count / max(time.monotonic() - began, 1e-9)
    broken = f", {clip.broken} broken" if clip.broken else ""
    return status, f"{len(people)} people in {size.count} frames{broken}, {rate:.1f} frames/s"


def _write(
    stage: Path,
    stem: str,
    clip: Clip,
    size_px: tuple[int, int],
    people: Sequence[PersonInClip],
    reconstructor: Reconstructor,
    formats: Sequence[str],
) -> list[str]:
    """Names of the files that were written into the stage."""
    names: list[str] = []
    points = landmark_points(reconstructor.face_model, "ibug68", reconstructor.landmark_habits)
    landmarks = [one.motion.landmarks_px(points, one.face.posed.identity) for one in people]
    makers: dict[str, Callable[[PersonInClip, np.ndarray], str | bytes]] = {
        "glb": lambda one, _: animated_glb(one, size_px),
        "csv": lambda one, _: live_link_csv(one, clip.rate),
        "jsonl": json_lines,
        "npz": arrays,
        "bvh": lambda one, _: bvh(one, clip.rate),
    }
    for one, places in zip(people, landmarks, strict=True):
        for kind in formats:
            if kind in makers:
                names.append(f"{stem}.person{one.number}.{kind}")
                write_atomically(stage / names[-1], makers[kind](one, places))
    if "mp4" in formats and people:
        names.append(f"{stem}.overlay.mp4")
        write_overlay(clip, people, landmarks, stage / names[-1])
    return names


def _told(person: PersonInClip, frames: int) -> dict[str, Any]:
    smoothness = None if person.smoothness is None else asdict(person.smoothness)
    return {
        "number": person.number,
        "frames": len(person.motion),
        "share_of_frames": round(len(person.motion) / max(frames, 1), 4),
        "losses": person.losses,
        "first_s": float(person.motion.time_s[0]),
        "last_s": float(person.motion.time_s[-1]),
        "keyframes": list(person.keyframes),
        "smoothness": smoothness,
    }


class _Size:
    """A clip whose frames are counted and measured while they go by."""

    def __init__(self, clip: Clip) -> None:
        self._clip = clip
        self.count, self.size_px = 0, (1, 1)

    def __iter__(self) -> Any:
        for frame in self._clip:
            self.count += 1
            self.size_px = frame.image_srgb.shape[1], frame.image_srgb.shape[0]
            yield frame
