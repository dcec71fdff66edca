"""Labels for photos that have few or none."""
