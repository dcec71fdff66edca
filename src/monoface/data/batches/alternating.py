"""Batches of two kinds by turns: single photos, and now and then views of one person."""

import numpy as np

from monoface.core.errors import ConfigError
from monoface.data.batches.photo_batch import BatchMaker, TrainingBatch
from monoface.data.batches.view_batch import MultiViewBatch, MultiViewBatchMaker
from monoface.data.packs.view_pack import VIEWS


class AlternatingBatches:
    """Draws photos, and in every so many steps once views; which of both depends on the step's number alone.

    Which of so many steps it is, is drawn, so that whatever looks at steps at regular distances, as a log
    does, sees both kinds.

    Args:
        photos: Draws the photos.
        views: Draws the views.
        every: Of so many steps one sees views.
        share: How many pictures a batch of views has, as a share of a batch of photos.

    Raises:
        ConfigError: If `every` is below 2 or the share not above 0.
    """

    def __init__(self, photos: BatchMaker, views: MultiViewBatchMaker, every: int, share: float) -> None:
        if every < 2 or share <= 0:
            raise ConfigError(
                "steps of views: expected one of at least 2 steps, with a share of pictures above 0, "
                f"got {every} and {share}."
            )
        self.photos = photos
        self.views = views
        self._every = every
        self._share = share

    @property
    def seen(self) -> dict[str, str]:
        """By their names, the terms that the packs state which are drawn from."""
        return self.photos.seen | self.views.seen

    def sample(
        self, seed: int, step: int, batch: int, part: slice = slice(None)
    ) -> TrainingBatch | MultiViewBatch:
        """The batch of a step, or the part of it that one of several processes computes.

        Equal arguments give equal batches, and parts are those of the same whole: of a batch of views, the
        samples that lie at the same share of it.
        """
        block, place = divmod(step, self._every)
        if place != np.random.default_rng(block).integers(self._every):
            return self.photos.sample(seed, step, batch, part)
        start, stop, _ = part.indices(batch)
        size = stop - start
        samples = max(1, round(self._share * size / VIEWS))
        # Parts are of equal sizes, so that each has as many samples of views.
        number = start // size
        return self.views.sample(
            seed, step, samples * (batch // size), slice(number * samples, (number + 1) * samples)
        )
