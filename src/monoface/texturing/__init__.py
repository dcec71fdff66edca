"""Texture and appearance of a face, taken from its photo."""
