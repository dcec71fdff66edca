"""What commands show while they work: live lines, progress, curves."""
