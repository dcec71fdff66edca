"""How a refinement is learned for a trained network."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from monoface.core.errors import ConfigError
from monoface.facemodel import face_model_file
from monoface.facemodel.estimation.refinement import RefineConfig
from monoface.training.engine.cards import named_file
from monoface.training.likeness.choosing import GridConfig
from monoface.training.likeness.joining import GuardConfig
from monoface.training.likeness.people_map import PeopleMapConfig


@dataclass(frozen=True)
class PhotosConfig:
    """How many photos are looked at.

    Attributes:
        cfp: Photos of each of the people whose profiles are marked.
        ytf: Of each of the others: of `ytf`.
        lfw: Of `lfw`.
        people: Most people of sources without profiles, who teach little.
        marked: Photos of `aflw` (val) with MERL-RAV's points, to choose by.
        ordinary: Photos of `aflw` (train), for habits and blendshapes.
        striking: So many more with the highest scores of each expression.
        portraits: Of `portraits_cc0`, which are calm.
        heads: Drawn ones.
    """

    cfp: int = 4
    ytf: int = 2
    lfw: int = 1
    people: int = 250
    marked: int = 300
    ordinary: int = 400
    striking: int = 5
    portraits: int = 100
    heads: int = 150


@dataclass(frozen=True)
class TrainLikenessConfig:
    """Teach trained weights who people are: a second stage in closed form, after `monoface train monoface`.

    Attributes:
        init: Weights to start from: what `monoface train monoface` wrote.
        people: Folder that `monoface data people` wrote: cfp/people.npz and, if they are there, those of ytf
            and lfw.
        data: Folder of the sources.
        out: File to write; what was seen in photos is kept beside it, in FILE.looks/.
        blendshapes: Folder of aflw.npz and portraits_cc0.npz with blendshapes in ARKit's scale of photos of
            these sources; without it blendshapes stay the face model's weights.
        people_map: How identities are learned from descriptors, where the grid does not say.
        guard: Which photos descriptors are believed of.
        refine: Where the search for numbers begins.
        grid: What is tried.
        photos: How many photos are looked at.
        seed: Of what is drawn.
        overwrite: Replace the file if it exists.
        face_model: File that `monoface facemodel learn` wrote; the shipped face model by default.
    """

    init: Path
    people: Path
    data: Path
    out: Path
    blendshapes: Path | None = None
    people_map: PeopleMapConfig = field(default_factory=PeopleMapConfig)
    guard: GuardConfig = field(default_factory=GuardConfig)
    refine: RefineConfig = field(default_factory=RefineConfig)
    grid: GridConfig = field(default_factory=GridConfig)
    photos: PhotosConfig = field(default_factory=PhotosConfig)
    seed: int = 0
    overwrite: bool = False
    face_model: Path | None = None

    def __post_init__(self) -> None:
        if self.out.suffix != ".safetensors":
            raise ConfigError(f"out {self.out}: expected the name of a .safetensors file.")
        if self.out.resolve() == self.init.resolve():
            raise ConfigError(f"out {self.out}: expected another file than init.")

    def recorded(self) -> dict[str, Any]:
        """What a card says of it."""
        said = asdict(self)
        for name in ("init", "people", "data", "out", "blendshapes"):
            del said[name]
        del said["overwrite"]
        return said | {"face_model": named_file(face_model_file(self.face_model))}
