"""`monoface video CLIP… --out DIR`: clips in, an animated head for each person out."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from monoface.cli.batch import EarlierResults
from monoface.cli.console.live import showing_progress
from monoface.cli.console.progress import exit_code, make_folder, showing_photos
from monoface.cli.origins import origin_of
from monoface.cli.outputs import distinct_stems, parse_formats
from monoface.core.errors import ConfigError, MonofaceError, OutputExistsError
from monoface.core.file_sets import staged_in
from monoface.core.files import write_atomically
from monoface.pipeline import Reconstructor, ReconstructorConfig
from monoface.pipeline.refining.landmark_file import landmark_points
from monoface.pipeline.writing.result_files import Origin, ResultFiles
from monoface.video import Clip, PersonInClip, ReadingConfig, VideoConfig, VideoReconstructor
from monoface.video.files.animated import animated_glb
from monoface.video.files.overlay import write_overlay
from monoface.video.files.tables import arrays, bvh, json_lines, live_link_csv

FORMATS = ("glb", "csv", "jsonl", "npz", "bvh", "mp4")
REPORT_FORMAT = "monoface-video-1"
_REPORT_SUFFIX = ".video.json"


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
    """Replace results of an earlier run: the files that their reports list, and no others."""
    resume: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Keep clips whose files are whole and of the same clip, options and version, and do the others."""
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
    reports = [chosen.out / f"{stem}{_REPORT_SUFFIX}" for stem in distinct_stems(chosen.clips)]
    reconstructor = Reconstructor(ReconstructorConfig(texture_size=chosen.texture_size))
    batch = _ClipBatch(
        VideoReconstructor(reconstructor, config),
        reading,
        formats,
        EarlierResults(chosen.overwrite, chosen.resume),
    )
    fine = 0
    for path, report in zip(chosen.clips, reports, strict=True):
        status, reason = batch(path, report)
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


@dataclass(frozen=True)
class _ClipBatch:
    """What is done with each clip."""

    video: VideoReconstructor
    reading: ReadingConfig
    formats: Sequence[str]
    earlier: EarlierResults

    def __call__(self, path: Path, report: Path) -> tuple[str, str]:
        """Status and reason of a clip, whose files are written all or none."""
        began = time.monotonic()
        try:
            clip = Clip(path, self.reading)
            files = ResultFiles(report, REPORT_FORMAT, self._origin(clip))
            finished = files.finished() if self.earlier.resume else None
            if finished is not None:
                return str(finished["status"]), "finished before"
            files.check((), self.earlier.existing)
            counted = _CountedFrames(clip)
            # Its lines go to standard error, for standard output has one a clip.
            with showing_progress("following faces", on_stderr=True):
                people = self.video.reconstruct(counted)
            told = self._report(path, clip, counted, people, files)
            with staged_in(report.parent) as stage:
                stem = report.name.removesuffix(_REPORT_SUFFIX)
                self._write(stage, stem, clip, counted.size_px, people)
                files.publish(stage, told, self.earlier.existing)
        except OutputExistsError as error:
            return "failed", self.earlier.advised(error)
        except MonofaceError as error:
            return "failed", str(error)
        except OSError as error:
            return "failed", f"the results cannot be written ({error.strerror or error})"
        rate = counted.count / max(time.monotonic() - began, 1e-9)
        broken = f", {clip.broken} broken" if clip.broken else ""
        seen = f"{len(people)} people in {counted.count} frames{broken}, {rate:.1f} frames/s"
        return str(told["status"]), seen

    def _origin(self, clip: Clip) -> Origin:
        chosen = {
            "formats": list(self.formats),
            "clip": asdict(self.reading),
            "video": asdict(self.video.config),
        }
        return origin_of(clip.files, self.video.reconstructor, chosen, largest_bytes=sys.maxsize)

    def _report(
        self,
        path: Path,
        clip: Clip,
        counted: "_CountedFrames",
        people: Sequence[PersonInClip],
        files: ResultFiles,
    ) -> dict[str, Any]:
        assert files.origin is not None
        return {
            "format": REPORT_FORMAT,
            "status": "ok" if people else "no_face",
            "clip": path.name,
            "frames": counted.count,
            "broken_frames": clip.broken,
            "cuts": self.video.tracker.cuts,
            "people": [_told(one, counted.count) for one in people],
            **files.origin.as_report(),
            "made_with": files.origin.made_with,
        }

    def _write(
        self, stage: Path, stem: str, clip: Clip, size_px: tuple[int, int], people: Sequence[PersonInClip]
    ) -> None:
        """Write everybody's files into the stage."""
        reconstructor = self.video.reconstructor
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
            for kind in self.formats:
                if kind in makers:
                    write_atomically(stage / f"{stem}.person{one.number}.{kind}", makers[kind](one, places))
        if "mp4" in self.formats and people:
            write_overlay(clip, people, landmarks, stage / f"{stem}.overlay.mp4")


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


class _CountedFrames:
    """A clip whose frames are counted and measured while they go by."""

    def __init__(self, clip: Clip) -> None:
        self._clip = clip
        self.count, self.size_px = 0, (1, 1)

    def __iter__(self) -> Any:
        for frame in self._clip:
            self.count += 1
            self.size_px = frame.image_srgb.shape[1], frame.image_srgb.shape[0]
            yield frame
