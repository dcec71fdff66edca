"""Comparing with other programs."""
