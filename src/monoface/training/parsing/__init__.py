"""Trains the face parser."""
