"""Rotations, cameras, triangles and alignment: geometry that knows of faces only where five points belong."""
