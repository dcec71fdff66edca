"""What a worker does with photos. Only workers import this, for it loads the networks."""

from collections.abc import Callable
from dataclasses import replace

from monoface.pipeline import PhotoResult, Reconstructor, ReconstructorConfig, reconstruct_together
from monoface.serving.workers import Result, Task, Work


def make_work() -> Work:
    """Load the networks once, for all tasks."""
    reconstructor = Reconstructor(ReconstructorConfig(threads=1))

    def work(task: Task, tell: Callable[[Result], None]) -> None:
        if task.mode == "together":
            tell(_together(reconstructor, task))
            return
        for number, name in enumerate(task.names):
            photo = reconstructor.reconstruct(task.folder / "in" / str(number))
            tell(_written(replace(photo, name=name), task, f"photo-{number}"))

    return work


def _written(photo: PhotoResult, task: Task, stem: str) -> Result:
    """Write the results of a photo, and say which."""
    out = task.folder / "out"
    files = [f"{stem}.json"]
    if photo.photo is not None:
        files.append(f"{stem}.html")
    if photo.all_faces:
        files.append(f"{stem}.overlay.png")
    for name in files:
        photo.save(out / name)
    for number, face in enumerate(photo.faces):
        files.append(f"{stem}.face{number}.glb")
        face.save(out / files[-1])
    # Reasons of unreadable photos name the file, which has another name here.
    reason = (
        photo.reason.replace(str(task.folder / "in"), "").strip("/") if photo.photo is None else photo.reason
    )
    return {"photo": photo.name, "status": photo.status, "reason": reason, "files": files}


def _together(reconstructor: Reconstructor, task: Task) -> Result:
    photos = [task.folder / "in" / str(number) for number in range(len(task.names))]
    result = reconstruct_together(photos, reconstructor)
    named = (replace(photo, name=name) for photo, name in zip(result.photos, task.names, strict=True))
    result = replace(result, photos=tuple(named))
    files = ["together.json", "together.html"]
    for number, photo in enumerate(result.photos):
        if photo.all_faces:
            files.append(f"photo-{number}.overlay.png")
            photo.save(task.folder / "out" / files[-1])
    if result.face is not None:
        files.append("together.glb")
    for name in files:
        if name.startswith("together"):
            result.save(task.folder / "out" / name)
    return {"photo": "together", "status": result.status, "reason": result.reason, "files": files}
