"""The stem of CTransPath: three convolutions where a Swin transformer cuts patches of 4 x 4 (Wang et al. 2022)."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


class ConvStem(nn.Module):
    """Two convolutions of stride 2 with batch norm, one of 1 x 1, and a layer norm: patches of 4 pixels.

    Takes the place of timm's patch embedding, and has what a Swin transformer asks of one.

    Args:
        img_size: Side of the tiles in pixels.
        patch_size: 4.
        in_chans: 3.
        embed_dim: Width of the patches.
        norm_layer: Of the patches.
        options: What timm tells its own patch embeddings besides.
    """

    def __init__(
        self,
        img_size: int | tuple[int, int] = 224,
        patch_size: int = 4,
        in_chans: int = 3,
        embed_dim: int = 96,
        norm_layer: Any = nn.LayerNorm,
        **options: Any,
    ) -> None:
        super().__init__()
        if patch_size != 4:
            raise ValueError(f"patches of {patch_size} pixels; this stem cuts patches of 4")
        self.img_size = (img_size, img_size) if isinstance(img_size, int) else tuple(img_size)
        self.patch_size = (patch_size, patch_size)
        self.grid_size = (self.img_size[0] // patch_size, self.img_size[1] // patch_size)
        self.num_patches = self.grid_size[0] * self.grid_size[1]
        narrow = embed_dim // 8
        self.proj = nn.Sequential(
            nn.Conv2d(in_chans, narrow, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(narrow),
            nn.ReLU(inplace=True),
            nn.Conv2d(narrow, 2 * narrow, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(2 * narrow),
            nn.ReLU(inplace=True),
            nn.Conv2d(2 * narrow, embed_dim, 1),
        )
        self.norm = norm_layer(embed_dim) if norm_layer is not None else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return patches, (n, 3, h, w) -> (n, h / 4, w / 4, width)."""
        patches: Tensor = self.norm(self.proj(x).permute(0, 2, 3, 1))
        return patches
