"""Benchmarks against marked points of photos."""
