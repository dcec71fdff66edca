"""Clips in, animated heads out: one identity and texture a person, motion that is smooth without lag."""

from monoface.video.live import FrameFace
from monoface.video.motion import Motion, Smoothness
from monoface.video.reading import Clip, Frame, ReadingConfig
from monoface.video.reconstructor import PersonInClip, VideoConfig, VideoReconstructor

__all__ = [
    "Clip",
    "Frame",
    "FrameFace",
    "Motion",
    "PersonInClip",
    "ReadingConfig",
    "Smoothness",
    "VideoConfig",
    "VideoReconstructor",
]
