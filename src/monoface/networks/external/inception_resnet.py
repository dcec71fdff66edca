"""FaceNet's network, for weights that users bring.

Written from its description; names and sizes of its tensors are those of files for PyTorch that are in
circulation.
"""

from collections import OrderedDict

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, normalize

from monoface.geometry.face_template import ARCFACE_FACE, FaceTemplate

_SIZE_PX, _FEATURES = 160, 512
# Batch norms as TensorFlow has them, where the weights were trained.
_EPS = 1e-3

_Kernel = tuple[int, int]
_ONE, _THREE = (1, 1), (3, 3)


class InceptionResnetV1(nn.Module):
    """An identity encoder: Inception-ResNet-v1 with a linear layer of 512 features.

    It was trained on boxes of a face detector, not on faces aligned by five points, so what it sees here is
    cut a little differently from what it knows.

    Reference:
        Szegedy et al., "Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning",
        AAAI 2017, figures 10 to 14; Schroff et al., "FaceNet", CVPR 2015, for the use. The widths are
        those of the weights in circulation, which differ from the paper's in the reductions.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv2d_1a = _Conv(3, 32, _THREE, stride=2)
        self.conv2d_2a = _Conv(32, 32, _THREE, same=False)
        self.conv2d_2b = _Conv(32, 64, _THREE)
        self.conv2d_3b = _Conv(64, 80, _ONE)
        self.conv2d_4a = _Conv(80, 192, _THREE, same=False)
        self.conv2d_4b = _Conv(192, 256, _THREE, stride=2)
        self.repeat_1 = nn.Sequential(*(_block_35() for _ in range(5)))
        self.mixed_6a = _Reduction(
            _Conv(256, 384, _THREE, stride=2),
            _chain(256, (192, _ONE), (192, _THREE), (256, _THREE), stride=2),
        )
        self.repeat_2 = nn.Sequential(*(_block_17() for _ in range(10)))
        self.mixed_7a = _Reduction(
            _chain(896, (256, _ONE), (384, _THREE), stride=2),
            _chain(896, (256, _ONE), (256, _THREE), stride=2),
            _chain(896, (256, _ONE), (256, _THREE), (256, _THREE), stride=2),
        )
        self.repeat_3 = nn.Sequential(*(_block_8(0.20) for _ in range(5)))
        self.block8 = _block_8(1.0, bent=False)
        self.last_linear = nn.Linear(1792, _FEATURES, bias=False)
        self.last_bn = nn.BatchNorm1d(_FEATURES, eps=_EPS)

    @property
    def size_px(self) -> int:
        """Side of the pictures it expects."""
        return _SIZE_PX

    @property
    def template(self) -> FaceTemplate:
        """Where it expects the parts of a face."""
        return ARCFACE_FACE

    def forward(self, image: Float[Tensor, "batch 3 160 160"]) -> Float[Tensor, "batch 512"]:
        """Vectors of any length, of aligned faces in [0, 1], sRGB."""
        x = (255 * image - 127.5) / 128
        x = self.conv2d_2b(self.conv2d_2a(self.conv2d_1a(x)))
        x = self.conv2d_3b(max_pool2d(x, 3, stride=2))
        x = self.conv2d_4b(self.conv2d_4a(x))
        x = self.repeat_2(self.mixed_6a(self.repeat_1(x)))
        x = self.block8(self.repeat_3(self.mixed_7a(x)))
        return self.last_bn(self.last_linear(x.mean(dim=(2, 3))))

    def embed(self, image: Float[Tensor, "batch 3 160 160"]) -> Float[Tensor, "batch 512"]:
        """Unit vectors; see `IdentityEncoder`."""
        return normalize(self(image), dim=-1)


class _Conv(nn.Module):
    """Convolution, norm, ReLU. Strided convolutions are not padded, others are unless said otherwise."""

    def __init__(
        self, incoming: int, outgoing: int, kernel: _Kernel, *, stride: int = 1, same: bool = True
    ) -> None:
        super().__init__()
        padding = (kernel[0] // 2, kernel[1] // 2) if same and stride == 1 else (0, 0)
        self.conv = nn.Conv2d(incoming, outgoing, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outgoing, eps=_EPS)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x)).relu()


class _Branches(nn.Module):
    """Parallel ways whose results are stacked."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.names = [f"branch{number}" for number in range(len(branches))]
        for name, branch in zip(self.names, branches, strict=True):
            self.add_module(name, branch)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.get_submodule(name)(x) for name in self.names], dim=1)


class _Reduction(_Branches):
    """Halves the map; one more way is the largest value."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((super().forward(x), max_pool2d(x, 3, stride=2)), dim=1)


class _Residual(_Branches):
    """Adds a share of what its branches see to what they saw."""

    def __init__(self, channels: int, inner: int, scale: float, bent: bool, *branches: nn.Module) -> None:
        super().__init__(*branches)
        self.scale, self.bent = scale, bent
        self.conv2d = nn.Conv2d(inner, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        total = x + self.scale * self.conv2d(super().forward(x))
        return total.relu() if self.bent else total


def _chain(incoming: int, *layers: tuple[int, _Kernel], stride: int = 1) -> nn.Sequential:
    """Convolutions one after the other, of which the last one has the stride."""
    chain: OrderedDict[str, nn.Module] = OrderedDict()
    for number, (outgoing, kernel) in enumerate(layers):
        last = number == len(layers) - 1
        chain[str(number)] = _Conv(incoming, outgoing, kernel, stride=stride if last else 1)
        incoming = outgoing
    return nn.Sequential(chain)


def _block_35() -> _Residual:
    """For maps whose side is 35 in the paper, 17 here."""
    return _Residual(
        256, 96, 0.17, True,
        _Conv(256, 32, _ONE),
        _chain(256, (32, _ONE), (32, _THREE)),
        _chain(256, (32, _ONE), (32, _THREE), (32, _THREE)),
    )  # fmt: skip


def _block_17() -> _Residual:
    return _Residual(
        896, 256, 0.10, True,
        _Conv(896, 128, _ONE), _chain(896, (128, _ONE), (128, (1, 7)), (128, (7, 1))),
    )  # fmt: skip


def _block_8(scale: float, *, bent: bool = True) -> _Residual:
    return _Residual(
        1792, 384, scale, bent,
        _Conv(1792, 192, _ONE), _chain(1792, (192, _ONE), (192, (1, 3)), (192, (3, 1))),
    )  # fmt: skip
