"""Commands that look at the installation: its health, and its terms."""
