"""What a regression of expression on features is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cartopath.core.errors import ConfigError
from cartopath.models.mil.spec import HEADS

ALL_GENES = "all"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that decides what comes out.

    Attributes:
        genes: `all`, the name of a panel, a file, or names with commas between them.
        heads: Heads of `MilSpec`; the first is what the others are held against.
        folds: Groups of patients; each tests once, the next one stops the training early, the others train.
        repeats: How often patients are divided anew; predictions of a patient are averaged over repeats.
        together: One model predicts all genes, instead of one model per gene.
        components: Principal components of the features that the heads see; 0 for the features themselves.
        min_expressed: With `all`: share of patients in whom a gene must be above its lowest value.
        max_tiles: Tiles of a slide at most, drawn from the seed; 0 for all.
        kinds: Kinds of slides that count, such as `DX`, or `TS` and `BS`; none: all.
        encoder: Which features, where files hold those of several encoders.
        published: Train with the numbers of Graziani et al. 2022 instead of the defaults.
        max_epochs: End a training after so many epochs at the latest; None: as the recipe has it.
        control: Also train the first head on shuffled patients, to see what it makes of nothing.
        attention: Genes whose attention and tile values are written for every test slide, with their models.
        seed: Of everything that is drawn.
    """

    genes: str = ALL_GENES
    heads: tuple[str, ...] = ("attention",)
    folds: int = 5
    repeats: int = 1
    together: bool = False
    components: int = 64
    min_expressed: float = 0.2
    max_tiles: int = 4000
    kinds: tuple[str, ...] = ()
    encoder: str | None = None
    published: bool = False
    max_epochs: int | None = None
    control: bool = True
    attention: tuple[str, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        unknown = [head for head in self.heads if head not in HEADS]
        if unknown or not self.heads or len(set(self.heads)) < len(self.heads):
            raise ConfigError(f"--head: expected some of {', '.join(HEADS)}, each once; got {', '.join(self.heads) or 'none'}")
        if self.repeats < 1 or self.folds < 3:
            raise ConfigError(f"at least 3 folds and 1 repeat are needed; got {self.folds} and {self.repeats}")
        if not 0 <= self.min_expressed <= 1:
            raise ConfigError(f"--min-expressed is a share from 0 to 1; got {self.min_expressed}")
        if self.together and self.attention:
            raise ConfigError("--attention needs one model per gene; leave --together out")


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Where a regression reads from.

    Attributes:
        features: Folder of feature files, or one file.
        table: Molecular table.
        also: Folders with other features of the same slides, whose first head is compared on the same folds.
        slides: Table of slides that says patients; None: barcodes do, or names that are those of patients.
        slide_dir: Folder of the slides themselves, whose colours and nuclei then are a baseline; None for none.
        format: Of the molecular table; None: recognised.
        column: What to read where the table holds several numbers for a gene and a sample.
        sample_sheet: From samples to patients; None for none.
        gene_names: A table of gene names; None for those that come with cartopath.
    """

    features: Path
    table: Path
    also: tuple[Path, ...] = ()
    slides: Path | None = None
    slide_dir: Path | None = None
    format: str | None = None
    column: str | None = None
    sample_sheet: Path | None = None
    gene_names: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What a regression may use.

    Attributes:
        device: Where heads are trained: `cpu`, `cuda`, `auto`, ...
        threads: Of torch; None leaves them as they are.
        memory_bytes: What trainings may take together.
    """

    device: str = "cpu"
    threads: int | None = None
    memory_bytes: int = 2 << 30
