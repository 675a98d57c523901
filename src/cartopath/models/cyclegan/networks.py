"""Generator and discriminator of a CycleGAN (Zhu et al. 2017, ICCV, appendix 7.2), their weights named as the authors' are."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

from torch import Tensor, nn

from cartopath.core.rng import seed_for
from cartopath.models.backbones import seeded
from cartopath.models.cyclegan.spec import DiscriminatorSpec, GeneratorSpec

_INITIAL_SD = 0.02
_N_COLOURS = 3
_MOST_CHANNELS = 8


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions whose result is added to their input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            *(nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels), nn.ReLU(inplace=True)),
            *(nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the same shape."""
        changed: Tensor = x + self.conv_block(x)
        return changed


class ResnetGenerator(nn.Module):
    """Maps pictures of one style to the other.

    Args:
        spec: Its sizes.
    """

    def __init__(self, spec: GeneratorSpec) -> None:
        super().__init__()
        self.spec = spec
        n = spec.channels
        halving = partial(nn.Conv2d, kernel_size=3, stride=2, padding=1)
        doubling = partial(nn.ConvTranspose2d, kernel_size=3, stride=2, padding=1, output_padding=1)
        layers = [nn.ReflectionPad2d(3), *_normed(nn.Conv2d(_N_COLOURS, n, 7))]
        widths = [n * 2**level for level in range(spec.halvings + 1)]
        for wide, narrow in pairwise(widths):
            layers += _normed(halving(wide, narrow))
        layers += [ResidualBlock(widths[-1]) for _ in range(spec.blocks)]
        for narrow, wide in pairwise(reversed(widths)):
            layers += _normed(doubling(narrow, wide))
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(n, _N_COLOURS, 7), nn.Tanh()]
        self.model = nn.Sequential(*layers)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return pictures in the other style.

        Args:
            pictures: (n, 3, h, w) in -1..1; h and w are multiples of the spec's `multiple_px`.

        Returns:
            (n, 3, h, w) in -1..1.
        """
        result: Tensor = self.model(pictures)
        return result


class PatchDiscriminator(nn.Module):
    """Judges whether patches of a picture are real.

    Args:
        spec: Its sizes.
    """

    def __init__(self, spec: DiscriminatorSpec) -> None:
        super().__init__()
        convolution = partial(nn.Conv2d, kernel_size=4, padding=1)
        channels = [spec.channels * min(2**layer, _MOST_CHANNELS) for layer in range(spec.layers + 1)]
        layers: list[nn.Module] = [convolution(_N_COLOURS, channels[0], stride=2), nn.LeakyReLU(0.2, inplace=True)]
        for layer in range(1, spec.layers + 1):
            stride = 2 if layer < spec.layers else 1
            layers += [convolution(channels[layer - 1], channels[layer], stride=stride), nn.InstanceNorm2d(channels[layer])]
            layers.append(nn.LeakyReLU(0.2, inplace=True))
        layers.append(convolution(channels[-1], 1, stride=1))
        self.model = nn.Sequential(*layers)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return a judgement for every patch, (n, 1, h', w'): 1 where it looks real, 0 where it looks made.

        Args:
            pictures: (n, 3, h, w) in -1..1.
        """
        result: Tensor = self.model(pictures)
        return result


def build_generator(spec: GeneratorSpec, *, seed: int = 0) -> ResnetGenerator:
    """Build a generator with random weights that come from `seed` alone; torch's global generator is left as it was."""
    with seeded(seed_for(seed, "generator")):
        return ResnetGenerator(spec).apply(_initialise)


def build_discriminator(spec: DiscriminatorSpec, *, seed: int = 0) -> PatchDiscriminator:
    """Build a discriminator with random weights that come from `seed` alone; torch's global generator is left as it was."""
    with seeded(seed_for(seed, "discriminator")):
        return PatchDiscriminator(spec).apply(_initialise)


def _normed(convolution: nn.Conv2d | nn.ConvTranspose2d) -> tuple[nn.Module, nn.Module, nn.Module]:
    return convolution, nn.InstanceNorm2d(convolution.out_channels), nn.ReLU(inplace=True)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, _INITIAL_SD)
        assert module.bias is not None
        nn.init.zeros_(module.bias)
