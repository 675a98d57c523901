"""What a study file says: every key of `study.yaml`, its meaning, its default and its limits.

Paths are relative to the folder of the study file. Unknown keys are errors that name the closest key.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator


class Section(BaseModel):
    """A part of the study file: frozen, and strict about its keys and numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def one_or_many(value: Any) -> Any:
    """Return a single path as a list of one, and nothing as an empty list."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str | Path) else value


TileFlag = Literal["pen", "fold", "dark", "blur", "stain", "saturated", "coverslip", "padding"]
"""What can be wrong with a tile; see `cartopath.slides.quality`."""


class SlidesConfig(Section):
    """Where the slides are."""

    dir: Path = Field(default=Path("slides"), description="folder that is searched for slides, with all its subfolders")
    table: Path | None = Field(
        default=None, description="CSV, TSV or XLSX: slide_id, path, patient_id, mpp, site, exclude; or a GDC manifest"
    )
    pattern: str | None = Field(default=None, description="which files of dir are slides, such as *.svs")
    exclude: dict[str, str] = Field(default_factory=dict, description="slides to leave out, each with the reason")
    assume_mpp: float | None = Field(default=None, ge=0.05, le=20, description="um per pixel of slides that state none")
    kind: Literal["DX", "TS", "BS", "MS"] = Field(
        default="DX", description="kind of slide that counts, where TCGA barcodes say it"
    )

    @field_validator("exclude")
    @classmethod
    def _with_reasons(cls, value: dict[str, str]) -> dict[str, str]:
        silent = [name for name, reason in value.items() if not reason.strip()]
        if silent:
            raise ValueError(f"{silent[0]!r} has no reason; say why it is left out")
        return value


class MolecularTableConfig(Section):
    """One molecular table; what it does not say is as for all of them."""

    path: Path
    format: str | None = None
    sample_sheet: Path | None = None
    column: str | None = None


class MolecularConfig(Section):
    """Where the molecular measurements are."""

    table: tuple[MolecularTableConfig, ...] = Field(default=(), description="one table or a list of tables: mRNA, miRNA, ...")
    format: str | None = Field(default=None, description="stated format; recognised by content otherwise")
    trust_join: bool = Field(default=False, description="go on although genes contradict receptor status or sex")

    sample_sheet: Path | None = Field(default=None, description="which sample each file of a GDC folder is of")
    column: str | None = Field(default=None, description="column of GDC STAR files, or layer of an .h5ad, that is read")
    genes: Path | None = Field(default=None, description="names of genes, such as HGNC's complete set; a short list otherwise")

    @field_validator("table", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        many = one_or_many([value] if isinstance(value, dict) else value)
        return [{"path": one} if isinstance(one, str | Path) else one for one in many] if isinstance(many, list | tuple) else many


class ClinicalConfig(Section):
    """Where the clinical data are."""

    table: tuple[Path, ...] = Field(default=(), description="one table or a list (patients, samples, follow-up), or a folder")
    format: str | None = Field(default=None, description="stated format; recognised by content otherwise")
    sheet: str | None = Field(default=None, description="sheet of a workbook; the first that holds a table otherwise")

    @field_validator("table", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return one_or_many(value)


class TraitConfig(Section):
    """One molecular trait.

    `name` is what maps and tables call it; `feature` is its name in a molecular table; `column` is a clinical column, and
    `positive` the words in it that mean high.
    """

    name: str = Field(min_length=1)
    feature: str | None = None
    column: str | None = None
    positive: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_source(self) -> TraitConfig:
        if self.feature is not None and self.column is not None:
            raise ValueError("a trait has a feature (molecular table) or a column (clinical table), not both")
        return self


class LabelsConfig(Section):
    """How a measured value becomes a class."""

    low: float = Field(default=20, ge=0, lt=50, description="percentile at or below which a patient is low")
    high: float = Field(default=80, gt=50, le=100, description="percentile at or above which a patient is high")
    scope: Literal["training", "cohort"] = Field(
        default="training", description="whose values set the percentiles: all but the test patients, or everybody (as the paper)"
    )


class TilesConfig(Section):
    """How slides are cut."""

    size_px: int = Field(default=512, ge=16, le=4096, description="side of a tile in pixels")
    mpp: float = Field(default=0.5, gt=0.05, lt=20, description="um per pixel at which tiles are read")
    max_background: float = Field(default=0.5, gt=0, le=1, description="share of near-white values at which a tile is dropped")
    min_tissue: float = Field(default=0.1, ge=0, le=1, description="share of tissue-mask area that a tile needs")
    edge: Literal["skip", "pad"] = Field(default="skip", description="tiles that reach over the right or lower edge")
    scaling: Literal["fast", "lanczos"] = Field(
        default="fast", description="between levels: fast: in the JPEG decoder; lanczos: as the paper"
    )
    drop_flagged: tuple[TileFlag, ...] = Field(default=(), description="tiles with these flaws are dropped, and counted")


class SplitsConfig(Section):
    """How patients are divided; once, for all traits."""

    scheme: Literal["rounds", "folds"] = Field(default="rounds", description="rounds: one fixed test set; folds: 3/1/1")
    test: float = Field(default=0.1, gt=0, lt=0.9, description="share of all patients in the fixed test set (rounds)")
    validation: float = Field(default=0.1, gt=0, lt=0.9, description="share of all patients for validation (rounds)")
    rounds: int = Field(default=5, ge=1, le=50, description="how many rounds, or folds")
    mode: Literal["paper", "pathomch-code"] = Field(default="paper", description="80/10/10, or 72/18/10 as the published code")

    @model_validator(mode="after")
    def _leaves_training(self) -> SplitsConfig:
        if self.scheme == "rounds" and self.test + self.validation >= 1:
            raise ValueError("test and validation leave no patient for training: their sum must be below 1")
        if self.scheme == "folds" and self.rounds < 3:
            raise ValueError("folds need rounds of at least 3: one to train, one to stop, one to test")
        return self


class TileClassifierConfig(Section):
    """Molecular cartography (Levy-Jurgenson et al. 2020): one network per trait and round, majority of the best."""

    name: Literal["tile_classifier"] = "tile_classifier"
    backbone: str = Field(default="inception_v3", description="any timm network")
    pool: Literal["max", "avg"] = Field(default="max", description="global pooling before the output")
    pretrained: bool = Field(default=False, description="start from timm's published weights (downloads them)")
    ensemble: int = Field(default=3, ge=1, description="rounds that vote: the best by validation")
    threshold: float = Field(default=0.5, gt=0, lt=1, description="a tile is positive strictly above it")


class PretrainingConfig(Section):
    """How an own encoder learns to tell regions of slides apart. A *chunk* shows every region `tiles_per_region` times."""

    region_um: float = Field(default=800, gt=0, description="side of the regions: as large as a core of a tissue array")
    regions_per_slide: int = Field(default=2, ge=1, description="at most so many regions of a slide, each a class of its own")
    region_tissue: float = Field(default=0.8, ge=0, le=1, description="share of a region that must be tissue")
    min_tissue: float = Field(default=0.5, ge=0, le=1, description="share of a tile drawn from a region that must be tissue")
    style: Literal["stain", "none"] = Field(default="stain", description="stain: pairs of a tile and itself in another stain")
    stain_gain: float = Field(default=0.2, ge=0, lt=1, description="the other stain has 1 - this to 1 + this of each dye")
    stain_shift: float = Field(default=0.2, ge=0, description="and so much more or less of it, optical density")
    gamma: float = Field(default=0.5, ge=0, description="weight of the distance between the fingerprints of a pair")
    rotation: Literal["any", "right_angles", "none"] = "any"
    flips: bool = False
    brightness: float = Field(default=0.2, ge=0, le=0.9)
    contrast: float = Field(default=0.2, ge=0, le=0.9)
    saturation: float = Field(default=0.3, ge=0, le=1)
    hue: float = Field(default=0.05, ge=0, le=0.5, description="share of a full circle")
    grey: float = Field(default=0.2, ge=0, le=1, description="share of the tiles that are shown in grey")
    tiles_per_region: int = Field(default=16, ge=1, description="tiles of a region in a chunk")
    validation_tiles_per_region: int = Field(default=8, ge=1, description="tiles of a region's right half in every validation")
    learning_rate: float = Field(default=5e-4, gt=0, lt=1, description="at the start, or the highest of one cycle")
    schedule: Literal["plateau", "one_cycle"] = Field(
        default="plateau", description="one_cycle: up and down over max_chunks, for short trainings at a higher rate"
    )
    batch_size: int = Field(default=64, ge=2, description="tiles, or pairs, per step over all devices")
    max_chunks: int = Field(default=200, ge=1, description="chunks at most")
    plateau_patience: int = Field(default=8, ge=1, description="chunks that are no better before the learning rate drops")
    plateau_factor: float = Field(default=0.1, gt=0, lt=1)
    stop_patience: int = Field(default=20, ge=1, description="chunks that are no better before pretraining stops")


class HeadConfig(Section):
    """How a head learns a trait from fingerprints. An *epoch* shows every training patient once."""

    hidden: int = Field(default=8, ge=1, description="units between the two layers")
    learning_rate: float = Field(default=1e-3, gt=0, lt=1)
    weight_decay: float = Field(default=1e-2, ge=0)
    patients_per_step: int = Field(default=8, ge=1)
    tiles_per_patient: int | None = Field(default=24, ge=1, description="of a patient in a step, drawn anew; null: all")
    max_epochs: int = Field(default=200, ge=1, description="epochs at most")
    stop_patience: int = Field(default=20, ge=1, description="epochs that are not the best before training stops")
    balance: Literal["class", "none"] = Field(default="class", description="class: weigh both classes equally in the loss")


class EncodedConfig(Section):
    """What methods say that learn from features of tiles: what turns a tile into features, and which tiles train."""

    name: str
    encoder: str
    backbone: str = Field(default="resnet34", description="any timm network: of an own or random encoder")
    n_features: int = Field(default=512, ge=1, description="length of the fingerprint of an own or random encoder")
    colour: Literal["rgb", "grey"] = Field(default="rgb", description="grey: the encoder sees the luminance alone")
    tiles_per_patient: int | None = Field(default=None, ge=1, description="tiles of a patient that train; null: all")
    pretraining: PretrainingConfig = PretrainingConfig()

    @field_validator("encoder", check_fields=False)
    @classmethod
    def _named(cls, value: str) -> str:
        if value.removeprefix("timm/") == "":
            raise ValueError("expected own, none, random, timm/ and a name, or a folder")
        return value


class FingerprintsConfig(EncodedConfig):
    """Tissue fingerprints (Rawat et al. 2020): an encoder trained without labels, and a small head per trait and round."""

    name: Literal["fingerprints"] = "fingerprints"
    encoder: str = Field(default="own", description="own, none, random, timm/<name>, or the folder of a fingerprint bundle")
    tiles_per_patient: int | None = Field(default=120, ge=1, description="tiles of a patient that train; null: all")
    ensemble: int = Field(default=3, ge=1, description="rounds that vote: the best by validation")
    threshold: float = Field(default=0.5, gt=0, lt=1, description="a tile is positive strictly above it; 0.5 is a head's 0")
    tissue_model: Path | None = Field(default=None, description="folder of a model of tissue types: AUROC by type")
    head: HeadConfig = HeadConfig()


class MilConfig(Section):
    """How heads learn from bags of tiles. An *epoch* shows every training patient once."""

    optimizer: Literal["adamw", "adam", "sgd"] = Field(default="adamw", description="the paper: sgd, with learning_rate 0.0001")
    learning_rate: float = Field(default=1e-3, gt=0, lt=1)
    momentum: float = Field(default=0.9, ge=0, lt=1, description="of sgd, with Nesterov's correction where above 0")
    weight_decay: float = Field(default=1e-2, ge=0)
    loss: Literal["mse", "huber"] = Field(default="mse", description="of regression; huber: linear beyond one deviation")
    balance: Literal["class", "none"] = Field(default="class", description="of classes; class: weigh both equally in the loss")
    patients_per_step: int = Field(default=8, ge=1, description="the paper: 1")
    tiles_per_patient: int | None = Field(
        default=256, ge=1, description="of a patient in a step, drawn anew; null: all, as the paper"
    )
    validation_tiles: int | None = Field(default=1024, ge=1, description="of a validation patient, always the same; null: all")
    components: int | None = Field(
        default=None, ge=1, description="principal components of the features that heads see; null: all"
    )
    feature_noise: float = Field(default=0.0, ge=0, description="noise on the features of training tiles, in their deviations")
    max_epochs: int = Field(default=100, ge=1, description="epochs at most")
    stop_patience: int = Field(default=12, ge=1, description="epochs that are not the best before a head stops")


class AttentionConfig(EncodedConfig):
    """Attention regression (Graziani et al. 2022): frozen features, and a head per trait and round that says where it looks."""

    name: Literal["attention"] = "attention"
    encoder: str = Field(default="own", description="own, random, timm/<name>, a name of `cartopath embed --list`, or a folder")
    weights: Path | None = Field(default=None, description="file with the weights of a listed or timm/ encoder; null: the hub's")
    head: Literal["attention", "gated_attention", "mean", "max", "linear", "exponential", "top_k", "receptor", "transformer"] = (
        Field(default="attention", description="how tiles are weighed; attention: as the paper")
    )
    target: Literal["auto", "regression", "classification"] = Field(
        default="auto",
        description="regression learns values of all patients, classification high from low; auto: what a trait is",
    )
    transform: Literal["auto", "log", "none"] = Field(
        default="auto", description="log: log2(1 + value) before it is standardised; auto: unless the table holds logarithms"
    )
    genes: Literal["one", "many"] = Field(default="one", description="traits per head: one, or all traits share what they can")
    hidden: int | None = Field(default=None, ge=1, description="units of the hidden layer; default by head (the paper: 128)")
    attention_units: int = Field(default=64, ge=1)
    dropout: float | None = Field(default=None, ge=0, lt=1, description="default by head (the paper: 0.2); never in prediction")
    ensemble: int | None = Field(
        default=None, ge=1, description="rounds that count: the best by validation; null: all, as the paper"
    )
    threshold: float = Field(default=0.5, gt=0, lt=1, description="a tile is positive strictly above it; 0.5: the training mean")
    hotspots: float = Field(default=0.05, gt=0, le=0.5, description="share of a slide's tiles that are its hotspots")
    bins: int = Field(default=7, ge=2, le=20, description="bins of the measured value in the gallery of hotspots")
    training: MilConfig = MilConfig()

    @field_validator("encoder")
    @classmethod
    def _frozen(cls, value: str) -> str:
        if value == "none":
            raise ValueError("attention needs an encoder: own, random, timm/ and a name, a registered name, or a folder")
        return value


METHODS: dict[str, type[Section]] = {
    "tile_classifier": TileClassifierConfig,
    "fingerprints": FingerprintsConfig,
    "attention": AttentionConfig,
}
"""The keys of each recipe, by its name."""


def _method_name(value: Any) -> str:
    """Return which recipe a `method:` is of: the first, as long as it does not say so."""
    named = value.get("name", "tile_classifier") if isinstance(value, dict) else getattr(value, "name", "tile_classifier")
    return str(named)


MethodConfig = Annotated[
    Annotated[TileClassifierConfig, Tag("tile_classifier")]
    | Annotated[FingerprintsConfig, Tag("fingerprints")]
    | Annotated[AttentionConfig, Tag("attention")],
    Discriminator(_method_name),
]


class TrainingConfig(Section):
    """How a network is trained. A *chunk* is a sixteenth of a pass over the training tiles, followed by a validation."""

    learning_rate: float = Field(default=1e-3, gt=0, lt=1)
    batch_size: int = Field(default=32, ge=2, description="tiles per step over all devices (the paper: 144)")
    validations_per_epoch: int = Field(default=16, ge=1, le=1000, description="chunks per pass over the training tiles")
    max_chunks: int = Field(default=1000, ge=1, description="chunks at most")
    plateau_patience: int = Field(default=10, ge=1, description="chunks without a lower loss before the learning rate drops")
    plateau_factor: float = Field(default=0.1, gt=0, lt=1)
    stop_patience: int = Field(default=30, ge=1, description="chunks without a lower loss before training stops")
    checkpoint: Literal["slide_auroc", "tile_auroc", "loss"] = Field(
        default="slide_auroc", description="validation figure that chooses the weights to keep"
    )
    flips: bool = Field(default=True, description="independent horizontal and vertical flips")
    balance: Literal["none", "class"] = Field(default="none", description="class: weigh both classes equally in the loss")
    tiles_per_slide: int | None = Field(default=None, ge=1, description="at most this many tiles of a slide per pass, drawn anew")
    validation_tiles_per_slide: int | None = Field(
        default=None, ge=1, description="at most this many per validation, always the same"
    )
    shuffle_tiles: int | None = Field(
        default=None, ge=1, description="tiles in memory that batches are drawn from at random; default: as many as fit 1 GiB"
    )
    precision: Literal["auto", "32-true", "16-mixed", "bf16-mixed"] = "auto"
    threads: int = Field(default=1, ge=1, description="CPU threads of one training; changes results in the last digits")


class MapsConfig(Section):
    """Which maps are drawn."""

    slides: Literal["held_out", "all"] = Field(
        default="held_out", description="held_out: slides that trained no network of the map"
    )
    heterogeneity: tuple[str, ...] = Field(default=(), description="traits of the heterogeneity map and HTI; default: all traits")
    base: Literal["all", "observed"] = Field(default="all", description="logarithm's base of HTI: 2^k-1, or combinations present")
    region_tiles: int | None = Field(
        default=None, ge=2, description="side in tiles of the regions of the regional index; none if unset"
    )


class SurvivalConfig(Section):
    """Survival by heterogeneity."""

    traits: tuple[str, ...] = Field(
        default=(), description="traits whose HTI groups the patients; default: as maps.heterogeneity"
    )
    endpoint: Literal["OS", "DSS", "PFI", "PFS", "DFS", "DFI"] = "OS"
    time_column: str | None = Field(default=None, description="clinical column of follow-up, where not recognised")
    status_column: str | None = Field(default=None, description="clinical column of the outcome, where not recognised")
    time_unit: Literal["days", "months", "years"] | None = Field(default=None, description="of time_column, where not recognised")
    cut: tuple[float, ...] = Field(default=(0.5,), description="one HTI cut (> is high), or two (between them: left out)")
    horizon_years: float = Field(default=10, ge=0, description="follow-up is censored here; 0 for never")
    covariates: tuple[str, ...] = Field(default=(), description="clinical columns for the Cox model")
    strata: tuple[str, ...] = Field(default=(), description="clinical columns for a stratified log-rank test")
    groups: tuple[str, ...] = Field(default=(), description="clinical columns whose groups HTI is compared between")
    keep_no_positive: bool = Field(default=True, description="keep patients without any positive tile (HTI 0)")
    strict_dx1: bool = Field(default=False, description="leave out patients without a DX1 slide rather than take the lowest DX")

    @field_validator("cut", mode="before")
    @classmethod
    def _one_or_two(cls, value: Any) -> Any:
        return (value,) if isinstance(value, int | float) else value

    @field_validator("cut")
    @classmethod
    def _ordered(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if len(value) not in (1, 2) or list(value) != sorted(set(value)) or not all(0 <= cut < 1 for cut in value):
            raise ValueError("one cut, or two in rising order, each from 0 to below 1")
        return value


class ComputeConfig(Section):
    """Where and how fast. Nothing here changes a result."""

    workers: int | None = Field(default=None, ge=0, description="worker processes; default one per core, 0: in this process")
    scheduler: str | None = Field(default=None, description="address of a Dask scheduler to use instead of own workers")
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    devices: int = Field(default=1, ge=1, description="GPUs per training")
    cache_gb: float = Field(default=4, ge=0, description="disk space for decoded tiles; 0 for none")
    batch_size: int | None = Field(default=None, ge=1, description="tiles per prediction step; default by their size")


class StudyConfig(Section):
    """A whole study file."""

    name: str = Field(default="study", min_length=1)
    seed: int = Field(default=0, ge=0)
    cohort: Literal["TCGA-BRCA", "TCGA-LUAD"] | None = Field(
        default=None, description="a cohort of the paper: its published results then stand beside ours"
    )
    slides: SlidesConfig = SlidesConfig()
    molecular: MolecularConfig = MolecularConfig()
    clinical: ClinicalConfig = ClinicalConfig()
    traits: tuple[TraitConfig, ...] = ()
    labels: LabelsConfig = LabelsConfig()
    tiles: TilesConfig = TilesConfig()
    splits: SplitsConfig = SplitsConfig()
    method: MethodConfig = Field(default=TileClassifierConfig(), description="the recipe, by its name")
    training: TrainingConfig = TrainingConfig()
    maps: MapsConfig = MapsConfig()
    survival: SurvivalConfig = SurvivalConfig()
    compute: ComputeConfig = ComputeConfig()

    @field_validator("traits", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = [value]
        return [{"name": item} if isinstance(item, str) else item for item in value] if isinstance(value, list | tuple) else value

    @model_validator(mode="after")
    def _traits_known(self) -> StudyConfig:
        names = self.trait_names
        repeated = {name for name in names if names.count(name) > 1}
        if repeated:
            raise ValueError(f"traits named twice: {', '.join(sorted(repeated))}")
        for where, wanted in (("maps.heterogeneity", self.maps.heterogeneity), ("survival.traits", self.survival.traits)):
            for name in wanted:
                if name not in names:
                    raise ValueError(f"{where}: {name!r} is not among the traits ({', '.join(names)})")
        return self

    @property
    def trait_names(self) -> list[str]:
        """Names of the traits, in the order of the study file."""
        return [trait.name for trait in self.traits]

    @property
    def heterogeneity_traits(self) -> list[str]:
        """Traits of heterogeneity maps and HTI."""
        return list(self.maps.heterogeneity) or self.trait_names

    @property
    def survival_traits(self) -> list[str]:
        """Traits whose HTI groups patients for survival."""
        return list(self.survival.traits) or self.heterogeneity_traits
