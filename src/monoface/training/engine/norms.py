"""Batch norm over the samples of all processes.

PyTorch's own synchronised batch norm refuses the CPU; this one runs wherever the processes can sum.
"""

from typing import Any

import torch
import torch.distributed
from jaxtyping import Float
from torch import Tensor, nn

from monoface.core.errors import ConfigError


class AllReducedBatchNorm2d(nn.BatchNorm2d):
    """Batch norm whose statistics in training are those of all processes' samples together.

    Every process must have equally many samples. State and evaluation are those of `nn.BatchNorm2d`.
    """

    def forward(
        self, input: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch channels height width"]:
        """Normalise, in at least 32 bits."""
        if not self.training:
            return super().forward(input)
        values = input.to(torch.promote_types(input.dtype, torch.float32))
        count = values.numel() // values.shape[1] * torch.distributed.get_world_size()
        # The mean first, for a difference of large sums of squares would lose digits.
        mean = _SumOverProcesses.apply(values.sum(dim=(0, 2, 3))) / count
        centred = values - mean[:, None, None]
        variance = _SumOverProcesses.apply(centred.square().sum(dim=(0, 2, 3))) / count
        self._follow(mean.detach(), variance.detach() * (count / max(1, count - 1)))
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(input.dtype)

    @torch.no_grad()
    def _follow(self, mean: Tensor, unbiased_variance: Tensor) -> None:
        """Take the running statistics a step towards those of a batch."""
        assert self.momentum is not None
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(unbiased_variance, self.momentum)


def all_reduce_batch_norms(network: nn.Module) -> None:
    """Exchange the batch norms within a network, in place, for ones over all processes.

    Parameters and buffers stay the same tensors, so optimisers may hold them already.

    Raises:
        ConfigError: If the network has a batch norm of another kind, or one without weights or averages.
    """
    for parent in network.modules():
        for name, child in parent.named_children():
            if isinstance(child, nn.modules.batchnorm._BatchNorm):
                setattr(parent, name, _converted(child, name))


def _converted(norm: nn.modules.batchnorm._BatchNorm, name: str) -> nn.Module:
    usual = isinstance(norm, nn.BatchNorm2d) and norm.affine and norm.track_running_stats
    if not usual or norm.momentum is None:
        raise ConfigError(
            f"{name}: expected a batch norm in two dimensions with weights, averages and momentum, got "
            f"{norm}; train in one process."
        )
    converted = AllReducedBatchNorm2d(norm.num_features, norm.eps, norm.momentum)
    converted.weight, converted.bias = norm.weight, norm.bias
    for buffer in ("running_mean", "running_var", "num_batches_tracked"):
        setattr(converted, buffer, getattr(norm, buffer))
    return converted.train(norm.training)


class _SumOverProcesses(torch.autograd.Function):
    """Sum over all processes. What each gives influences the losses of all, so gradients are summed too."""

    @staticmethod
    def forward(ctx: Any, local: Tensor) -> Tensor:
        """Sum."""
        total = local.clone()
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Sum of the gradients."""
        total = gradient.contiguous().clone()
        torch.distributed.all_reduce(total)
        return total
