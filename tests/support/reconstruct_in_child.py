"""A program: what a child process and its parent find in one photo, with one reconstructor, as JSON.

Usage: reconstruct_in_child.py PHOTO METHOD…, each of them fork, os_fork, spawn or forkserver. The first is
used before the parent has reconstructed anything, and again after that.
"""

import json
import multiprocessing
import os
import sys
from typing import Any

import torch

from monoface import PhotoResult, Reconstructor


def found_in(reconstructor: Reconstructor, photo: str, earlier: PhotoResult | None) -> dict[str, Any]:
    """Numbers of the photo's face, and the texture of one that was found before a process began."""
    result = reconstructor.reconstruct(photo)
    face = result.faces[0]
    textured = face if earlier is None else earlier.faces[0]
    return {
        "landmarks": face.landmarks68_px[::10].round(2).tolist(),
        "texture": textured.texture[::100, ::100].tolist(),
    }


def send(connection: Any, *arguments: Any) -> None:
    """Answer of a child."""
    connection.send(found_in(*arguments))


def in_child(method: str, *arguments: Any) -> dict[str, Any]:
    """What a child finds that is started by a method of `multiprocessing`, or by `os.fork`."""
    told, tell = multiprocessing.Pipe(duplex=False)
    if method != "os_fork":
        process = multiprocessing.get_context(method).Process(target=send, args=(tell, *arguments))
        process.start()
        answer: dict[str, Any] = told.recv()
        process.join()
        return answer
    child = os.fork()
    if child == 0:
        send(tell, *arguments)
        # As a web server's worker leaves: through all that Python and C libraries do at exit.
        sys.exit(0)
    answer = told.recv()
    os.waitpid(child, 0)
    return answer


def main() -> None:
    """Run the program."""
    photo, *methods = sys.argv[1:]
    # Two, so that there are threads that a child does not have.
    torch.set_num_threads(2)
    reconstructor = Reconstructor()
    found = [in_child(methods[0], reconstructor, photo, None)]
    earlier = reconstructor.reconstruct(photo)
    found += [in_child(method, reconstructor, photo, earlier) for method in methods]
    found.append(found_in(reconstructor, photo, earlier))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
