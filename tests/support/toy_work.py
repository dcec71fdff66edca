"""Work for servers in tests: no network is loaded, and photos say by their names what shall happen."""

import json
import os
import time
from collections.abc import Callable

from PIL import Image

from monoface.serving.workers import Result, Task, Work


def make_toy_work() -> Work:
    """Writes the size of each photo; dies, or takes long, where a name says so."""

    def work(task: Task, tell: Callable[[Result], None]) -> None:
        for number, name in enumerate(task.names):
            if name == "deadly.png":
                os._exit(9)
            if name == "slow.png":
                time.sleep(60)
            with Image.open(task.folder / "in" / str(number)) as photo:
                told = "{} x {}".format(*photo.size)
            (task.folder / "out" / f"photo-{number}.json").write_text(json.dumps({"size": told}))
            (task.folder / "out" / f"photo-{number}.html").write_text("<p>page</p>")
            files = [f"photo-{number}.json", f"photo-{number}.html"]
            tell({"photo": name, "status": "ok", "reason": told, "files": files})

    return work
