"""Benchmarks against 3D scans."""
