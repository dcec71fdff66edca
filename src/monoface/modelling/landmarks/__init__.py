"""Landmark sets of the face model, calibrated on annotated photos."""
