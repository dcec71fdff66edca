"""One person in several photos."""
