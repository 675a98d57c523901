"""The networks of the CycleGAN: those of its authors, in size, names and behaviour."""

import pytest
import torch

from cartopath.core.errors import ConfigError
from cartopath.models import n_parameters
from cartopath.models.cyclegan import DiscriminatorSpec, GeneratorSpec, build_discriminator, build_generator

SMALL = GeneratorSpec(channels=4, blocks=1)


def test_the_default_generator_has_as_many_parameters_as_the_authors():
    assert n_parameters(build_generator(GeneratorSpec())) == 11_378_179  # "11.378 M" in their log


def test_the_default_discriminator_has_as_many_parameters_as_the_authors():
    assert n_parameters(build_discriminator(DiscriminatorSpec())) == 2_764_737  # "2.765 M" in their log


def test_weights_have_the_names_of_the_authors():
    names = build_generator(GeneratorSpec()).state_dict().keys()
    assert {"model.1.weight", "model.4.bias", "model.10.conv_block.1.weight", "model.18.conv_block.5.bias"} <= names
    assert {"model.19.weight", "model.22.weight", "model.26.bias"} <= names
    assert len(names) == 2 * (1 + 2 + 2 * 9 + 2 + 1)
    judged = build_discriminator(DiscriminatorSpec()).state_dict().keys()
    assert {name.removesuffix(".weight") for name in judged if name.endswith("weight")} == {
        f"model.{i}" for i in (0, 2, 5, 8, 11)
    }


def test_a_generator_keeps_the_size_of_a_picture_and_the_range_of_its_values():
    made = build_generator(SMALL)(torch.rand(2, 3, 24, 40) * 2 - 1)
    assert made.shape == (2, 3, 24, 40)
    assert made.abs().max() <= 1


def test_a_discriminator_judges_30_by_30_patches_of_256_px():
    assert build_discriminator(DiscriminatorSpec(channels=2))(torch.zeros(1, 3, 256, 256)).shape == (1, 1, 30, 30)


def test_a_judgement_depends_on_a_patch_of_70_px():
    judge = build_discriminator(DiscriminatorSpec(channels=2))
    for module in judge.modules():
        if isinstance(module, torch.nn.InstanceNorm2d):
            module.forward = lambda x: x  # It looks at the whole picture, which is not meant here.
    picture = torch.zeros(1, 3, 256, 256, requires_grad=True)
    judge(picture)[0, 0, 15, 15].backward()
    reached = picture.grad.abs().sum(dim=(0, 1)).nonzero()
    assert (reached.amax(dim=0) - reached.amin(dim=0) + 1).tolist() == [70, 70]
    assert DiscriminatorSpec().patch_px == 70


def test_the_smallest_picture_can_be_judged():
    spec = DiscriminatorSpec(channels=2)
    assert build_discriminator(spec)(torch.zeros(1, 3, spec.smallest_px, spec.smallest_px)).shape == (1, 1, 1, 1)


def test_initial_weights_are_small_and_biases_zero():
    generator = build_generator(GeneratorSpec(channels=16, blocks=2))
    weights = torch.cat([value.flatten() for name, value in generator.state_dict().items() if name.endswith("weight")])
    assert float(weights.std()) == pytest.approx(0.02, rel=0.02)
    assert all((value == 0).all() for name, value in generator.state_dict().items() if name.endswith("bias"))


def test_the_seed_alone_decides_the_weights():
    torch.manual_seed(1)
    first = build_generator(SMALL, seed=3).state_dict()
    torch.manual_seed(2)
    before = torch.random.get_rng_state()
    second, third = build_generator(SMALL, seed=3).state_dict(), build_generator(SMALL, seed=4).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["model.1.weight"], third["model.1.weight"])
    assert torch.equal(before, torch.random.get_rng_state())


def test_fewer_halvings_need_rounder_sizes_no_more():
    spec = GeneratorSpec(channels=4, blocks=1, halvings=0)
    assert build_generator(spec)(torch.zeros(1, 3, 9, 11)).shape == (1, 3, 9, 11)
    assert (spec.multiple_px, SMALL.multiple_px) == (1, 4)


@pytest.mark.parametrize("wrong", [{"channels": 0}, {"blocks": -1}, {"halvings": 1.5}, {"channels": True}])
def test_impossible_sizes_are_refused(wrong):
    with pytest.raises(ConfigError, match=f"the {next(iter(wrong))!r} parameter"):
        GeneratorSpec(**wrong)


def test_a_description_with_other_names_is_refused():
    with pytest.raises(ConfigError, match="described by channels, blocks, halvings"):
        GeneratorSpec.from_dict({"channels": 4})
