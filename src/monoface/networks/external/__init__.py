"""Readers for published recognition networks (ArcFace, FaceNet)."""
