"""Packs: labelled crops on disk."""
