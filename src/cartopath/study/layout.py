"""Where everything of a study lies on disk."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

_OUTPUTS = frozenset(
    ["cache", "cohort", "embeddings", "maps", "models", "quality", "receipts", "report", "scores", "tables", "tiles", "work"]
)
_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]+")


def file_name(name: str) -> str:
    """Return a name that is safe as a file name on every system, distinct for distinct names.

    Names that are safe already stay as they are; others get a short hash of what was replaced.

    >>> file_name("hsa-miR-17-5p")
    'hsa-miR-17-5p'
    >>> file_name("MKI67|4288")
    'MKI67_4288-4c6f50'
    """
    safe = _UNSAFE.sub("_", name).lstrip(".")
    if safe == name and 0 < len(name) <= 120:
        return name
    return f"{safe[:100]}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


@dataclass(frozen=True)
class Layout:
    """The folders and files of one study.

    Attributes:
        root: The study folder.
    """

    root: Path

    def is_output(self, path: Path) -> bool:
        """Whether a path lies in a folder that the study writes."""
        return any(path.is_relative_to(self.root / folder) for folder in _OUTPUTS)

    @property
    def lock(self) -> Path:
        """The resolved configuration of the last run."""
        return self.root / "study.lock.yaml"

    @property
    def ledger(self) -> Path:
        """One JSON line per task that ran."""
        return self.root / "ledger.jsonl"

    @property
    def slides(self) -> Path:
        """The slides of the cohort."""
        return self.root / "cohort" / "slides.parquet"

    @property
    def values(self) -> Path:
        """The measured value of each trait by patient."""
        return self.root / "cohort" / "values.parquet"

    @property
    def clinical(self) -> Path:
        """Clinical columns that the study uses, by patient."""
        return self.root / "cohort" / "clinical.parquet"

    @property
    def splits(self) -> Path:
        """Which patient is in which set, by round."""
        return self.root / "cohort" / "splits.parquet"

    def labels(self, trait: str) -> Path:
        """The classes of one trait by patient."""
        return self.root / "cohort" / "labels" / f"{file_name(trait)}.parquet"

    def quality(self, slide_id: str) -> Path:
        """The quality of the tiles of a slide."""
        return self.root / "quality" / f"{file_name(slide_id)}.parquet"

    def quality_map(self, slide_id: str) -> Path:
        """The quality map of a slide."""
        return self.root / "quality" / f"{file_name(slide_id)}.map.png"

    def quality_picture(self, slide_id: str) -> Path:
        """A slide with its flaws outlined, for the contact sheet."""
        return self.root / "quality" / f"{file_name(slide_id)}.jpg"

    def tiles(self, slide_id: str) -> Path:
        """The tile table of a slide."""
        return self.root / "tiles" / f"{file_name(slide_id)}.parquet"

    def cache(self, slide_id: str) -> Path:
        """The decoded tiles of a slide."""
        return self.root / "cache" / f"{file_name(slide_id)}.npy"

    def model(self, method: str, trait: str, round_: int) -> Path:
        """The folder of one trained network."""
        return self.ensemble(method, trait) / f"round_{round_}"

    def ensemble(self, method: str, trait: str) -> Path:
        """The folder of all networks of a trait."""
        return self.root / "models" / method / file_name(trait)

    def encoder(self, method: str, index: int) -> Path:
        """The folder of one encoder that turns tiles into features for all traits."""
        return self.root / "models" / method / f"encoder_{index}"

    @property
    def all_embeddings(self) -> Path:
        """The folder of the tiles' features, by encoder."""
        return self.root / "embeddings"

    def embeddings(self, encoder_key: str, slide_id: str, *, sample: bool = False) -> Path:
        """The features of a slide's tiles by one encoder: of all tiles, or of a sample of them."""
        folder = self.all_embeddings / encoder_key
        return (folder / "sample" if sample else folder) / f"{file_name(slide_id)}.h5"

    def scores(self, method: str, trait: str, slide_id: str) -> Path:
        """The tile scores of a slide for one trait."""
        return self.root / "scores" / method / file_name(trait) / f"{file_name(slide_id)}.parquet"

    def map(self, slide_id: str) -> Path:
        """The cartography of a slide; pictures of it start with the same name."""
        return self.root / "maps" / f"{file_name(slide_id)}.ome.tif"

    def table(self, name: str) -> Path:
        """A result table."""
        return self.root / "tables" / f"{name}.csv"

    @property
    def check_page(self) -> Path:
        """What `cartopath check` found, to read."""
        return self.root / "check.html"

    @property
    def check_table(self) -> Path:
        """What `cartopath check` found of each slide."""
        return self.root / "check.csv"

    @property
    def report(self) -> Path:
        """The report."""
        return self.root / "report" / "index.html"

    def receipt(self, stage: str, task: str) -> Path:
        """What says that a task is done."""
        return self.root / "receipts" / stage / f"{file_name(task)}.json"

    def work(self, stage: str, task: str) -> Path:
        """Scratch space of a task, for what lets it go on after a kill."""
        return self.root / "work" / stage / file_name(task)
