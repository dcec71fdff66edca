"""Commands that make and measure face models."""
