"""Readers of ArcFace's and FaceNet's weights, on random weights with the names of files in circulation."""

from collections import OrderedDict

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.functional import batch_norm, conv2d, linear, max_pool2d, normalize, prelu
from torch.testing import assert_close

from monoface.core.errors import ModelFileError
from monoface.networks import IdentityEncoder
from monoface.networks.external.identity_files import load_arcface, load_facenet
from monoface.networks.external.inception_resnet import InceptionResnetV1
from monoface.networks.external.iresnet import IResNet

# Some names and shapes of published files, so that a change of ours does not go unseen.
ARCFACE_SHAPES = {
    "conv1.weight": (64, 3, 3, 3),
    "prelu.weight": (64,),
    "layer1.0.bn1.running_mean": (64,),
    "layer1.0.downsample.0.weight": (64, 64, 1, 1),
    "layer2.0.conv1.weight": (128, 64, 3, 3),
    "layer2.0.downsample.1.bias": (128,),
    "layer3.13.prelu.weight": (256,),
    "layer4.2.bn3.running_var": (512,),
    "bn2.weight": (512,),
    "fc.weight": (512, 25088),
    "fc.bias": (512,),
    "features.running_var": (512,),
}
FACENET_SHAPES = {
    "conv2d_1a.conv.weight": (32, 3, 3, 3),
    "conv2d_4b.bn.running_var": (256,),
    "repeat_1.4.branch2.2.conv.weight": (32, 32, 3, 3),
    "repeat_1.0.conv2d.bias": (256,),
    "mixed_6a.branch0.conv.weight": (384, 256, 3, 3),
    "mixed_6a.branch1.2.bn.weight": (256,),
    "repeat_2.9.branch1.1.conv.weight": (128, 128, 1, 7),
    "mixed_7a.branch2.1.conv.weight": (256, 256, 3, 3),
    "repeat_3.4.branch1.2.conv.weight": (192, 192, 3, 1),
    "block8.conv2d.weight": (1792, 384, 1, 1),
    "last_linear.weight": (512, 1792),
    "last_bn.running_mean": (512,),
}


def random_state(network):
    """Weights under which values neither vanish nor grow, and norms are no identities."""
    generator = torch.Generator().manual_seed(0)
    state = OrderedDict()
    for name, shape in ((name, tensor.shape) for name, tensor in network.state_dict().items()):
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(7)
        elif name.endswith("running_var") or (len(shape) == 1 and name.endswith("weight")):
            state[name] = 0.5 + torch.rand(shape, generator=generator)
        elif len(shape) == 1:
            state[name] = 0.1 * torch.randn(shape, generator=generator)
        else:
            fan_in = shape[1:].numel()
            state[name] = torch.rand(shape, generator=generator).sub_(0.5).mul_((12 / fan_in) ** 0.5)
    return state


def shapes_of(network):
    with torch.device("meta"):
        return network()


@pytest.fixture(scope="module")
def arcface_state():
    return random_state(shapes_of(lambda: IResNet(50)))


@pytest.fixture(scope="module")
def facenet_state():
    return random_state(shapes_of(InceptionResnetV1))


@pytest.fixture(scope="module")
def arcface_path(arcface_state, tmp_path_factory):
    path = tmp_path_factory.mktemp("arcface") / "backbone.pth"
    torch.save(arcface_state, path)
    return path


@pytest.fixture(scope="module")
def facenet_path(facenet_state, tmp_path_factory):
    path = tmp_path_factory.mktemp("facenet") / "vggface2.pt"
    classifier = {"logits.weight": torch.zeros(10, 512), "logits.bias": torch.zeros(10)}
    torch.save(OrderedDict(**facenet_state, **classifier), path)
    return path


