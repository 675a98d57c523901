"""Using a trained generator: as a function on 8-bit tiles, or over a folder of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn.functional import pad

from cartopath.models import flushed_denormals, load_weights
from cartopath.models.cyclegan.networks import ResnetGenerator, build_generator
from cartopath.store.artifacts import Header, read_json, write_json
from cartopath.store.atomic import atomic_path
from cartopath.training.cyclegan.bundle import read_cyclegan_card, read_generator_weights
from cartopath.training.cyclegan.tiles import ImageFiles, checked, read_image

if TYPE_CHECKING:
    from torch import Tensor

RESTYLED_KIND = "restyled_tiles"
RESTYLED_NAME = "restyled.json"


class Restyler:
    """A trained generator as a function on tiles.

    Args:
        network: With its weights.
        device: Where it computes.
        batch_size: Tiles at once.
        sha256: Of its weights: the name of exactly this network.
        names: Of the style that tiles have, and of the one they get.
    """

    def __init__(
        self, network: ResnetGenerator, *, device: torch.device, batch_size: int, sha256: str, names: tuple[str, str]
    ) -> None:
        self._network = network.to(device).eval()
        self._device, self._batch_size, self._multiple_px = device, batch_size, network.spec.multiple_px
        self.sha256, self.names = sha256, names

    def __call__(self, tiles: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return a tile, or tiles, in the other style. What becomes of a tile does not depend on those beside it.

        Args:
            tiles: uint8 (height, width, 3) or (n, height, width, 3), at the micrometres per pixel that training saw.

        Returns:
            uint8 of the same shape.
        """
        if tiles.ndim == 3:
            result: NDArray[np.uint8] = self(tiles[None])[0]
            return result
        restyled = np.empty_like(tiles)
        with torch.inference_mode(), flushed_denormals():
            for first in range(0, len(tiles), self._batch_size):
                batch = tiles[first : first + self._batch_size]
                checked(batch[0], "a tile")
                restyled[first : first + len(batch)] = self._restyled(batch)
        return restyled

    def _restyled(self, batch: NDArray[np.uint8]) -> NDArray[np.uint8]:
        height, width = batch.shape[1:3]
        pictures = torch.from_numpy(np.ascontiguousarray(batch)).to(self._device).permute(0, 3, 1, 2)  # (n, 3, h, w)
        made = self._network(_padded(pictures.float() / 127.5 - 1, self._multiple_px))[..., :height, :width]
        values = ((made + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
        return cast("NDArray[np.uint8]", values.permute(0, 2, 3, 1).cpu().numpy())


def load_generator(folder: Path | str, direction: str = "a_to_b", *, device: str = "auto", batch_size: int = 8) -> Restyler:
    """Return a trained generator as a function on 8-bit tiles.

    Args:
        folder: What `train_cyclegan` wrote.
        direction: `a_to_b` from the first style to the second, `b_to_a` the reverse.
        device: `auto` (a CUDA GPU if there is one), `cpu`, `cuda`, `cuda:1`, `mps`.
        batch_size: Tiles at once.

    Raises:
        BundleError: The folder is no bundle, is incomplete, or has no such direction.
    """
    card = read_cyclegan_card(folder)
    weights = read_generator_weights(folder, direction)
    network = build_generator(card.generator)
    load_weights(network, weights, source=str(folder))
    where = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    names = card.names if direction == "a_to_b" else (card.names[1], card.names[0])
    return Restyler(network, device=torch.device(where), batch_size=batch_size, sha256=card.sha256[direction], names=names)


def restyle_files(restyler: Restyler, source: Path | str | Iterable[Path | str], folder: Path | str) -> list[Path]:
    """Restyle image files into a folder, as PNG under their own names. A file that is there from the same generator stays.

    Args:
        restyler: What `load_generator` returned.
        source: A folder of tiles, or the files.
        folder: Made if need be. Files in it that another generator wrote are replaced.

    Returns:
        The files, in the order of the sources.

    Raises:
        TrainingError: There are no files.
        SlideError: One of them is no image.
    """
    folder = Path(folder)
    files = ImageFiles(source if isinstance(source, (str, Path)) else list(source))
    note = folder / RESTYLED_NAME
    is_same = note.is_file() and read_json(note, RESTYLED_KIND).get("generator") == restyler.sha256
    if not is_same:
        for old in folder.glob("*.png"):
            old.unlink()
        write_json({"generator": restyler.sha256, "names": list(restyler.names)}, note, Header(kind=RESTYLED_KIND))
    written = []
    for path in files.paths:
        target = folder / f"{path.stem}.png"
        if not target.is_file():
            with atomic_path(target) as temporary:
                Image.fromarray(restyler(read_image(path))).save(temporary)
        written.append(target)
    return written


def _padded(pictures: Tensor, multiple_px: int) -> Tensor:
    """Mirror pictures at their right and lower border until both sides are multiples of `multiple_px`."""
    height, width = pictures.shape[-2:]
    return pad(pictures, (0, -width % multiple_px, 0, -height % multiple_px), mode="reflect")
