"""Trains the displacement network of Detail's fine stage."""
