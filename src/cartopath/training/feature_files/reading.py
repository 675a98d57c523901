"""Reading a feature file, whoever wrote it: the kind of file says which reader looks into it, its content says the rest."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cartopath.core.errors import ArtifactError
from cartopath.core.h5_trial import fatal_files
from cartopath.training.feature_files.features import TileFeatures
from cartopath.training.feature_files.finding import H5_SUFFIXES, PT_SUFFIX, slide_name
from cartopath.training.feature_files.h5_layouts import read_h5
from cartopath.training.feature_files.spatial_data import is_zarr, read_spatial_data
from cartopath.training.feature_files.torch_bags import read_pt

FORMATS = ("cartopath", "trident", "clam", "stamp", "atlaspatch", "slideflow", "lazyslide")
"""Whose files are read."""
_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def read_features(
    path: Path | str, *, encoder: str | None = None, mpp: float | None = None, slide_id: str | None = None
) -> TileFeatures:
    """Read the features of the tiles of a slide.

    Args:
        path: The file, or the `.zarr` folder.
        encoder: Which features, where it holds those of several encoders (AtlasPatch, LazySlide).
        mpp: Micrometres per level-0 pixel of the slide, over what the file says: most files do not say it.
        slide_id: Whose they are; None for the name of the file.

    Returns:
        What the file says, and what follows from it; `notes` tells what had to be assumed.

    Raises:
        ArtifactError: It is missing, damaged, of no known layout, or holds no features of tiles.
    """
    path = Path(path)
    name = slide_name(path) if slide_id is None else slide_id
    if path.is_dir():
        if not is_zarr(path):
            raise ArtifactError(f"{path}: a folder, and no SpatialData store; give one of the feature files in it")
        return read_spatial_data(path, name, encoder=encoder, mpp=mpp)
    if not path.is_file():
        raise ArtifactError(f"{path}: no such feature file")
    if path.suffix.lower() == PT_SUFFIX:
        return read_pt(path, name, mpp=mpp)
    if path.suffix.lower() in H5_SUFFIXES or _starts_as_hdf5(path):
        return read_h5(path, name, encoder=encoder, mpp=mpp)
    raise ArtifactError(f"{path}: no feature file: expected .h5, .pt or .zarr")


def fatal_feature_files(paths: Iterable[Path]) -> dict[Path, str]:
    """Return the feature files that must not be read, each with the reason, as `read_features` would say it if it could.

    A damaged HDF5 file can crash the library that reads it, and this process with it, or keep it busy for ever. One other process
    looks at all of them first, which takes about half a second and a millisecond per file.
    """
    files = [path for path in paths if path.suffix.lower() in H5_SUFFIXES and path.is_file()]
    reason = "damaged so that the HDF5 library crashes on it or never ends; copy the file again, or compute its features again"
    return {path: f"{path}: {reason}" for path in fatal_files(files)}


def _starts_as_hdf5(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_HDF5_SIGNATURE)) == _HDF5_SIGNATURE
