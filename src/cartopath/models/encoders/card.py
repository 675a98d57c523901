"""What is known of an encoder: where its weights are, which network they are for, what it looks at and gives, who may use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from cartopath.core.errors import ConfigError

Output = Literal["pooled", "cls", "cls+mean"]
Layout = Literal["timm", "exact", "hf-vit", "hf-dinov2", "ctranspath", "conch", "conch-1.5"]
OUTPUTS: tuple[Output, ...] = ("pooled", "cls", "cls+mean")
LAYOUTS: tuple[Layout, ...] = ("timm", "exact", "hf-vit", "hf-dinov2", "ctranspath", "conch", "conch-1.5")
HUB_URL = "https://huggingface.co/"


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderCard:
    """A published encoder.

    Attributes:
        name: What it is called here.
        title: What its makers call it.
        repository: Where its weights are on the hub, "" where they are not there.
        files: Names that its weights may have there, the first one preferred.
        architecture: Name of the timm model, with its tag where the weights are timm's.
        options: What timm needs to know of the network beyond that name, as JSON values; `swiglu` stands for a gated
            perceptron (SwiGLU with its halves in one layer), `norm_eps` for the epsilon of all layer norms.
        layout: How the weights are named and arranged in their file: as timm's own (`timm`), as the network built here (`exact`),
            as the library transformers names a ViT or a DINOv2, or as one program alone does.
        size_px: Side of its tiles in pixels.
        mpp: Micrometres per pixel that it was trained at, or that its users agree on.
        mean: Of red, green and blue, which is taken off pixels in 0..1.
        std: By which they are divided then.
        n_features: Length of the features of a tile.
        output: Which they are: what the network pools (`pooled`), the class token (`cls`), or the class token followed by the
            mean of the tokens of patches (`cls+mean`).
        licence: Of the weights.
        gated: Whether the hub gives the weights to those alone who have accepted their terms.
        reference: The paper, or the page that describes it.
        unverified: What could not be checked against a public source, as sentences.
    """

    name: str
    title: str
    repository: str
    architecture: str
    size_px: int
    mpp: float
    n_features: int
    output: Output
    licence: str
    gated: bool
    reference: str
    files: tuple[str, ...] = ("model.safetensors", "pytorch_model.bin")
    options: Mapping[str, Any] = field(default_factory=dict)
    layout: Layout = "exact"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    unverified: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, allowed in (("output", OUTPUTS), ("layout", LAYOUTS)):
            if getattr(self, name) not in allowed:
                raise ConfigError(
                    f"The {name!r} of an encoder must be one of {', '.join(allowed)}. Got {getattr(self, name)!r} instead."
                )
        if self.size_px < 1 or not self.mpp > 0 or self.n_features < 1 or min(self.std) <= 0:
            raise ConfigError(f"encoder {self.name}: 'size_px', 'mpp', 'n_features' and 'std' must be positive")

    @property
    def size_um(self) -> float:
        """Side of its tiles in micrometres."""
        return self.size_px * self.mpp

    @property
    def url(self) -> str:
        """Its page on the hub, "" where there is none."""
        return f"{HUB_URL}{self.repository}" if self.repository else ""
