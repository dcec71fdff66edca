"""Networks and face model for other programs."""
