"""Training of the eye network: what it sees, how it is measured, its command."""
