"""The critic: what it sees, and that it learns to tell true from other coefficients."""

import pytest
import torch

from monoface.core.errors import ConfigError
from monoface.losses.adversarial import critic_loss
from monoface.networks import Critic, CriticConfig

SMALL = {"encoder": (8, 8, 8, 8, 8, 8), "layers": (32, 32)}


@pytest.mark.parametrize("size", [120, 33])
def test_six_poolings_leave_a_code_of_any_crop(size):
    critic = Critic(5, CriticConfig(**SMALL))
    code = critic.encode(torch.rand(2, 4, size, size))
    assert code.shape == (2, 8)
    assert critic(code, torch.zeros(2, 5)).shape == (2,)


def test_published_layers():
    layers = [module for module in Critic(62, CriticConfig()).judge if isinstance(module, torch.nn.Linear)]
    assert [layer.out_features for layer in layers] == [512, 1024, 1024, 1]
    encoder = Critic(62, CriticConfig()).encoder
    assert [type(module).__name__ for module in encoder] == ["Conv2d", "ReLU", "MaxPool2d"] * 6


@pytest.mark.parametrize(("sees", "heeded"), [("image", 0), ("flm", 3)])
def test_it_sees_the_image_or_the_map_or_both(sees, heeded):
    critic = Critic(5, CriticConfig(sees, **SMALL))
    image = torch.rand(1, 4, 32, 32)
    codes = []
    for channel in (0, 3):
        changed = image.clone()
        changed[:, channel] = 1 - changed[:, channel]
        codes.append(torch.equal(critic.encode(changed), critic.encode(image)))
    assert codes == [heeded != 0, heeded != 3]
    both = Critic(5, CriticConfig(**SMALL))
    assert both.encoder[0].in_channels == 4


def test_it_learns_which_coefficients_belong_to_which_face():
    torch.manual_seed(0)
    critic = Critic(2, CriticConfig(**SMALL))
    level = torch.rand(32, 1)
    image = level[:, :, None, None].expand(-1, 4, 16, 16)
    true, wrong = torch.cat((level, 1 - level), dim=1), torch.cat((1 - level, level), dim=1)
    # Faces of a middling level have the same coefficients either way.
    distinct = (level[:, 0] - 0.5).abs() > 0.1
    adam = torch.optim.Adam(critic.parameters(), lr=5e-3)
    for _ in range(100):
        code = critic.encode(image)
        logits = torch.cat((critic(code, true), critic(code, wrong)))
        loss = critic_loss(logits, torch.cat((torch.ones(32), torch.zeros(32)))).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    code = critic.encode(image)
    right = (critic(code, true) > 0) & (critic(code, wrong) < 0)
    assert right[distinct].float().mean() > 0.9


def test_impossible_critics_are_refused():
    with pytest.raises(ConfigError, match="expected six widths"):
        CriticConfig(layers=())
