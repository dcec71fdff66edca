"""The rasteriser on processors, compiled by numba."""
