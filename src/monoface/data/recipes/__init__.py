"""Which sources make up the packs of a training, and in which shares."""
