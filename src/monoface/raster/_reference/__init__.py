"""The rasteriser in plain PyTorch: slow, short, and what the other backends are compared with."""
