"""Find the wrinkles of a face: heights over its texture, and a skin that has them as geometry."""

from pathlib import Path

import numpy as np

from monoface import Reconstructor, ReconstructorConfig

reconstructor = Reconstructor(ReconstructorConfig(detail="detail"))
face = reconstructor.reconstruct(Path(__file__).parent / "astronaut.png").faces[0]
detail = face.detail
assert detail is not None

displaced = detail.height_mm[detail.height_mm != 0]
print(f"{detail.size} x {detail.size} texels; {len(displaced)} show skin that may be displaced")
low, high = np.percentile(displaced, (1, 99))
print(f"their heights: {np.abs(displaced).mean():.3f} mm on average, 98 % within {low:.2f} and {high:.2f} mm")

skin = detail.displaced(face.verts_mm)
print(f"the displaced skin has {len(skin.verts_mm)} vertices and {len(skin.faces)} triangles")
