"""Finding faces in photos, and the teacher that marks them densely."""
