"""Benchmarks: one file each, and the reports that they write."""
