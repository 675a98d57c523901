"""What annotations call the types of tissue, and what they are called here."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cartopath.core.errors import ConfigError, closest

TISSUE_TYPES = ("background", "epithelium", "stroma", "fat")
"""The types of Rawat et al. 2020, in the order in which models have them."""
IGNORE = ""
"""What a name stands for whose regions are left out."""

_MOST_NAMED = 8
_CLOSE = 0.75
"""From which similarity on (0 to 1) the name of a type may be another one with a typing error."""

_SYNONYMS = {
    "background": "glass, whitespace, white space, back, empty",
    "epithelium": "tumor, tumour, carcinoma, cancer, epithelial, gland, glands, tum, norm, dcis, invasive cancer",
    "stroma": "connective tissue, stromal, str, cancer associated stroma, fibrous tissue",
    "fat": "adipose, adipose tissue, adipocytes, adi, fatty tissue",
    IGNORE: "ignore",
}
_KNOWN = {name: name for name in TISSUE_TYPES} | {
    word.strip(): name for name, words in _SYNONYMS.items() for word in words.split(",")
}


@dataclass(frozen=True)
class TypeNames:
    """How names in annotations become types.

    Attributes:
        stated: What the user says of names, before all else: any type, also one of the user's own, or `IGNORE`.
    """

    stated: Mapping[str, str] = field(default_factory=dict)

    def type_of(self, name: str) -> str | None:
        """Return the type of a name, `IGNORE` where its regions do not count, None where nobody knows it.

        Neither case nor QuPath's asterisk ("Ignore*") matters.

        >>> TypeNames().type_of("Tumor"), TypeNames({"Necrosis": "necrosis"}).type_of("necrosis"), TypeNames().type_of("Other")
        ('epithelium', 'necrosis', None)
        """
        key = _folded(name)
        stated = {_folded(own): _as_known(value) for own, value in self.stated.items()}
        return stated.get(key, _KNOWN.get(key))

    def remarks(self, found: Iterable[str]) -> tuple[str, ...]:
        """Return in words what looks like a slip in what the user stated.

        Args:
            found: All names that occur in annotations.

        >>> TypeNames({"Tumr": "epithelium"}).remarks(["Tumor", "Stroma"])
        ("'Tumr=epithelium': no annotation is called 'Tumr'; there are 'Stroma', 'Tumor'",)
        >>> TypeNames({"Tumor": "epitelium"}).remarks(["Tumor"])
        ("'Tumor=epitelium': 'epitelium' is taken as a type of its own; write 'epithelium' if that is meant",)
        """
        names = sorted(set(found))
        there = {_folded(name) for name in names}
        remarks = []
        for name, type_ in self.stated.items():
            stated = f"'{name}={type_}'"
            if _folded(name) not in there:
                remarks.append(
                    f"{stated}: no annotation is called {name!r}; there are {', '.join(map(repr, names[:_MOST_NAMED]))}"
                )
            meant = self._meant(type_)
            if meant:
                remarks.append(f"{stated}: {type_!r} is taken as a type of its own; write {meant!r} if that is meant")
        return tuple(remarks)

    def _meant(self, type_: str) -> str:
        """Return the type that one of the user's own may be a slip of the pen for, or a word for; empty where there is none."""
        if _as_known(type_) in (*TISSUE_TYPES, IGNORE):
            return ""
        if _folded(type_) in _KNOWN:
            return _KNOWN[_folded(type_)]
        others = [other for other in (*TISSUE_TYPES, *self.stated.values()) if other not in (type_, IGNORE)]
        return next(iter(difflib.get_close_matches(_folded(type_), others, n=1, cutoff=_CLOSE)), "")

    def require(self, names: Iterable[str], source: str) -> dict[str, str]:
        """Return the type of each name.

        Raises:
            ConfigError: Nobody knows what one of them is.
        """
        types = {name: self.type_of(name) for name in names}
        unknown = sorted(name for name, type_ in types.items() if type_ is None)
        if unknown:
            near = closest(unknown[0], _KNOWN, n=1)
            hint = f" (closest known name: {near[0]})" if near else ""
            raise ConfigError(
                f"{source}: nobody knows which type of tissue {', '.join(map(repr, unknown))} is{hint}; say so: "
                f'--map "{unknown[0]}=stroma", or "{unknown[0]}=" to leave these regions out'
            )
        return {name: type_ for name, type_ in types.items() if type_ is not None}


def ordered_types(types: Iterable[str]) -> tuple[str, ...]:
    """Return types in the order of models: those of the paper first, then the user's own by name.

    >>> ordered_types({"stroma", "necrosis", "background"})
    ('background', 'stroma', 'necrosis')
    """
    there = set(types) - {IGNORE}
    return (*(name for name in TISSUE_TYPES if name in there), *sorted(there - set(TISSUE_TYPES)))


def _as_known(type_: str) -> str:
    """Return a type as it is written here, where only case or blanks differ."""
    return _folded(type_) if _folded(type_) in TISSUE_TYPES else type_


def _folded(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").rstrip("* ").split())
