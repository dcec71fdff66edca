"""ArcFace's residual network, for weights that users bring.

Written from its description; names and sizes of its tensors are those of files that are in circulation.
"""

from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize

from monoface.geometry.face_template import ARCFACE_FACE, FaceTemplate

_BLOCKS = {50: (3, 4, 14, 3), 100: (3, 13, 30, 3)}
_WIDTHS = (64, 128, 256, 512)
_SIZE_PX, _LAST_SIDE, _FEATURES = 112, 7, 512


class IResNet(nn.Module):
    """An identity encoder: the improved residual network of 50 or 100 layers.

    Its blocks begin with a norm and end with one, without an activation after the sum, so that the path
    past them is never bent. The last map is flattened, for every place of an aligned face means something.

    Args:
        layers: Which of the two.

    Reference:
        Deng et al., "ArcFace: Additive Angular Margin Loss for Deep Face Recognition", CVPR 2019, section
        3.1; Duta et al., "Improved Residual Networks for Image and Video Recognition", ICPR 2020.
    """

    def __init__(self, layers: Literal[50, 100]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, _WIDTHS[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(_WIDTHS[0])
        self.prelu = nn.PReLU(_WIDTHS[0])
        incoming = _WIDTHS[0]
        for number, (width, count) in enumerate(zip(_WIDTHS, _BLOCKS[layers], strict=True), start=1):
            blocks = [_Block(incoming, width, 2), *(_Block(width, width, 1) for _ in range(count - 1))]
            self.add_module(f"layer{number}", nn.Sequential(*blocks))
            incoming = width
        self.bn2 = nn.BatchNorm2d(incoming)
        self.fc = nn.Linear(incoming * _LAST_SIDE**2, _FEATURES)
        self.features = nn.BatchNorm1d(_FEATURES)

    @property
    def size_px(self) -> int:
        """Side of the pictures it expects."""
        return _SIZE_PX

    @property
    def template(self) -> FaceTemplate:
        """Where it expects the parts of a face."""
        return ARCFACE_FACE

    def forward(self, image: Float[Tensor, "batch 3 112 112"]) -> Float[Tensor, "batch 512"]:
        """Vectors of any length, of aligned faces in [0, 1], sRGB."""
        x = self.prelu(self.bn1(self.conv1(image * 2 - 1)))
        for number in range(1, len(_WIDTHS) + 1):
            x = self.get_submodule(f"layer{number}")(x)
        return self.features(self.fc(self.bn2(x).flatten(1)))

    def embed(self, image: Float[Tensor, "batch 3 112 112"]) -> Float[Tensor, "batch 512"]:
        """Unit vectors; see `IdentityEncoder`."""
        return normalize(self(image), dim=-1)


class _Block(nn.Module):
    def __init__(self, incoming: int, width: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(incoming)
        self.conv1 = nn.Conv2d(incoming, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.prelu = nn.PReLU(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.downsample = (
            nn.Sequential(nn.Conv2d(incoming, width, 1, stride, bias=False), nn.BatchNorm2d(width))
            if stride > 1
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        inner = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        past = x if self.downsample is None else self.downsample(x)
        return self.bn3(self.conv2(inner)) + past
