"""Detail of a face from its photo: evidence in UV space, to displacements."""
