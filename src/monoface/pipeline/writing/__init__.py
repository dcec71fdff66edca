"""Faces to files: scene, overlay, JSON."""
