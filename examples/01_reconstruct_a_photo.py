"""One photo in, a 3D face out: as a file for Blender and game engines, as a picture, and as numbers."""

from pathlib import Path

from monoface import Reconstructor

photo = Path(__file__).parent / "astronaut.png"
out = Path("out")

reconstructor = Reconstructor()
result = reconstructor.reconstruct(photo)
print(f"{photo.name}: {result.status}, {result.reason}")

for number, face in enumerate(result.faces):
    print(
        f"  confidence {face.confidence:.2f}, yaw {face.yaw_deg:.0f} degrees, {len(face.verts_mm)} vertices"
    )
    face.save(out / f"face{number}.glb", overwrite=True)

result.save(out / "overlay.png", overwrite=True)
result.save(out / "report.json", overwrite=True)
print("written:", ", ".join(sorted(str(path) for path in out.iterdir())))
