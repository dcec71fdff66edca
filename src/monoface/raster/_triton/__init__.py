"""The rasteriser on a GPU, in Triton; the twin of what the other backends compute."""
