"""Pictures in: decoding, normalizing, focal length."""
