"""Residual networks of any width: picture in, feature vector out."""

from jaxtyping import Float
from torch import Tensor, nn

from monoface.networks.configs import LARGEST_CROP_PX as LARGEST_CROP_PX
from monoface.networks.configs import ResNetConfig as ResNetConfig


class ResNet(nn.Module):
    """Residual network that ends in globally averaged features.

    Reference:
        He et al., "Deep Residual Learning for Image Recognition", CVPR 2016. Bottlenecks put their
        stride on the 3x3 convolution.
    """

    def __init__(self, config: ResNetConfig) -> None:
        super().__init__()
        channels = config.stage_channels
        self.stem = nn.Sequential(
            nn.Conv2d(config.in_channels, channels[0], 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(channels[0]),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        strides = (1, 2, 2, config.last_stride)
        stages: list[nn.Module] = []
        incoming = channels[0]
        for inner, count, stride in zip(channels, config.blocks, strides, strict=True):
            for number in range(count):
                block = ResidualBlock(incoming, inner, stride if number == 0 else 1, config.bottleneck)
                stages.append(block)
                incoming = block.out_channels
        self.stages = nn.Sequential(*stages)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, image: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch features"]:
        """Features of pictures whose values are about in [-1, 1]."""
        return self.feature_map(image).mean(dim=(2, 3))

    def feature_map(
        self, image: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch features rows columns"]:
        """Features before they are averaged; so they still say where things are."""
        return self.stages(self.stem(image))


class ResidualBlock(nn.Module):
    """Two or, with a bottleneck, three convolutions beside a shortcut."""

    def __init__(self, incoming: int, inner: int, stride: int, bottleneck: bool) -> None:
        super().__init__()
        self.out_channels = inner * 4 if bottleneck else inner
        if bottleneck:
            last_conv, last_norm = convolution(inner, self.out_channels, 1, 1)
            layers = [
                *convolution(incoming, inner, 1, 1), nn.ReLU(inplace=True),
                *convolution(inner, inner, 3, stride), nn.ReLU(inplace=True),
                last_conv, last_norm,
            ]  # fmt: skip
        else:
            last_conv, last_norm = convolution(inner, inner, 3, 1)
            layers = [*convolution(incoming, inner, 3, stride), nn.ReLU(inplace=True), last_conv, last_norm]
        # The block starts as its shortcut, which makes early training steadier.
        nn.init.zeros_(last_norm.weight)
        self.body = nn.Sequential(*layers)
        same = stride == 1 and incoming == self.out_channels
        self.shortcut = (
            nn.Identity() if same else nn.Sequential(*convolution(incoming, self.out_channels, 1, stride))
        )

    def forward(self, x: Float[Tensor, "batch channels height width"]) -> Tensor:
        """Features of the next layer, after a ReLU."""
        return nn.functional.relu(self.body(x) + self.shortcut(x), inplace=True)


def convolution(incoming: int, outgoing: int, kernel: int, stride: int) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    """A convolution that keeps the size, but for its stride, and the batch norm behind it."""
    conv = nn.Conv2d(incoming, outgoing, kernel, stride=stride, padding=kernel // 2, bias=False)
    return conv, nn.BatchNorm2d(outgoing)
