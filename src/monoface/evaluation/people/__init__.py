"""Benchmarks that know who is seen: same person, another person, profiles."""
