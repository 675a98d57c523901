"""Networks built here give what the programs give that published their layouts: numbers made once by those programs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from cartopath.core.errors import ArtifactError, ConfigError
from cartopath.models.encoders import build_encoder, load_published
from cartopath.models.encoders.pathology import CONCH, CONCH_1_5, CTRANSPATH, HIBOU_B, MIDNIGHT, PHIKON, PHIKON_2, UNI, VIRCHOW2

WIDTH, DEPTH, HEADS = 48, 3, 3

SMALL = {"img_size": 56, "embed_dim": WIDTH, "depth": DEPTH, "num_heads": HEADS}
SWIGLU = {"mlp_ratio": 2 * 128 / WIDTH, "swiglu": True}


def features(card, weights, tiles):
    network = build_encoder(card)
    load_published(network, weights, card, source="weights.bin")
    with torch.no_grad():
        return network.eval()(tiles).numpy()


def agrees(found, first, last, total):
    """Compare the second tile's first and last four features, and the sum of all sizes."""
    np.testing.assert_allclose(found[1, :4], first, atol=2e-5)
    np.testing.assert_allclose(found[1, -4:], last, atol=2e-5)
    assert np.abs(found).sum() == pytest.approx(total, abs=2e-3)


def test_phikon_gives_what_transformers_5_23_gives(hf_vit, tiles):
    card = replace(PHIKON, options={**PHIKON.options, **SMALL, "patch_size": 8}, n_features=WIDTH)
    found = features(card, hf_vit, tiles)
    agrees(found, [0.78308, -0.25277, -1.17176, -0.40907], [1.01621, -0.11266, -0.09453, 0.23933], 28.453)


def test_phikon_2_gives_what_transformers_5_23_gives(hf_dinov2, tiles):
    card = replace(PHIKON_2, options={**PHIKON_2.options, **SMALL, "patch_size": 8}, n_features=WIDTH)
    found = features(card, hf_dinov2(patch=8, n_patches=49), tiles)
    agrees(found, [0.26599, 0.43088, -1.22356, 1.12], [0.27164, -0.28697, -0.24639, -0.41709], 30.233)


def test_midnight_resamples_its_places_as_transformers_5_23_does(hf_dinov2, tiles):
    card = replace(MIDNIGHT, options={**SMALL, **SWIGLU, "patch_size": 14}, n_features=2 * WIDTH, mean=UNI.mean, std=UNI.std)
    found = features(card, hf_dinov2(patch=14, n_patches=49, hidden=128), tiles)
    agrees(found, [0.98911, 0.51699, -0.09336, 0.37516], [0.04967, 0.00694, -0.22561, -0.30268], 52.553)


def test_hibou_keeps_registers_as_transformers_5_23_does(hf_dinov2, tiles):
    options = {**HIBOU_B.options, **SMALL, **SWIGLU, "patch_size": 14}
    card = replace(HIBOU_B, options=options, n_features=2 * WIDTH, output="cls+mean", mean=UNI.mean, std=UNI.std)
    found = features(card, hf_dinov2(patch=14, n_patches=16, hidden=128, registers=4), tiles)
    agrees(found, [0.94612, 0.4728, -0.10314, 0.41028], [0.04982, 0.00722, -0.22568, -0.30425], 52.761)


def test_names_behind_the_name_of_a_model_are_the_same(hf_vit, tiles):
    card = replace(PHIKON, options={**PHIKON.options, **SMALL, "patch_size": 8}, n_features=WIDTH)
    around = {f"vit.{name}": value for name, value in hf_vit.items()} | {"pooler.dense.weight": torch.zeros(WIDTH, WIDTH)}
    np.testing.assert_array_equal(features(card, around, tiles), features(card, hf_vit, tiles))


SMALL_SWIN = {"img_size": 56, "embed_dim": 32, "depths": (2, 2), "num_heads": (2, 4), "window_size": 7}


def test_ctranspath_gives_what_timm_0_5_4_gives(made_weights, tiles):
    card = replace(CTRANSPATH, options=SMALL_SWIN, n_features=64)
    names = {name.removeprefix("trunk."): tuple(value.shape) for name, value in build_encoder(card).state_dict().items()}
    old = {name.replace("layers.1.downsample", "layers.0.downsample"): shape for name, shape in names.items()}
    weights = made_weights({name: shape for name, shape in old.items() if not name.endswith("num_batches_tracked")})
    weights |= {name: torch.tensor(0) for name in old if name.endswith("num_batches_tracked")}
    weights |= {"layers.0.blocks.1.attn_mask": torch.zeros(4, 49, 49), "head.weight": torch.zeros(1000, 64)}
    found = features(card, weights, tiles)
    agrees(found, [0.14738, -0.2393, -0.58291, -0.43461], [0.12261, -0.23029, -0.39991, -0.39496], 39.565)


