"""Files of a result and its report, which lists them: what lies there, whose it is, and how it is replaced.

The report is the manifest: `files` has the size of every other file of the result by name, and
`photo_sha256`, `options` and `made_with` say what it was made from. While the files are moved to their places
the report is there already, with the status `writing`: so a name is claimed before anything else is done, and
what a killed process left is known.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from monoface.core.errors import OutputExistsError
from monoface.core.file_sets import Moves, alone_in
from monoface.core.files import write_atomically
from monoface.core.json_text import parse_json
from monoface.pipeline.writing.json_report import to_json

Existing = Literal["keep", "resume", "overwrite"]
"""What becomes of an earlier result of the same name: it stays; it is replaced if it is not finished; it is
replaced. Files that its report does not list are never touched."""

WRITING = "writing"
"""Status of a report whose files are not all in their places."""

# A crowd of a thousand faces has reports of 30 MB.
_MAX_REPORT_BYTES = 2**28


@dataclass(frozen=True)
class Origin:
    """What a result is made from: where all of it is the same, the result is.

    Attributes:
        photo_sha256: Of the photo's file; None if it cannot be read.
        options: What was chosen, as JSON has it.
        made_with: Versions and hashes, as reports have them.
    """

    photo_sha256: str | None
    options: Mapping[str, Any]
    made_with: Mapping[str, Any]

    def as_report(self) -> dict[str, Any]:
        """What the report says of it, but for `made_with`, which it has anyway."""
        return {"photo_sha256": self.photo_sha256, "options": dict(self.options)}


@dataclass(frozen=True)
class ResultFiles:
    """The files of one result.

    Attributes:
        report: Path of the report; the other files lie beside it.
        kind: What reports of such results have as `format`.
        origin: What a new result is made from; without it, none is known to be finished.
    """

    report: Path
    kind: str
    origin: Origin | None = None

    def finished(self) -> Mapping[str, Any] | None:
        """The report of a whole result that was made from the same; None if there is none."""
        found = self._read()
        if found is None or self.origin is None or self.origin.photo_sha256 is None:
            return None
        origin = self.origin.as_report() | {"made_with": self.origin.made_with}
        same = all(found.get(name) == value for name, value in origin.items())
        return found if same and self._is_whole(found) else None

    def check(self, names: Sequence[str], existing: Existing) -> frozenset[str]:
        """Check that a result may be written.

        Args:
            names: Of its files, without the report, as far as they are known.
            existing: What may be replaced.

        Returns:
            Names of the files that it replaces, without the report.

        Raises:
            OutputExistsError: If there is a result that may not be replaced, or a file of somebody else's.
        """
        own: frozenset[str] = frozenset()
        if os.path.lexists(self.report):
            found = self._read()
            if found is None:
                raise OutputExistsError(f"{self.report} exists and is no report of such a result; {_MOVE}")
            if existing == "keep":
                raise OutputExistsError(f"{self.report} exists; use --overwrite to replace it")
            if existing == "resume" and not self._is_unfinished(found):
                raise OutputExistsError(
                    f"{self.report} is of another photo or other options; use --overwrite to replace it"
                )
            own = frozenset(_files_of(found))
        for name in names:
            if name not in own and os.path.lexists(self.report.with_name(name)):
                raise OutputExistsError(f"{self.report.with_name(name)} exists, {self._foreign(existing)}")
        return own

    def publish(self, stage: Path, report: Mapping[str, Any], existing: Existing) -> None:
        """Move all files of a staging folder beside the report, and write it: all of that or nothing.

        Args:
            stage: Holds the files, and nothing else; in the folder of the report.
            report: What the report says; `files` is added.
            existing: What may be replaced.

        Raises:
            OutputExistsError: As `check`, also if another process was faster.
            OSError: If the files cannot be moved; then all is as it was.
        """
        names = sorted(path.name for path in stage.iterdir())
        sizes = {name: (stage / name).stat().st_size for name in names}
        # Hidden, so that no file of the result can have these names.
        claim, written = stage / ".claim", stage / ".report"
        with alone_in(self.report.parent), Moves(stage) as moves:
            own = self.check(names, existing)
            begun = {**report, "status": WRITING, "files": dict.fromkeys(sorted(own), 0) | sizes}
            write_atomically(claim, to_json(begun))
            write_atomically(written, to_json({**report, "files": sizes}))
            if os.path.lexists(self.report):
                moves.replace(claim, self.report)
            else:
                moves.add(claim, self.report)
            for name in names:
                move = moves.replace if name in own else moves.add
                move(stage / name, self.report.with_name(name))
            for name in sorted(own.difference(names)):
                moves.remove(self.report.with_name(name))
            moves.replace(written, self.report)

    def _read(self) -> Mapping[str, Any] | None:
        """The report that lies there; None if there is none, or something else."""
        try:
            if self.report.stat().st_size > _MAX_REPORT_BYTES:
                return None
            found = parse_json(self.report.read_bytes())
        except (OSError, ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) and found.get("format") == self.kind else None

    def _is_whole(self, report: Mapping[str, Any]) -> bool:
        """Whether all files that a report lists are there, in their sizes."""
        if report.get("status") == WRITING or "files" not in report:
            return False
        for name, size in _files_of(report).items():
            try:
                if self.report.with_name(name).stat().st_size != size:
                    return False
            except OSError:
                return False
        return True

    def _is_unfinished(self, report: Mapping[str, Any]) -> bool:
        """Whether there is no loss in doing it again: files lack, or the photo could not be read."""
        return "files" in report and (report.get("photo_sha256") is None or not self._is_whole(report))

    def _foreign(self, existing: Existing) -> str:
        if existing == "keep":
            return "use --overwrite to replace results of an earlier run"
        return f"and {self.report.name} does not list it; {_MOVE}"


_MOVE = "move it away, or choose another folder"


def _files_of(report: Mapping[str, Any]) -> dict[str, int]:
    """Files that a report lists, plain names only: whoever wrote it, no other folder is touched."""
    files = report.get("files")
    if not isinstance(files, dict):
        return {}
    return {name: size for name, size in files.items() if name == Path(name).name and name not in ("", "..")}
