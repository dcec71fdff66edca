"""Batches of views among which some samples are three single photos."""

from collections.abc import Mapping

import torch
from torch import Tensor

from monoface.core.errors import ConfigError
from monoface.data.batches.photo_batch import BatchMaker, TrainingBatch
from monoface.data.batches.view_batch import MultiViewBatch, MultiViewBatchMaker
from monoface.data.packs.view_pack import SINGLE, VIEWS


class ViewMixture:
    """Draws samples of views, and in each batch as many samples of three photos of anybody as configured.

    Photos have no known skin, so their colours say nothing, and nothing is compared between them.

    Args:
        views: Draws the views.
        photos: Draws the photos, at the same size.
        share: Share of the batch's samples that are photos.
        outputs: Length of the output vectors of the views.

    Raises:
        ConfigError: If the share is not in 0..1, or the sizes differ.
    """

    def __init__(self, views: MultiViewBatchMaker, photos: BatchMaker, share: float, outputs: int) -> None:
        if not 0 <= share <= 1 or views.crop_px != photos.crop_px:
            raise ConfigError(
                "mixture of views: expected a share of photos in 0..1 and crops of one size, got "
                f"{share}, {views.crop_px} and {photos.crop_px}."
            )
        self._views = views
        self._photos = photos
        self._share = share
        self._outputs = outputs

    @property
    def seen(self) -> dict[str, str]:
        """By their names, the terms that the packs state which are drawn from."""
        return self._views.seen | (self._photos.seen if self._share else {})

    def sample(self, seed: int, step: int, batch: int, part: slice = slice(None)) -> MultiViewBatch:
        """The batch of a step, or the part of it that one of several processes computes.

        The last samples of the whole are the photos. Equal arguments give equal batches, and parts are those
        of the same whole.
        """
        start, stop, _ = part.indices(batch)
        of_views = batch - round(self._share * batch)
        count = batch - of_views
        parts = []
        if start < of_views:
            parts.append(self._views.sample(seed, step, of_views, slice(start, min(stop, of_views))))
        if stop > of_views:
            rows = slice(VIEWS * (max(start, of_views) - of_views), VIEWS * (stop - of_views))
            singles = self._photos.sample(seed, step, VIEWS * count, rows)
            parts.append(self._as_views(singles))
        return parts[0] if len(parts) == 1 else _joined(*parts)

    def _as_views(self, photos: TrainingBatch) -> MultiViewBatch:
        def by_sample(tensor: Tensor) -> Tensor:
            return tensor.unflatten(0, (-1, VIEWS))

        count, known = photos.outputs.shape
        appearance = photos.outputs.new_zeros(count, self._outputs - known)
        return MultiViewBatch(
            image=by_sample(photos.image),
            points_px={name: by_sample(points) for name, points in photos.points_px.items()},
            outputs=by_sample(torch.cat((photos.outputs, appearance), dim=1)),
            labelled=by_sample(photos.labelled),
            synthetic=by_sample(photos.synthetic),
            lit=by_sample(torch.zeros_like(photos.labelled)),
            focal_per_size=by_sample(torch.full_like(photos.image[:, 0, 0, 0], torch.nan)),
            skin=by_sample(torch.zeros_like(photos.image[:, 0])),
            gate=torch.full((len(photos.image) // VIEWS,), SINGLE),
            # Packs of photos are counted on from those of views.
            pack=by_sample(photos.pack)[:, 0] + len(self._views.packs),
            seeds=by_sample(photos.seeds)[:, 0],
        )


def _joined(first: MultiViewBatch, second: MultiViewBatch) -> MultiViewBatch:
    def join(name: str) -> Tensor | Mapping[str, Tensor]:
        one, other = getattr(first, name), getattr(second, name)
        if isinstance(one, Mapping):
            return {key: torch.cat((one[key], other[key])) for key in one}
        return torch.cat((one, other))

    return MultiViewBatch(**{name: join(name) for name in vars(first)})  # type: ignore[arg-type]
