"""Running the detection networks on parts of photos, on a few threads."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import UInt8

from monoface.core.processes import PerProcess
from monoface.detection.blazeface import BlazeFace, Candidates
from monoface.detection.crops import SquareCrop
from monoface.detection.layered_photo import LayeredPhoto


@dataclass(frozen=True, eq=False)
class CropView:
    """One look of a network at a photo.

    Attributes:
        network: Who looks.
        photo: The photo.
        crop: The part of it to look at.
        mirrored: Whether the network sees the crop mirrored; what it finds is then of the mirrored crop.
    """

    network: BlazeFace
    photo: LayeredPhoto
    crop: SquareCrop
    mirrored: bool = False

    def sample(self) -> UInt8[np.ndarray, "size size 3"]:
        """The picture that the network sees."""
        pixels = self.photo.sample(self.crop, self.network.spec.size_px)
        return pixels[:, ::-1] if self.mirrored else pixels


class NetworkRunner:
    """Looks at views: cuts them out and runs their networks, in batches that are shared among threads.

    The threads take whole batches, since networks this small gain little from threads within them. Results
    come in the order of the views, whatever the timing.
    """

    def __init__(self, threads: int, batch_size: int) -> None:
        self._threads = threads
        self._batch_size = batch_size
        self._pool = PerProcess(partial(ThreadPoolExecutor, threads, thread_name_prefix="monoface-look"))

    def look(self, views: Sequence[CropView], min_score: float) -> list[Candidates]:
        """What is seen in each view, in pixels of the network's input."""
        batches = self._batches(views)

        def run(batch: Sequence[CropView]) -> list[Candidates]:
            return batch[0].network(np.stack([view.sample() for view in batch]), min_score)

        serial = self._threads == 1 or len(batches) == 1
        found = map(run, batches) if serial else self._pool().map(run, batches)
        return [one for part in found for one in part]

    def run_in_photo(self, views: Sequence[CropView], min_score: float) -> list[Candidates]:
        """What is seen in each view, in pixels of the photo; for views that are not mirrored."""
        found = self.look(views, min_score)
        return [
            one.in_photo(view.crop, view.network.spec.size_px) for one, view in zip(found, views, strict=True)
        ]

    def _batches(self, views: Sequence[CropView]) -> list[list[CropView]]:
        """Runs of views of one network, small enough that every thread has something to do."""
        size = max(1, min(self._batch_size, -(-len(views) // self._threads)))
        batches: list[list[CropView]] = []
        for view in views:
            if batches and len(batches[-1]) < size and batches[-1][0].network is view.network:
                batches[-1].append(view)
            else:
                batches.append([view])
        return batches
