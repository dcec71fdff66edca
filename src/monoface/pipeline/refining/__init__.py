"""Faces measured on dense points, and the files with what that needs."""