def norm(state, name, x, eps=1e-5):
    values = [state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
    return batch_norm(x, *values, eps=eps)


def arcface_by_names(state, image):
    """The published forward pass, spelled out with the names in the file."""
    x = norm(state, "bn1", conv2d((image - 0.5) / 0.5, state["conv1.weight"], padding=1))
    x = prelu(x, state["prelu.weight"])
    for layer, count in zip((1, 2, 3, 4), (3, 4, 14, 3), strict=True):
        for block in range(count):
            at, stride = f"layer{layer}.{block}", 2 if block == 0 else 1
            y = conv2d(norm(state, f"{at}.bn1", x), state[f"{at}.conv1.weight"], padding=1)
            y = prelu(norm(state, f"{at}.bn2", y), state[f"{at}.prelu.weight"])
            y = norm(state, f"{at}.bn3", conv2d(y, state[f"{at}.conv2.weight"], stride=stride, padding=1))
            if block == 0:
                x = conv2d(x, state[f"{at}.downsample.0.weight"], stride=stride)
                x = norm(state, f"{at}.downsample.1", x)
            x = x + y
    x = norm(state, "bn2", x).flatten(1)
    return normalize(norm(state, "features", linear(x, state["fc.weight"], state["fc.bias"])))


def facenet_by_names(state, image):
    def conv(x, name, stride=1, padding=0):
        x = conv2d(x, state[f"{name}.conv.weight"], stride=stride, padding=padding)
        return norm(state, f"{name}.bn", x, eps=0.001).relu()

    def residual(x, name, scale, chains, last=torch.relu):
        ways = []
        for number, paddings in enumerate(chains):
            y = x
            for place, padding in enumerate(paddings):
                suffix = f".{place}" if len(paddings) > 1 else ""
                y = conv(y, f"{name}.branch{number}{suffix}", padding=padding)
            ways.append(y)
        y = conv2d(torch.cat(ways, 1), state[f"{name}.conv2d.weight"], state[f"{name}.conv2d.bias"])
        return last(scale * y + x)

    x = conv((image * 255 - 127.5) / 128, "conv2d_1a", stride=2)
    x = conv(conv(x, "conv2d_2a"), "conv2d_2b", padding=1)
    x = conv(conv(max_pool2d(x, 3, 2), "conv2d_3b"), "conv2d_4a")
    x = conv(x, "conv2d_4b", stride=2)
    for number in range(5):
        x = residual(x, f"repeat_1.{number}", 0.17, ((0,), (0, 1), (0, 1, 1)))
    y = conv(conv(x, "mixed_6a.branch1.0"), "mixed_6a.branch1.1", padding=1)
    ways = (conv(x, "mixed_6a.branch0", stride=2), conv(y, "mixed_6a.branch1.2", stride=2))
    x = torch.cat((*ways, max_pool2d(x, 3, 2)), 1)
    for number in range(10):
        x = residual(x, f"repeat_2.{number}", 0.1, ((0,), (0, (0, 3), (3, 0))))
    first, second = (
        conv(conv(x, f"mixed_7a.branch{number}.0"), f"mixed_7a.branch{number}.1", 2) for number in (0, 1)
    )
    y = conv(conv(x, "mixed_7a.branch2.0"), "mixed_7a.branch2.1", padding=1)
    x = torch.cat((first, second, conv(y, "mixed_7a.branch2.2", 2), max_pool2d(x, 3, 2)), 1)
    for number in range(5):
        x = residual(x, f"repeat_3.{number}", 0.2, ((0,), (0, (0, 1), (1, 0))))
    x = residual(x, "block8", 1.0, ((0,), (0, (0, 1), (1, 0))), last=lambda y: y)
    x = linear(x.mean((2, 3)), state["last_linear.weight"])
    return normalize(norm(state, "last_bn", x, eps=0.001))


def test_names_and_sizes_are_the_published_ones(arcface_state, facenet_state):
    for state, shapes in ((arcface_state, ARCFACE_SHAPES), (facenet_state, FACENET_SHAPES)):
        assert {name: tuple(state[name].shape) for name in shapes} == shapes

    def parameters(network):
        return sum(parameter.numel() for parameter in network.parameters())

    assert parameters(shapes_of(lambda: IResNet(50))) == 43_590_848
    assert parameters(shapes_of(lambda: IResNet(100))) == 65_156_160
    # 27.9 million with the classifier of 8,631 people.
    assert parameters(shapes_of(InceptionResnetV1)) == 23_482_624


def test_arcface_agrees_with_the_published_pass(arcface_path, arcface_state, rng):
    encoder = load_arcface(arcface_path)
    assert isinstance(encoder, IdentityEncoder)
    assert encoder.size_px == 112
    image = torch.rand(1, 3, 112, 112, generator=rng)
    assert_close(encoder.embed(image), arcface_by_names(arcface_state, image), atol=1e-5, rtol=1e-3)


def test_facenet_agrees_with_the_published_pass(facenet_path, facenet_state, rng):
    encoder = load_facenet(facenet_path)
    assert isinstance(encoder, IdentityEncoder)
    assert encoder.size_px == 160
    image = torch.rand(1, 3, 160, 160, generator=rng, requires_grad=True)
    found = encoder.embed(image)
    assert_close(found, facenet_by_names(facenet_state, image), atol=1e-5, rtol=1e-3)
    found[0, 0].backward()
    assert image.grad.any()
    assert not any(parameter.requires_grad for parameter in encoder.parameters())


def test_a_hundred_layers_are_known_by_their_names(tmp_path):
    # Tensors that share one zero: the file is small.
    state = {
        name: torch.zeros(()).expand(tensor.shape)
        for name, tensor in shapes_of(lambda: IResNet(100)).state_dict().items()
    }
    torch.save(state, tmp_path / "r100.pth")
    assert len(load_arcface(tmp_path / "r100.pth").get_submodule("layer3")) == 30


def test_safetensors_and_networks_of_several_devices_are_read(facenet_state, tmp_path, rng):
    path = tmp_path / "facenet.safetensors"
    save_file({f"module.{name}": tensor for name, tensor in facenet_state.items()}, path)
    assert_close(load_facenet(path).last_linear.weight.data, facenet_state["last_linear.weight"])


class _Harmful:
    def __reduce__(self):
        return (print, ("this must not run",))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"net": _Harmful()}, "holds other objects, which could run any code"),
        ([torch.zeros(2)], "expected a dictionary of tensors, got list"),
        ({"state_dict": {"conv1.weight": torch.zeros(2)}}, "got dict for 'state_dict'"),
        ({"conv1.weight": torch.zeros(64, 3, 3, 3)}, "30 blocks called layer3.N, got 0"),
    ],
)
def test_files_with_anything_else_are_refused(content, said, tmp_path, capsys):
    path = tmp_path / "other.pt"
    torch.save(content, path)
    with pytest.raises(ModelFileError, match=f"other.pt: .*{said}"):
        load_arcface(path)
    assert "must not run" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "content"), [("a.pt", b"no archive"), ("a.safetensors", b""), ("gone.pt", None)]
)
def test_damaged_and_missing_files_are_refused(name, content, tmp_path):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelFileError, match=name):
        load_facenet(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"last_bn.weight": None}, "it lacks last_bn.weight"),
        ({"extra.weight": torch.zeros(1)}, "got others besides: extra.weight"),
        ({"last_linear.weight": torch.zeros(128, 1792)}, r"expected shape \(512, 1792\), got \(128, 1792\)"),
        ({"last_bn.bias": torch.full((512,), torch.nan)}, "last_bn.bias: expected finite numbers"),
        ({"last_bn.bias": torch.zeros(512, dtype=torch.int64)}, "last_bn.bias: expected finite numbers"),
    ],
)
def test_weights_that_do_not_fit_are_refused(facenet_state, change, said, tmp_path):
    state = {name: tensor for name, tensor in (facenet_state | change).items() if tensor is not None}
    torch.save(state, tmp_path / "wrong.pt")
    with pytest.raises(ModelFileError, match=f"wrong.pt: .*{said}"):
        load_facenet(tmp_path / "wrong.pt")


def test_weights_in_half_precision_are_made_whole(facenet_state, tmp_path):
    halves = {name: tensor.half() for name, tensor in facenet_state.items()}
    torch.save(halves, tmp_path / "half.pt")
    network = load_facenet(tmp_path / "half.pt")
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
    assert isinstance(network, nn.Module)
