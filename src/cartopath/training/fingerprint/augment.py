"""Applying drawn changes to a batch of tiles at once, on whatever device it is."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample


def augment(tiles: Tensor, changes: dict[str, Tensor], *, size_px: int, by_any_angle: bool) -> Tensor:
    """Turn, mirror, crop and recolour tiles.

    Args:
        tiles: (n, n_styles, read_px, read_px, 3) uint8 RGB.
        changes: The arrays of `Changes` by name: `angle` (n,), `is_mirrored` (n,), `colour` (n, n_styles, 3, 3), `contrast` and
            `brightness` (n, n_styles).
        size_px: Side of the result; the middle is kept.
        by_any_angle: Whether angles are other than multiples of a right one, by which pixels are moved and not blended.

    Returns:
        (n, n_styles, 3, size_px, size_px) float32 in 0..1.
    """
    n, n_styles, read_px = tiles.shape[:3]
    with torch.autocast(tiles.device.type, enabled=False):
        x = tiles.permute(0, 1, 4, 2, 3).float() / 255.0  # (n, n_styles, 3, read_px, read_px)
        x = x.reshape(n, n_styles * 3, read_px, read_px)
        turned = _turned if by_any_angle else _turned_by_quarters
        x = turned(x, changes["angle"], size_px)
        x = torch.where(changes["is_mirrored"][:, None, None, None], x.flip(-1), x)
        x = x.reshape(n * n_styles, 3, -1)  # (n * n_styles, 3, size_px * size_px)
        x = changes["colour"].reshape(-1, 3, 3) @ x
        mean = x.mean(dim=(1, 2), keepdim=True)
        x = mean + (x - mean) * changes["contrast"].reshape(-1, 1, 1)
        x = (x * changes["brightness"].reshape(-1, 1, 1)).clamp(0.0, 1.0)
        return x.reshape(n, n_styles, 3, size_px, size_px)


def _turned(x: Tensor, angle: Tensor, size_px: int) -> Tensor:
    """Turn tiles about their middle and crop it."""
    cosine, sine, zero = torch.cos(angle), torch.sin(angle), torch.zeros_like(angle)
    share = size_px / x.shape[-1]
    matrix = torch.stack([cosine * share, -sine * share, zero, sine * share, cosine * share, zero], dim=1).reshape(-1, 2, 3)
    grid = affine_grid(matrix, [len(x), x.shape[1], size_px, size_px], align_corners=False)  # (n, size_px, size_px, 2)
    return grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _turned_by_quarters(x: Tensor, angle: Tensor, size_px: int) -> Tensor:
    """Crop the middle of tiles and turn it by multiples of a right angle."""
    start = (x.shape[-1] - size_px) // 2
    x = x[..., start : start + size_px, start : start + size_px]
    turns = torch.round(angle / (torch.pi / 2)).long() % 4
    all_four = torch.stack([x.rot90(quarters, (2, 3)) for quarters in range(4)], dim=1)  # (n, 4, c, size_px, size_px)
    return all_four[torch.arange(len(x), device=x.device), turns]
