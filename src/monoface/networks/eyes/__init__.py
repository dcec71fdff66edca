"""The network that reads eyes: its layers, its file, what its outputs mean, and how it runs in numpy."""
