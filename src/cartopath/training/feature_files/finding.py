"""Which feature files lie in a folder, and whose they are."""

from __future__ import annotations

from pathlib import Path

from cartopath.cohort.barcodes import parse_barcode
from cartopath.cohort.slide_lists.slide_files import slide_stem
from cartopath.core.errors import ArtifactError

H5_SUFFIXES = (".h5", ".hdf5")
PT_SUFFIX, ZARR_SUFFIX = ".pt", ".zarr"
_CLAM_FOLDERS = ("h5_files", "pt_files")


def find_feature_files(folder: Path | str) -> dict[str, Path]:
    """Return the feature file of each slide, by the slide's name.

    Looked at are the files of the folder itself: `.h5`, `.hdf5`, `.pt` and `.zarr`; in a folder of CLAM, those of its `h5_files`
    or, without them, `pt_files`.

    Args:
        folder: To look in, or a single file.

    Raises:
        ArtifactError: There is no such folder, no feature file in it, or two of one slide.
    """
    folder = Path(folder)
    if is_feature_file(folder):
        return {slide_name(folder): folder}
    if folder.is_file():
        raise ArtifactError(f"{folder}: no feature file: expected .h5, .pt or .zarr")
    if not folder.is_dir():
        raise ArtifactError(f"{folder}: no such folder of feature files")
    inside = next((folder / name for name in _CLAM_FOLDERS if (folder / name).is_dir()), folder)
    paths = [path for path in sorted(inside.iterdir()) if is_feature_file(path)]
    if not paths:
        below = sorted({path.parent.relative_to(folder).as_posix() for path in folder.rglob("*") if is_feature_file(path)})
        hint = f"; its folders {', '.join(below[:3])} do" if below else ""
        raise ArtifactError(f"{folder}: holds no feature file (.h5, .pt or .zarr){hint}")
    found: dict[str, Path] = {}
    for path in paths:
        name = slide_name(path)
        if (other := found.setdefault(name, path)) != path:
            raise ArtifactError(f"{folder}: two feature files of {name}: {other.name} and {path.name}; keep one")
    return found


def is_feature_file(path: Path) -> bool:
    """Whether a path may be a feature file, by its name: hidden ones are not."""
    if path.name.startswith("."):
        return False
    suffix = path.suffix.lower()
    return (suffix in (*H5_SUFFIXES, PT_SUFFIX) and path.is_file()) or (suffix == ZARR_SUFFIX and path.is_dir())


def slide_name(path: Path) -> str:
    """Return the name of the slide that a file shows or whose features it holds: its barcode without UUID, or the file's name.

    >>> slide_name(Path("TCGA-A7-A0D9-01Z-00-DX1.6f2a.h5")), slide_name(Path("A1.svs.pt")), slide_name(Path("B.ome.tif"))
    ('TCGA-A7-A0D9-01Z-00-DX1', 'A1', 'B')
    """
    suffix = path.suffix.lower()
    name = path.name[: -len(suffix)] if suffix in (*H5_SUFFIXES, PT_SUFFIX, ZARR_SUFFIX) else path.name
    barcode = parse_barcode(name)
    return barcode.slide_id if barcode is not None and barcode.slide_id else slide_stem(name)
