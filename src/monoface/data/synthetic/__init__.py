"""Pictures rendered from the face model, with their truth."""
