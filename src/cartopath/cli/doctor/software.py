"""Python, packages, the fit of torch and torchvision, fonts and encodings."""

from __future__ import annotations

import importlib
import locale
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path
from typing import Any

from cartopath.cli.doctor.verdict import Verdict

_INSTALL = "pip install -c constraints.txt"


def python_version(found: str | None = None, supported: str | None = None) -> Verdict:
    """Compare this Python with the range that the installed package asks for."""
    from packaging.specifiers import SpecifierSet

    found = found or platform.python_version()
    supported = supported or metadata("cartopath")["Requires-Python"]
    if found in SpecifierSet(supported, prereleases=True):
        return Verdict("ok", f"{found} ({supported}) at {sys.executable}")
    return Verdict("problem", f"{found}, supported is {supported}", "make a new environment with a supported Python")


def packages(needs: list[str] | None = None, version_of: Callable[[str], str] = version) -> Verdict:
    """Compare installed packages with the ranges that the installed cartopath asks for."""
    from packaging.requirements import Requirement

    wanted = [Requirement(need) for need in (requires("cartopath") or [] if needs is None else needs)]
    wanted = [need for need in wanted if need.marker is None or need.marker.evaluate({"extra": ""})]
    wrong, names = [], []
    for need in wanted:
        try:
            found = version_of(need.name)
        except PackageNotFoundError:
            wrong.append(f"{need.name} is missing")
            names.append(need.name)
            continue
        if not need.specifier.contains(found, prereleases=True):
            wrong.append(f"{need.name} {found} is not {need.specifier}")
            names.append(need.name)
    if wrong:
        return Verdict("problem", "; ".join(wrong), f"{_INSTALL} --upgrade {' '.join(names)}")
    return Verdict("ok", f"cartopath {version('cartopath')}: {len(wanted)} packages in their ranges")


def torch_build(load: Callable[[str], Any] = importlib.import_module) -> Verdict:
    """Import torch and compute something."""
    torch = load("torch")
    product = torch.ones(4, 4) @ torch.ones(4, 4)
    if float(product.sum()) != 64.0:
        return Verdict("problem", f"torch {torch.__version__} multiplies wrongly", f"{_INSTALL} --force-reinstall torch")
    cuda = torch.version.cuda
    return Verdict("ok", f"torch {torch.__version__}, {f'built for CUDA {cuda}' if cuda else 'built without CUDA'}")


def torchvision_fits(
    version_of: Callable[[str], str] = version,
    needs_of: Callable[[str], list[str] | None] = requires,
    ready: Callable[[], object] | None = None,
) -> Verdict:
    """Check that torchvision was built for this torch; its import dies where it was not.

    Args:
        version_of: Version of an installed package.
        needs_of: Requirements of an installed package.
        ready: Imports torchvision; returns None where it works by itself.
    """
    from packaging.requirements import Requirement

    from cartopath.models.torchvision_ops import timm_ready

    torch, torchvision = version_of("torch"), version_of("torchvision")
    found = f"torch {torch}, torchvision {torchvision}"
    advice = f"{_INSTALL} --force-reinstall torch torchvision, both from the same index (CPU or the same CUDA)"
    for need in map(Requirement, needs_of("torchvision") or []):
        if need.name == "torch" and not need.specifier.contains(torch, prereleases=True):
            return Verdict("problem", f"{found}, which asks for torch{need.specifier}", advice)
    if (ready or timm_ready)() is not None:
        return Verdict("warning", f"{found}: torchvision's operators do not load beside this torch; worked around", advice)
    return Verdict("ok", found)


def font_cache(cache_dir: Callable[[], str] | None = None) -> Verdict:
    """Check that matplotlib can keep its list of fonts; where it cannot, every process builds it anew."""
    if cache_dir is None:
        import matplotlib as mpl

        cache_dir = mpl.get_cachedir
    folder = Path(cache_dir())
    advice = "set MPLCONFIGDIR to a folder that lasts and can be written to"
    if not os.access(folder, os.W_OK):
        return Verdict("warning", f"{folder} cannot be written to", advice)
    if folder.parent == Path(tempfile.gettempdir()) and "MPLCONFIGDIR" not in os.environ:
        return Verdict("warning", f"{folder} is temporary: every process builds its list of fonts anew", advice)
    return Verdict("ok", f"{folder}")


def encoding(files: str | None = None, text: str | None = None) -> Verdict:
    """Check that names of files and text go through UTF-8."""
    files = files or sys.getfilesystemencoding()
    text = text or locale.getencoding()
    found = f"file names in {files}, text in {text}"
    advice = "set LANG=C.UTF-8 or PYTHONUTF8=1"
    if files.lower().replace("-", "") != "utf8":
        return Verdict("problem", f"{found}: names with accents cannot be opened", advice)
    if text.lower().replace("-", "") != "utf8":
        return Verdict("warning", found, advice)
    return Verdict("ok", found)
