"""Photos turned to new views."""
