"""Normals by compiled kernels, for `geometry.triangles`."""
