"""The Lightning module: the losses of a CycleGAN (Zhu et al. 2017) and one step of its generators and its discriminators."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.nn.functional import l1_loss, mse_loss
from torch.optim import Adam

from cartopath.core.rng import seed_for, stream
from cartopath.models.cyclegan.networks import build_discriminator, build_generator
from cartopath.training.cyclegan.pool import ImagePool
from cartopath.training.cyclegan.spec import CycleGanSpec

LOSSES = ("adversarial", "cycle", "identity", "discriminator")


class StyleTranslation(LightningModule):  # type: ignore[misc]
    """Two generators and two discriminators. Optimisation is manual: generators first, then discriminators.

    Args:
        spec: Sizes, weights of the losses, seed.

    Attributes:
        a_to_b: Generator from the first style to the second.
        b_to_a: The reverse.
        judge_a: Tells pictures of the first style from made ones.
        judge_b: The same of the second.
    """

    automatic_optimization = False

    def __init__(self, spec: CycleGanSpec) -> None:
        super().__init__()
        self._spec = spec
        seeds = [seed_for(spec.seed, *spec.stream, "cyclegan", name) for name in ("a to b", "b to a", "judge a", "judge b")]
        self.a_to_b, self.b_to_a = (build_generator(spec.generator, seed=seed) for seed in seeds[:2])
        self.judge_a, self.judge_b = (build_discriminator(spec.discriminator, seed=seed) for seed in seeds[2:])
        self.pools = (ImagePool(spec.pool_size), ImagePool(spec.pool_size))
        self._sums = torch.zeros(len(LOSSES), dtype=torch.float64)
        self._n_steps = 0

    def configure_optimizers(self) -> tuple[Adam, Adam]:
        """Return one optimizer for both generators and one for both discriminators."""
        settings: dict[str, Any] = {"lr": self._spec.lr, "betas": (self._spec.beta1, 0.999)}
        generators = [*self.a_to_b.parameters(), *self.b_to_a.parameters()]
        judges = [*self.judge_a.parameters(), *self.judge_b.parameters()]
        return Adam(generators, **settings), Adam(judges, **settings)

    def on_train_epoch_start(self) -> None:
        """Set the learning rate of the epoch, and begin its mean losses."""
        for optimizer in self.trainer.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self._spec.lr_of(self.current_epoch)
        self._sums.zero_()
        self._n_steps = 0
        self._rng = stream(self._spec.seed, *self._spec.stream, "cyclegan", "pool", self.current_epoch)

    def training_step(self, batch: tuple[Tensor, Tensor], step: int) -> None:
        """Learn from a batch of each style.

        Args:
            batch: uint8 (n, 3, h, w) each.
            step: Of the epoch.
        """
        a, b = (pictures.to(self.dtype) / 127.5 - 1 for pictures in batch)
        for_generators, for_judges = self.optimizers()
        made_a, made_b = self.b_to_a(b), self.a_to_b(a)
        self._let_judges_learn(learn=False)
        losses = self._generator_losses(a, b, made_a, made_b)
        self._improve(for_generators, torch.stack(losses).sum())
        self._let_judges_learn(learn=True)
        old_a, old_b = (pool.exchange(made.detach(), self._rng) for pool, made in zip(self.pools, (made_a, made_b), strict=True))
        judged = 0.5 * (self._told_apart(self.judge_a, a, old_a) + self._told_apart(self.judge_b, b, old_b))
        self._improve(for_judges, judged)
        self._sums += torch.stack([loss.detach().double() for loss in (*losses, judged)]).cpu()
        self._n_steps += 1

    def _generator_losses(self, a: Tensor, b: Tensor, made_a: Tensor, made_b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        fooled = _is(self.judge_b(made_b), 1.0) + _is(self.judge_a(made_a), 1.0)
        cycle = l1_loss(self.b_to_a(made_b), a) + l1_loss(self.a_to_b(made_a), b)
        same = cycle.new_zeros(())
        if self._spec.identity_weight:
            same = l1_loss(self.a_to_b(b), b) + l1_loss(self.b_to_a(a), a)
        weight = self._spec.cycle_weight
        return fooled, weight * cycle, weight * self._spec.identity_weight * same

    def _told_apart(self, judge: torch.nn.Module, real: Tensor, made: Tensor) -> Tensor:
        return _is(judge(real), 1.0) + _is(judge(made), 0.0)

    def _improve(self, optimizer: Any, loss: Tensor) -> None:
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()

    def _let_judges_learn(self, *, learn: bool) -> None:
        for judge in (self.judge_a, self.judge_b):
            judge.requires_grad_(learn)

    def mean_losses(self) -> dict[str, float]:
        """Return the means of the epoch by the names `LOSSES`, each with its weight."""
        return dict(zip(LOSSES, (self._sums / max(1, self._n_steps)).tolist(), strict=True))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the pools: they are part of what the next step learns from."""
        checkpoint["pools"] = [list(pool.pictures) for pool in self.pools]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Fill the pools as they were."""
        for pool, pictures in zip(self.pools, checkpoint["pools"], strict=True):
            pool.pictures = [picture.to(self.device) for picture in pictures]


def _is(judgement: Tensor, truth: float) -> Tensor:
    """The least-squares loss of a judgement (LSGAN, Mao et al. 2017)."""
    return mse_loss(judgement, torch.full_like(judgement, truth))
