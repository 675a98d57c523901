"""Encoders of natural images, published by timm: what tissue encoders are measured against."""

from __future__ import annotations

from cartopath.models.encoders.card import EncoderCard, Output

_DINO = "Caron et al. 2021, arXiv:2104.14294"
_DINOV2 = "Oquab et al. 2023, arXiv:2304.07193"
_RESNET = "He et al. 2016, arXiv:1512.03385"


def _card(name: str, title: str, model: str, n_features: int, output: Output, licence: str, reference: str) -> EncoderCard:
    return EncoderCard(
        name=name,
        title=title,
        repository=f"timm/{model}",
        architecture=model,
        layout="timm",
        size_px=224,
        mpp=0.5,
        n_features=n_features,
        output=output,
        licence=licence,
        gated=False,
        reference=reference,
    )


GENERAL = (
    _card("resnet18", "ResNet-18, ImageNet", "resnet18.tv_in1k", 512, "pooled", "BSD-3-Clause", _RESNET),
    _card("resnet34", "ResNet-34, ImageNet", "resnet34.tv_in1k", 512, "pooled", "BSD-3-Clause", _RESNET),
    _card("resnet50", "ResNet-50, ImageNet", "resnet50.tv_in1k", 2048, "pooled", "BSD-3-Clause", _RESNET),
    _card("vit-small-dino", "ViT-S/16, DINO", "vit_small_patch16_224.dino", 384, "cls", "Apache-2.0", _DINO),
    _card("vit-base-dino", "ViT-B/16, DINO", "vit_base_patch16_224.dino", 768, "cls", "Apache-2.0", _DINO),
    _card("vit-small-dinov2", "ViT-S/14, DINOv2", "vit_small_patch14_dinov2.lvd142m", 384, "cls", "Apache-2.0", _DINOV2),
    _card("vit-base-dinov2", "ViT-B/14, DINOv2", "vit_base_patch14_dinov2.lvd142m", 768, "cls", "Apache-2.0", _DINOV2),
)
"""ResNets with the weights of torchvision's first ImageNet training, as Graziani et al. 2022 used them."""
