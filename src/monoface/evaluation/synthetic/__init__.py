"""Benchmarks on rendered heads, whose truth is known."""
