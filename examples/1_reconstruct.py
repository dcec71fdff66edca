"""One photo in, a posed, textured, animatable 3D face out.

    python examples/1_reconstruct.py [PHOTO]

writes PHOTO's first face as a GLB into the current folder, and says how the head is turned
and what it expresses.
"""

import sys
from pathlib import Path

from monoface.pipeline import Reconstructor

photo = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("astronaut.png")

# Networks and face model are loaded once, and serve any number of photos.
result = Reconstructor().reconstruct(photo)
print(f"{photo.name}: {result.status}, {result.reason}")

for face in result.faces[:1]:
    print(f"turned by yaw {face.yaw_deg:.0f}, pitch {face.pitch_deg:.0f}, roll {face.roll_deg:.0f} degrees")
    strongest = sorted(face.blendshapes.items(), key=lambda item: item[1], reverse=True)[:5]
    print("expression:", ", ".join(f"{name} {weight:.2f}" for name, weight in strongest))
    face.save(f"{photo.stem}.glb", overwrite=True)
    print(f"wrote {photo.stem}.glb")
