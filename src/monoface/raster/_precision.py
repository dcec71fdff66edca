"""How fine the grid is on which coverage is decided, and how far it reaches."""

SUBPIXEL_BITS = 8
SUBPIXELS = 1 << SUBPIXEL_BITS
LARGEST_COORDINATE_PX = 1 << 21
"""Triangles that reach further are not drawn: their edge functions could overflow 64 bits."""