def attended(pooling, tokens, *, query, key, value, out):
    """Attention of one query in closed form, head by head."""
    context, asked = pooling.ln_k(tokens), query(pooling.ln_q(pooling.query))[0]
    keys, values, heads = key(context), value(context), []
    for part in torch.arange(len(asked)).chunk(8):
        logits = keys[..., part] @ asked[part] / len(part) ** 0.5
        heads.append((logits.softmax(dim=1)[..., None] * values[..., part]).sum(dim=1))
    return out(torch.cat(heads, dim=1))


@pytest.mark.parametrize("card", [CONCH, CONCH_1_5])
def test_the_pooling_of_conch_is_attention_by_one_query(card):
    small = replace(card, options={**card.options, **SMALL}, n_features=32)
    network = build_encoder(small).eval()
    nn.init.normal_(network.pooling.attn_pool_contrast.ln_k.weight)
    pooler, tokens = network.pooling.attn_pool_contrast, torch.randn(2, 17, WIDTH)
    with torch.no_grad():
        if card is CONCH:
            parts = pooler.attn
            biases = parts.in_proj_bias.chunk(3)
            weights = (parts.q_proj_weight, parts.k_proj_weight, parts.v_proj_weight)
            query, key, value = (
                lambda x, w=weight, b=bias: nn.functional.linear(x, w, b) for weight, bias in zip(weights, biases, strict=True)
            )
            expected = attended(pooler, tokens, query=query, key=key, value=value, out=parts.out_proj)
        else:
            key, value = (lambda x, w=weight: x @ w.T for weight in pooler.to_kv.weight.chunk(2))
            expected = attended(pooler, tokens, query=pooler.to_q, key=key, value=value, out=pooler.to_out)
        torch.testing.assert_close(pooler(tokens), expected)


@pytest.mark.parametrize(("card", "prefix"), [(CONCH, "visual."), (CONCH_1_5, "")])
def test_conch_leaves_its_text_and_captions(card, prefix, tiles):
    small = replace(card, options={**card.options, **SMALL}, n_features=32)
    network = build_encoder(small).eval()
    names = {name.removeprefix("pooling."): value for name, value in network.state_dict().items()}
    weights = {f"{prefix}{name}": value for name, value in names.items()}
    weights |= {
        "text.cls_emb": torch.zeros(4),
        f"{prefix}proj_contrast": torch.zeros(32, 32),
        f"{prefix}ln_caption.bias": torch.zeros(8),
    }
    with torch.no_grad():
        np.testing.assert_array_equal(features(small, weights, tiles), network(tiles).numpy())


def test_class_token_and_mean_of_patches_leave_registers_out(tiles):
    card = replace(VIRCHOW2, options={**VIRCHOW2.options, **SMALL, "patch_size": 14}, n_features=2 * WIDTH)
    network = build_encoder(card).eval()
    with torch.no_grad():
        found = network(tiles)
        x = (tiles / 255 - torch.tensor(card.mean).view(1, 3, 1, 1)) / torch.tensor(card.std).view(1, 3, 1, 1)
        tokens = network.trunk.forward_features(x)
    assert tokens.shape[1] == 1 + 4 + 16
    torch.testing.assert_close(found, torch.cat([tokens[:, 0], tokens[:, 5:].mean(dim=1)], dim=1))


def test_half_precision_weights_are_taken(tiles):
    card = replace(UNI, options={**UNI.options, **SMALL}, n_features=WIDTH)
    weights = {name.removeprefix("trunk."): value.bfloat16() for name, value in build_encoder(card).state_dict().items()}
    assert features(card, weights, tiles).dtype == np.float32


def test_weights_of_another_network_are_refused(tiles):
    card = replace(UNI, options={**UNI.options, **SMALL}, n_features=WIDTH)
    weights = {name.removeprefix("trunk."): value for name, value in build_encoder(card).state_dict().items()}
    with pytest.raises(ArtifactError, match=r"weights\.bin: misses 1 of the network's"):
        features(card, {name: value for name, value in weights.items() if name != "norm.bias"}, tiles)
    with pytest.raises(ArtifactError, match=r"weights\.bin: has unknown 1 of"):
        features(card, {**weights, "blocks.7.norm1.bias": torch.zeros(3)}, tiles)


def test_options_that_timm_does_not_know_are_named():
    with pytest.raises(ConfigError, match="timm cannot build uni as 'vit_large_patch16_224'"):
        build_encoder(replace(UNI, options={"legs": 4}))


@pytest.mark.parametrize("card", [UNI, CONCH])
def test_a_network_built_empty_is_whole_once_its_weights_are_loaded(card, tiles):
    small = replace(card, options={**card.options, **SMALL}, n_features=WIDTH)
    whole, empty = build_encoder(small).eval(), build_encoder(small, initialise=False).eval()
    empty.load_state_dict(whole.state_dict())
    assert not any(value.is_meta for value in (*empty.parameters(), *empty.buffers()))
    with torch.no_grad():
        torch.testing.assert_close(empty(tiles), whole(tiles), rtol=0, atol=0)
