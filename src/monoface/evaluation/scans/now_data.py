"""NoW's photos, scans and predictions, as files.

Users bring the data set, in its official layout:

    imagepathsvalidation.txt                            SUBJECT/CHALLENGE/PHOTO.jpg on each line
    scans/SUBJECT/*.obj                                 the scans, in millimetres
    scans_lmks_onlypp/SUBJECT/*.pp                      their seven landmarks
    iphone_pictures/SUBJECT/CHALLENGE/PHOTO.jpg         the photos

and predictions as SUBJECT/CHALLENGE/PHOTO.obj or .ply with PHOTO.npy or .txt, the seven landmarks; or weights
of ours, which see the photos.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from monoface.core.errors import DataError
from monoface.evaluation.scans.mesh_predictor import PredictedMesh
from monoface.evaluation.scans.meshes import find_mesh, find_points, read_mesh, read_points
from monoface.evaluation.scans.now_protocol import NowScan


@dataclass(frozen=True)
class NowPhoto:
    """A line of the list of photos."""

    subject: str
    challenge: str
    name: str

    @property
    def key(self) -> str:
        """SUBJECT/CHALLENGE/PHOTO, without suffix."""
        return f"{self.subject}/{self.challenge}/{Path(self.name).stem}"


class NowData:
    """Photos, scans and landmarks of a folder in the official layout.

    Raises:
        DataError: If the list of photos is missing, or a line of it is no photo.
    """

    def __init__(self, folder: Path, image_set: str = "validation") -> None:
        path = folder / f"imagepaths{image_set}.txt"
        try:
            lines = path.read_text(encoding="utf-8").split()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: expected NoW's list of photos, cannot read it ({error}).") from error
        parts = [line.split("/")[-3:] for line in lines]
        if not parts or any(len(part) != 3 for part in parts):
            raise DataError(f"{path}: expected lines such as SUBJECT/CHALLENGE/PHOTO.jpg.")
        self.folder = folder
        self.photos = [NowPhoto(*part) for part in parts]

    @lru_cache(maxsize=2)  # noqa: B019  The data lives as long as the run; two scans are tens of megabytes.
    def scan(self, subject: str) -> NowScan:
        """Cropped scan of a subject.

        Raises:
            DataError: If the scan or its landmarks are missing or damaged.
        """
        mesh = read_mesh(self._only(self.folder / "scans" / subject, "*.obj"))
        landmarks = read_points(self._only(self.folder / "scans_lmks_onlypp" / subject, "*.pp"))
        if len(landmarks) != 7:
            raise DataError(f"{subject}: expected 7 landmarks of the scan, got {len(landmarks)}.")
        return NowScan.cropped(mesh.verts, mesh.faces, landmarks)

    def picture(self, photo: NowPhoto) -> Path:
        """Path of a photo."""
        return self.folder / "iphone_pictures" / photo.subject / photo.challenge / photo.name

    @staticmethod
    def _only(folder: Path, pattern: str) -> Path:
        found = sorted(folder.glob(pattern))
        if not found:
            raise DataError(f"{folder}: expected {pattern}, found none.")
        return found[0]


def read_prediction(stem: Path) -> PredictedMesh | str:
    """A mesh with its landmarks, by the path of both without suffix; or which of them is missing.

    Raises:
        DataError: If a file is damaged.
    """
    mesh_path, points_path = find_mesh(stem), find_points(stem)
    if mesh_path is None:
        return "no mesh"
    if points_path is None:
        return "no landmarks"
    mesh = read_mesh(mesh_path)
    return PredictedMesh(mesh, read_points(points_path))
