"""Thousands of photos: read ahead, regressed in batches, one result at a time in memory.

No photo stops the others: each ends with a status and a reason.
"""

from collections import Counter
from pathlib import Path

import numpy as np

from monoface import Reconstructor, ReconstructorConfig

sample = Path(__file__).parent / "astronaut.png"
nothing = np.full((240, 320, 3), 128, dtype=np.uint8)
photos = [sample, "missing.jpg", nothing, sample]

reconstructor = Reconstructor(ReconstructorConfig(max_faces=1, batch_size=16))
statuses = Counter()
for result in reconstructor.reconstruct_many(photos):
    statuses[result.status] += 1
    print(f"{result.status:<12} {Path(result.name).name:<14} {result.reason}")

print(dict(statuses))
