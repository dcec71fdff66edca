"""Source packs from the original layouts of public data sets: `images-N.tar` and `labels.npz`."""
