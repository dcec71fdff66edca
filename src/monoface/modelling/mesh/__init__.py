"""From scanned meshes to the mesh of the face model: thinning, seams, layout, symmetry, regions."""
