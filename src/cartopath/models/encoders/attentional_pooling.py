"""Pooling by one query that attends to all tokens, as CONCH pools (Lu et al. 2024; CoCa, Yu et al. 2022)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class AttentionalPooler(nn.Module):
    """One query of its own width attends to tokens of another.

    Args:
        width: Of the tokens.
        n_features: Of the query and of what comes out.
        n_heads: Of the attention.
        is_fused: Whether the attention is torch's module, with biases, as in CONCH; otherwise separate layers without, as in
            CONCH v1.5.
    """

    def __init__(self, width: int, n_features: int, *, n_heads: int, is_fused: bool) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.query = nn.Parameter(torch.randn(1, n_features))
        self.ln_q, self.ln_k = nn.LayerNorm(n_features), nn.LayerNorm(width)
        self.attn: nn.MultiheadAttention | None = None
        if is_fused:
            self.attn = nn.MultiheadAttention(n_features, n_heads, kdim=width, vdim=width, batch_first=True)
        else:
            self.to_q = nn.Linear(n_features, n_features, bias=False)
            self.to_kv = nn.Linear(width, 2 * n_features, bias=False)
            self.to_out = nn.Linear(n_features, n_features, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return what the query makes of tokens, (n, n_tokens, width) -> (n, n_features)."""
        context = self.ln_k(tokens)
        query = self.ln_q(self.query).expand(len(tokens), 1, -1)  # (n, 1, n_features)
        if self.attn is not None:
            pooled: Tensor = self.attn(query, context, context, need_weights=False)[0]
            return pooled[:, 0]
        key, value = (self._heads(part) for part in self.to_kv(context).chunk(2, dim=-1))
        attended = nn.functional.scaled_dot_product_attention(self._heads(self.to_q(query)), key, value)
        out: Tensor = self.to_out(attended.transpose(1, 2).flatten(2))  # (n, n_heads, 1, d) -> (n, 1, n_features)
        return out[:, 0]

    def _heads(self, x: Tensor) -> Tensor:
        """Split features into heads, (n, n_tokens, n_features) -> (n, n_heads, n_tokens, d)."""
        return x.reshape(*x.shape[:2], self.n_heads, -1).transpose(1, 2)


class ConchPooling(nn.Module):
    """The pooler and the layer norm behind it: what CONCH gives before its projection onto text.

    Args:
        width: Of the tokens.
        n_features: That come out.
        n_heads: Of the attention.
        is_fused: See `AttentionalPooler`.
    """

    def __init__(self, width: int, n_features: int, *, n_heads: int, is_fused: bool) -> None:
        super().__init__()
        self.attn_pool_contrast = AttentionalPooler(width, n_features, n_heads=n_heads, is_fused=is_fused)
        self.ln_contrast = nn.LayerNorm(n_features)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return features, (n, n_tokens, width) -> (n, n_features)."""
        features: Tensor = self.ln_contrast(self.attn_pool_contrast(tokens))
        return features
