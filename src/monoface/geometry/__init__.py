"""Rotations, cameras, triangles and alignment: geometry that knows nothing about faces."""
