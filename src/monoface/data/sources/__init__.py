"""One reader per source of photos. All give annotations in our pixel convention."""

from monoface.data.sources.aflw import Aflw, AflwPhoto
from monoface.data.sources.aflw2000 import Aflw2000, Aflw2000Photo
from monoface.data.sources.cfp import Cfp, CfpPhoto
from monoface.data.sources.excluded import excluded_people
from monoface.data.sources.fasseg import Fasseg, FassegPhoto
from monoface.data.sources.lfw import Lfw, LfwPhoto
from monoface.data.sources.merl_rav import MerlRav, MerlRavPhoto
from monoface.data.sources.mgcnet_strips import MgcnetStrips, StripSample
from monoface.data.sources.multipie import MultiPie, MultiPiePhoto
from monoface.data.sources.source import PhotoSource
from monoface.data.sources.unlabelled import Omi, PortraitsCc0, UnlabelledPhoto, UnlabelledPhotos
from monoface.data.sources.w300lp import W300Lp, W300LpPhoto
from monoface.data.sources.ytf import Ytf, YtfPhoto

__all__ = [
    "Aflw",
    "Aflw2000",
    "Aflw2000Photo",
    "AflwPhoto",
    "Cfp",
    "CfpPhoto",
    "Fasseg",
    "FassegPhoto",
    "Lfw",
    "LfwPhoto",
    "MerlRav",
    "MerlRavPhoto",
    "MgcnetStrips",
    "MultiPie",
    "MultiPiePhoto",
    "Omi",
    "PhotoSource",
    "PortraitsCc0",
    "StripSample",
    "UnlabelledPhoto",
    "UnlabelledPhotos",
    "W300Lp",
    "W300LpPhoto",
    "Ytf",
    "YtfPhoto",
    "excluded_people",
]
