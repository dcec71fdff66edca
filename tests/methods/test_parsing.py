"""Training of the face parser: that it learns, and what its loss heeds."""

import pytest
import torch

from monoface.core.errors import ConfigError
from monoface.data.batches.parsing_batch import ParsingBatch
from monoface.methods.parsing import Parsing, ParsingConfig
from monoface.networks import ParserConfig

SMALL = ParserConfig(size_px=32, widths=(8, 16, 16, 16), deep_blocks=1)


@pytest.fixture
def method():
    torch.manual_seed(3)
    return Parsing(ParsingConfig(SMALL))


@pytest.fixture
def batch(rng):
    """Squares of skin and eyes on noise, with colours that tell them apart."""
    image = 0.2 * torch.rand(4, 3, 32, 48, generator=rng)
    classes = torch.zeros(4, 32, 48, dtype=torch.long)
    for sample, corner in enumerate((3, 8, 11, 17)):
        image[sample, 0, corner : corner + 12, corner : corner + 20] += 0.7
        classes[sample, corner : corner + 12, corner : corner + 20] = 1
        image[sample, 2, corner + 2 : corner + 6, corner + 3 : corner + 9] += 0.7
        classes[sample, corner + 2 : corner + 6, corner + 3 : corner + 9] = 3
    return ParsingBatch(image, classes, torch.zeros(4, dtype=torch.long))


def test_it_learns_a_batch_by_heart(method, batch):
    adam = torch.optim.Adam(method.parser.parameters(), lr=1e-2)
    losses = []
    for _ in range(40):
        total = method.step(batch).total["parser"]
        adam.zero_grad()
        total.backward()
        adam.step()
        losses.append(float(total.detach()))
    assert losses[-1] < losses[0] / 10
    found = method.parser(batch.image).argmax(dim=1)
    assert (found == batch.classes).float().mean() > 0.97


def test_gradients_are_finite_and_reach_every_weight(method, batch):
    method.step(batch).total["parser"].backward()
    for name, parameter in method.parser.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_classes_of_weight_zero_do_not_count(batch):
    torch.manual_seed(3)
    method = Parsing(ParsingConfig(SMALL, class_weights={"eyes": 0.0}))
    unknown = ParsingBatch(batch.image, batch.classes.where(batch.classes != 3, 255), batch.pack)
    assert method.step(batch).terms["class_error"] == pytest.approx(
        method.step(unknown).terms["class_error"], rel=1e-5
    )


def test_other_classes_and_negative_weights_are_refused():
    with pytest.raises(ConfigError, match="got ears"):
        ParsingConfig(class_weights={"ears": 1.0})
    with pytest.raises(ConfigError, match="none below 0"):
        ParsingConfig(class_weights={"eyes": -1.0})
