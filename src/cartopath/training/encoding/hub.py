"""Weights from the hub: out of its cache, or fetched into it, and what to do where they cannot be had."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cartopath.core.errors import BundleError
from cartopath.models.encoders import EncoderCard

_WITH_FILE = "give the file that you have with `--weights FILE`"
_PATIENCE_S = 5.0
"""How long the hub may take to answer at all."""


def fetch_weights(card: EncoderCard, *, offline: bool) -> Path:
    """Return the file with the weights of an encoder, which lies in the cache afterwards.

    The cache is the hub's own: the folder `hub` in what HF_HOME names, otherwise in `~/.cache/huggingface`. It is all that is
    looked at where the hub does not answer within five seconds.

    Args:
        card: Of the encoder.
        offline: Look in the cache alone.

    Raises:
        BundleError: They are not to be had; the message says what to do.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    if not card.repository:
        raise BundleError(
            f"{card.name}: its weights are on no hub; get them from their makers ({card.reference}), then {_WITH_FILE}"
        )
    is_cut_off = not offline and not hub_answers()
    for name in card.files:
        try:
            with _quiet_hub():
                return Path(hf_hub_download(card.repository, name, local_files_only=offline or is_cut_off))
        except GatedRepoError as error:
            raise BundleError(_gated(card)) from error
        except RepositoryNotFoundError as error:
            raise BundleError(_not_found(card)) from error
        except LocalEntryNotFoundError:
            is_cut_off = True
        except EntryNotFoundError:
            continue
        except (OSError, HFValidationError) as error:
            reason = " ".join(str(error).split())[:200]
            raise BundleError(f"{card.name}: its weights cannot be fetched ({reason}); {_WITH_FILE}") from error
    raise BundleError(_not_cached(card, offline=offline) if offline or is_cut_off else _no_file(card))


def hub_answers() -> bool:
    """Whether the hub answers: one try without the hub's own repeats, which take most of a minute for every file."""
    from huggingface_hub import constants, get_session

    session = get_session()
    client = sys.modules[
        type(session).__module__.partition(".")[0]
    ]  # requests, httpx or httpx2, whichever the hub's version uses
    try:
        session.head(constants.ENDPOINT, timeout=_PATIENCE_S)
    except (OSError, getattr(client, "RequestError", OSError)):
        return False
    return True


@contextmanager
def _quiet_hub() -> Iterator[None]:
    """Keep the hub's warnings from the screen; what goes wrong is said in one message."""
    logger = logging.getLogger("huggingface_hub")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _gated(card: EncoderCard) -> str:
    return (
        f"{card.name}: {card.repository} gives its weights to those who accepted its terms ({card.licence}). Accept them at "
        f"{card.url}, then set HF_TOKEN to a token of your account (or run `hf auth login`); or {_WITH_FILE}"
    )


def _not_found(card: EncoderCard) -> str:
    hint = " It is shown to those alone who accepted its terms: set HF_TOKEN." if card.gated else ""
    return f"{card.name}: the hub shows no repository {card.repository}.{hint} Look at {card.url}, or {_WITH_FILE}"


def _not_cached(card: EncoderCard, *, offline: bool) -> str:
    home = os.environ.get("HF_HOME", "~/.cache/huggingface")
    terms = f" (after accepting its terms at {card.url}, with HF_TOKEN set)" if card.gated else ""
    why = "and nothing is fetched offline" if offline else "and there is no way to the hub"
    return (
        f"{card.name}: its weights are not in the cache {home}, {why}. Fetch them once where there is a network{terms}: "
        f"`hf download {card.repository}`, and copy that cache to where HF_HOME points; or {_WITH_FILE}"
    )


def _no_file(card: EncoderCard) -> str:
    return f"{card.name}: {card.repository} holds none of {', '.join(card.files)}; look at {card.url}, or {_WITH_FILE}"
