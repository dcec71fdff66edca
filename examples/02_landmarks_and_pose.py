"""Where the face is, how it is turned, and which pixel shows which point of it.

Pixels are those of the upright photo; the first one covers [0, 1) x [0, 1). Millimetres are in the model
frame: +x towards the subject's left, +y up, +z out of the face.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from monoface import Reconstructor

image = Image.open(Path(__file__).parent / "astronaut.png").convert("RGB")
face = Reconstructor().reconstruct(image).faces[0]

print(f"yaw {face.yaw_deg:.1f}, pitch {face.pitch_deg:.1f}, roll {face.roll_deg:.1f} degrees")
print("tip of the nose in the photo:", face.landmarks68_px[30].round(1))

# Any point of the model frame has a place in the photo; vertices are such points.
nearest = int(np.argmin(np.linalg.norm(face.dense_landmarks_px - face.landmarks68_px[30], axis=1)))
print(
    f"vertex {nearest} lies there: {face.verts_mm[nearest].round(1)} mm, visible: {face.visibility[nearest]}"
)
print("10 mm before it:", face.project(face.verts_mm[nearest][None] + (0.0, 0.0, 10.0)).round(1)[0])

# The same by hand: to the camera frame, then to pixels.
T_camera_model = face.T_camera_model
points_camera = face.verts_mm @ T_camera_model[:3, :3].T + T_camera_model[:3, 3]
by_hand_px = face.lens.scale_px_per_mm * points_camera[:, :2] + face.lens.principal_px
difference = np.abs(by_hand_px - face.dense_landmarks_px).max()
print(f"projecting by hand differs by at most {difference:.4f} px")
