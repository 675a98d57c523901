"""A study folder made of plausible, made-up tables, as the stages of a study write them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

from cartopath.maps import write_ome_tiff
from cartopath.slides.quality import MEASURES

TRAITS = ("MKI67", "hsa-miR-17-5p")
N_PATIENTS = 90
YEARS = 365.25


def fabricate(root: Path, *, seed: int = 7) -> Path:
    """Write every table, picture and log of a made-up study below `root`."""
    rng = np.random.default_rng(seed)
    patients = _patients(rng)
    tables = {
        "cohort_flow": _flow(),
        "slides": _slides(rng, patients),
        "slide_quality": _quality(patients),
        "quality_flags": _flags(patients),
        "labels": _labels(),
        "splits": _splits(),
        "learning_curves": _curves(rng),
        "rounds": _rounds(rng),
        "published": _published(),
        "hti": _hti(rng, patients),
        "recovery": _recovery(),
        "findings": _findings(),
        "hti_group_patients": _group_patients(patients),
        **_scores(rng, patients),
        **_survival(patients),
    }
    tables["hti_groups"] = _groups(tables["hti_group_patients"])
    for name, table in tables.items():
        path = root / "tables" / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(path, index=False, float_format="%.10g")
    _pictures(rng, root / "maps", tables["hti"])
    (root / "study.lock.yaml").write_text(
        "name: fabricated\nseed: 11\ntraits:\n- {name: MKI67}\n- {name: hsa-miR-17-5p}\nsurvival: {cut: [0.5], "
        "endpoint: OS, horizon_years: 10}\n"
    )
    (root / "ledger.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in _ledger()))
    return root


def _patients(rng: np.random.Generator) -> pd.DataFrame:
    hti = np.clip(rng.beta(1.1, 1.0, N_PATIENTS), 0, 1)
    hti[:3] = 0
    value = rng.lognormal(6, 0.8, N_PATIENTS)
    time = rng.exponential(2600 * np.exp(-0.9 * hti))
    return pd.DataFrame(
        {
            "patient_id": [f"TCGA-A{i % 4 + 1}-{1000 + i}" for i in range(N_PATIENTS)],
            "site": [f"A{i % 4 + 1}" for i in range(N_PATIENTS)],
            "hti": hti,
            "value": value,
            "er": np.where(rng.random(N_PATIENTS) < 0.7, "Positive", "Negative"),
            "pam50": rng.choice(["Basal", "Her2", "LumA", "LumB"], N_PATIENTS),
            "set": np.where(np.arange(N_PATIENTS) % 3 == 0, "test", "train_validation"),
            "map_set": np.array(["test", "ood", "trained"])[np.arange(N_PATIENTS) % 3],
            "time_days": np.minimum(time, 10 * YEARS),
            "event": (time < 10 * YEARS) & (rng.random(N_PATIENTS) < 0.8),
        }
    )


def _quality(patients: pd.DataFrame) -> pd.DataFrame:
    measures = dict.fromkeys(MEASURES, 0.01) | {"tissue_mm2": 80.0, "n_tiles": 1200.0}
    seen = {"mpp": 0.25, "mpp_source": "aperio.MPP", "width_px0": 60000, "height_px0": 40000, "backend": "openslide"}
    return pd.DataFrame([{"slide_id": _slide_id(patient), **seen, **measures} for patient in patients["patient_id"]])


def _flags(patients: pd.DataFrame) -> pd.DataFrame:
    flag = {"flag": "pen", "measure": "pen_share", "value": 0.34, "limit": 0.02, "rule": "absolute"}
    message = "pen on 34 % of the tissue"
    return pd.DataFrame([{"slide_id": _slide_id(patient), **flag, "message": message} for patient in patients["patient_id"][:2]])


def _slide_id(patient_id: str) -> str:
    return f"{patient_id}-01Z-00-DX1"


def _flow() -> pd.DataFrame:
    rows = [
        ("slide files found", 97, 95, 0, 0, "*.svs, *.tif below slides/"),
        ("excluded in the slide table", 95, 94, 2, 1, "pen marks (1), out of focus (1)"),
        ("without a patient in the molecular table", 93, 92, 2, 2, "TCGA-ZZ-0001, TCGA-ZZ-0002"),
        ("could not be read", 92, 91, 1, 1, "truncated file"),
        ("no tissue tile", 90, 90, 2, 1, "all background"),
        ("used", 90, 90, 0, 0, ""),
    ]
    return pd.DataFrame(rows, columns=["step", "slides", "patients", "lost_slides", "lost_patients", "detail"])


def _slides(rng: np.random.Generator, patients: pd.DataFrame) -> pd.DataFrame:
    n = len(patients)
    kept = rng.integers(120, 900, n)
    background = rng.integers(100, 800, n)
    haematoxylin = rng.normal(0.32, 0.03, n) + patients["site"].str[-1].astype(int) * 0.02
    used = pd.DataFrame(
        {
            "slide_id": [_slide_id(p) for p in patients["patient_id"]],
            "patient_id": patients["patient_id"],
            "site": patients["site"],
            "status": "used",
            "reason": "",
            "mpp": np.where(patients["site"] == "A1", 0.2525, 0.5015),
            "mpp_source": np.where(patients["site"] == "A4", "table", "openslide.mpp-x"),
            "width_px0": 40_000,
            "height_px0": 30_000,
            "backend": "openslide",
            "backend_reason": "OpenSlide alone reads Hamamatsu slides",
            "tiles_grid": kept + background + 60,
            "tiles_edge": 20,
            "tiles_no_tissue": 40,
            "tiles_background": background,
            "tiles_kept": kept,
            "tissue_mm2": kept * 0.065536,
            "stain_red": 180.0,
            "stain_green": 120.0,
            "stain_blue": 170.0,
            "stain_haematoxylin": haematoxylin,
            "stain_eosin": rng.normal(0.21, 0.02, n),
            "is_patient_slide": "true",
        }
    )
    lost = pd.DataFrame(
        {
            "slide_id": ["TCGA-ZY-0001-01Z-00-DX1", "TCGA-ZY-0002-01Z-00-DX1", "TCGA-ZX-0003-01Z-00-DX1"],
            "patient_id": ["TCGA-ZY-0001", "TCGA-ZY-0002", "TCGA-ZX-0003"],
            "status": ["excluded", "excluded", "failed"],
            "reason": [
                "pen marks",
                "out of focus",
                "TCGA-ZX-0003.svs: not a readable slide (truncated at byte 4096); copy it again",
            ],
            "is_patient_slide": "false",
        }
    )
    return pd.concat([used, lost], ignore_index=True)


def _labels() -> pd.DataFrame:
    rows = [(t, "RSEM", 20, 80, 212.4 + i, 1803.25 + i, 700.5, "training", 90, 19, 18, 53, 18, 2) for i, t in enumerate(TRAITS)]
    columns = (
        "trait unit low_percentile high_percentile low_threshold high_threshold median threshold_scope "
        "n_patients n_high n_low n_ood n_ood_near n_missing"
    )
    return pd.DataFrame(rows, columns=columns.split())


def _splits() -> pd.DataFrame:
    rows = [
        (trait, r, name, n, n, n // 2 + (r % 2 if name == "train" else 0), n // 2, 0)
        for trait in TRAITS
        for r in range(5)
        for name, n in (("train", 20), ("validation", 7), ("test", 30))
    ]
    return pd.DataFrame(rows, columns=["trait", "round", "set", "n_patients", "n_slides", "n_high", "n_low", "n_ood"])


def _curves(rng: np.random.Generator) -> pd.DataFrame:
    parts = []
    for trait in TRAITS:
        for r in range(3):
            n = int(rng.integers(18, 40))
            t = np.arange(1, n + 1)
            slide = np.clip(0.95 - 0.45 * np.exp(-t / 6) + rng.normal(0, 0.03, n), 0, 1)
            parts.append(
                pd.DataFrame(
                    {
                        "trait": trait,
                        "round": r,
                        "chunk": t,
                        "passes": t / 16,
                        "train_loss": 0.2 + 0.5 * np.exp(-t / 8) + rng.normal(0, 0.02, n),
                        "val_loss": 0.3 + 0.4 * np.exp(-t / 7) + 0.004 * t + rng.normal(0, 0.03, n),
                        "val_tile_auroc": np.clip(slide - 0.08, 0, 1),
                        "val_slide_auroc": slide,
                        "learning_rate": 1e-3,
                        "is_best": np.where(t == int(np.argmax(slide)) + 1, "true", "false"),
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def _rounds(rng: np.random.Generator) -> pd.DataFrame:
    rows = []
    for trait in TRAITS:
        aurocs = rng.uniform(0.8, 0.99, 5)
        rank = (-aurocs).argsort().argsort() + 1
        for r in range(5):
            vote = "true" if rank[r] <= 3 else "false"
            rows.append((trait, r, 30 + r, 12 + r, aurocs[r], aurocs[r] - 0.1, rank[r], vote, 312.5 + 40 * r, 20, 8123 + r))
    columns = "trait round chunks best_chunk val_slide_auroc val_tile_auroc rank in_ensemble seconds n_train_slides n_train_tiles"
    return pd.DataFrame(rows, columns=columns.split())


def _auroc(low: NDArray[np.float64], high: NDArray[np.float64]) -> float:
    return float((np.sign(high[:, None] - low[None, :]) / 2 + 0.5).mean())


def _scores(rng: np.random.Generator, patients: pd.DataFrame) -> dict[str, pd.DataFrame]:
    scores, metrics, correlations = [], [], []
    for trait, strength in zip(TRAITS, (0.5, 0.08), strict=True):
        rank = rng.permutation(len(patients)) / len(patients)
        role = np.where((rank < 0.2) | (rank >= 0.8), "labelled", "ood")
        ensemble = np.clip(0.45 + strength * (rank - 0.5) + rng.normal(0, 0.12, len(patients)), 0, 1)
        table = pd.DataFrame(
            {
                "trait": trait,
                "slide_id": [_slide_id(p) for p in patients["patient_id"]],
                "patient_id": patients["patient_id"],
                "set": patients["set"],
                "role": role,
                "ood": np.where(role == "labelled", "", np.where((rank < 0.3) | (rank >= 0.7), "near", "far")),
                "label": np.where(role == "ood", "", np.where(rank >= 0.5, "hi", "lo")),
                "median_label": np.where(rank >= 0.5, "hi", "lo"),
                "value": patients["value"],
                "decile": np.floor(rank * 10) / 10 + 0.1,
                "n_tiles": 300,
                **{f"round_{r}": np.clip(ensemble + rng.normal(0, 0.03, len(patients)), 0, 1) for r in range(5)},
                "ensemble": ensemble,
            }
        )
        scores.append(table)
        metrics += _metrics(table, trait)
        for name, n, r, low, high, p in (
            ("test", 14, strength * 1.4, -0.1, 0.9, 0.00042),
            ("ood_all", 53, strength, 0.01, 0.7, 0.02),
        ):
            correlations.append((trait, name, "decile", "spearman", n, r, low, high, p, 2 * p, ""))
            correlations.append((trait, name, "label", "spearman", n, "", "", "", "", "", "every score is the same"))
            correlations.append((trait, name, "value", "pearson", n, r - 0.02, low, high, 3 * p, 4 * p, ""))
    return {
        "slide_scores": pd.concat(scores, ignore_index=True),
        "metrics": pd.DataFrame(
            metrics,
            columns=["trait", "set", "model", "level", "metric", "n", "n_high", "n_low", "value", "low", "high", "reason"],
        ),
        "correlations": pd.DataFrame(
            correlations, columns=["trait", "set", "against", "kind", "n", "r", "low", "high", "p_value", "q_value", "reason"]
        ),
    }


def _metrics(table: pd.DataFrame, trait: str) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for name in ("test", "ood_near", "ood_all"):
        chosen = (
            table[(table["role"] == "labelled") & (table["set"] == "test")] if name == "test" else table[table["role"] == "ood"]
        )
        chosen = chosen[chosen["ood"] == "near"] if name == "ood_near" else chosen
        column = "label" if name == "test" else "median_label"
        high, low = (chosen.loc[chosen[column] == c, "ensemble"].to_numpy(float) for c in ("hi", "lo"))
        value = _auroc(low, high)
        n = (len(chosen), len(high), len(low))
        for model, shift in (("rounds_mean", -0.03), ("rounds_min", -0.09), ("rounds_max", 0.02)):
            rows.append((trait, name, model, "slide", "auroc", *n, min(1, value + shift), "", "", ""))
        for level in ("slide", "patient"):
            rows.append((trait, name, "ensemble", level, "auroc", *n, value, max(0, value - 0.13), min(1, value + 0.08), ""))
            rows.append((trait, name, "ensemble", level, "accuracy", *n, value - 0.1, max(0, value - 0.2), value, ""))
    return rows


def _published() -> pd.DataFrame:
    rows = [
        ("BRCA", "hsa-miR-17-5p", 33, 0.83, 0.87, 0.63, "text and Fig. 2", 0.52, 0.555, 0.42, 0.63, 14),
        ("BRCA", "MKI67|4288", 36, "", "", "", "Table 1 not at hand", 0.81, 0.84, 0.71, 0.92, 14),
        ("BRCA", "FOXA1|3169", 31, "", "", "", "Table 1 not at hand", "", "", "", "", ""),
    ]
    columns = (
        "cohort trait n_test auroc_rounds_mean auroc_ensemble spearman source ours_auroc_rounds_mean "
        "ours_auroc_ensemble ours_low ours_high ours_n_test"
    )
    return pd.DataFrame(rows, columns=columns.split())


def _hti(rng: np.random.Generator, patients: pd.DataFrame) -> pd.DataFrame:
    shares = rng.dirichlet([2, 2, 1], len(patients))
    positive = np.where(patients["hti"] > 0, 250, 0)
    return pd.DataFrame(
        {
            "slide_id": [_slide_id(p) for p in patients["patient_id"]],
            "patient_id": patients["patient_id"],
            "is_patient_slide": "true",
            "set": patients["map_set"],
            "n_tiles": 300,
            "n_positive": positive,
            "hti": patients["hti"],
            "hti_observed": patients["hti"],
            **{f"share_{name}": shares[:, i] for i, name in enumerate(("MKI67", "hsa-miR-17-5p", "MKI67+hsa-miR-17-5p"))},
        }
    )


def _group_patients(patients: pd.DataFrame) -> pd.DataFrame:
    parts = [
        pd.DataFrame({"grouping": name, "group": patients[column], "patient_id": patients["patient_id"], "hti": patients["hti"]})
        for name, column in (("ER Status By IHC", "er"), ("PAM50", "pam50"))
    ]
    return pd.concat(parts, ignore_index=True)


def _groups(points: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for (grouping, group), values in points.groupby(["grouping", "group"])["hti"]:
        p = 0.31 if grouping == "PAM50" else 0.012
        rows.append((grouping, group, len(values), values.median(), values.quantile(0.25), values.quantile(0.75), 3.57, p, ""))
    return pd.DataFrame(rows, columns=["grouping", "group", "n", "median", "q1", "q3", "statistic", "p_value", "reason"])


def kaplan_meier(table: pd.DataFrame) -> pd.DataFrame:
    """Return a Kaplan-Meier table with plain Greenwood bands; good enough to draw."""
    rows, survival, variance = [(0.0, 1.0, 1.0, 1.0, len(table), 0)], 1.0, 0.0
    for time in sorted(set(table["time_days"])):
        n = int((table["time_days"] >= time).sum())
        d = int(table.loc[table["time_days"] == time, "event"].sum())
        survival *= 1 - d / n
        variance += d / (n * (n - d)) if n > d else 0
        half = 1.96 * survival * np.sqrt(variance)
        rows.append((time, survival, max(0, survival - half), min(1, survival + half), n, d))
    return pd.DataFrame(rows, columns=["time_days", "survival", "low", "high", "at_risk", "events"])


def _survival(cohort: pd.DataFrame) -> dict[str, pd.DataFrame]:
    patients = cohort[cohort["map_set"] != "trained"].reset_index(drop=True)
    base = pd.DataFrame(
        {
            "patient_id": patients["patient_id"],
            "slide_id": [_slide_id(p) for p in patients["patient_id"]],
            "set": patients["map_set"],
            "hti": patients["hti"],
            "group": np.where(patients["hti"] > 0.5, "high", "low"),
            "time_days": patients["time_days"],
            "event": patients["event"].astype(int),
        }
    )
    groups = {"hti": base["group"], "bulk:MKI67": np.where(patients["value"] > patients["value"].median(), "high", "low")}
    groups["bulk:opposite"] = np.where(np.arange(len(base)) % 2 == 0, "high", "low")
    curves, tests = [], []
    for (analysis, group), p in zip(groups.items(), (0.0031, 0.44, 0.71), strict=True):
        named = base.assign(group=group)
        for name, rows in named.groupby("group"):
            curves.append(kaplan_meier(rows).assign(analysis=analysis, group=name))
        n, events = named["group"].value_counts(), named.groupby("group")["event"].sum()
        cut = 0.5 if analysis == "hti" else "median"
        tests.append((analysis, cut, n["low"], 0, n["high"], events["low"], events["high"], 8.75, p, 10, ""))
    tests.append(("hti|sex", 0.5, 1, 0, 0, 0, 0, "", "", 10, "fewer than two events"))
    cox = [
        ("HTI", "HTI", 60, 41, 2.41, 1.31, 4.43, 0.0047, 0.61, ""),
        ("HTI + age", "HTI", 60, 41, 2.3, 1.24, 4.26, 0.008, 0.63, "11 events per covariate or more: fine"),
        ("HTI + age", "age", 60, 41, 1.01, 0.99, 1.03, 0.21, 0.63, ""),
    ]
    columns = "analysis cut n_low n_middle n_high events_low events_high statistic p_value horizon_years reason"
    return {
        "survival_patients": base,
        "survival_curves": pd.concat(curves, ignore_index=True),
        "survival_tests": pd.DataFrame(tests, columns=columns.split()),
        "cox": pd.DataFrame(
            cox, columns=["model", "covariate", "n", "events", "hazard_ratio", "low", "high", "p_value", "c_index", "warning"]
        ),
    }


def _recovery() -> pd.DataFrame:
    rows = [
        ("held-out AUROC, MKI67", "", 0.953, ">= 0.90", "true"),
        ("tile AUROC of the map, MKI67", "", 0.941, ">= 0.90", "true"),
        ("Spearman of patient HTI with planted HTI", 1, 0.7421, ">= 0.80", "false"),
    ]
    return pd.DataFrame(rows, columns=["quantity", "planted", "recovered", "goal", "holds"])


def _findings() -> pd.DataFrame:
    rows = [
        ("info", "slide.source", "cohort", "75 % of slides state their own resolution"),
        ("error", "slide.broken", "TCGA-ZX-0003-01Z-00-DX1", "not a readable slide"),
        ("warning", "slide.resolution", "cohort", "two resolutions: 0.2525 and 0.5015 µm/px"),
    ]
    return pd.DataFrame(rows, columns=["severity", "code", "subject", "message"])


def _ledger() -> list[dict[str, object]]:
    versions = {"cartopath": "0.1.0", "python": "3.11.2", "torch": "2.13.0"}
    entry = {"time": "2026-01-05T10:00:00Z", "reason": "", "key": "k", "versions": versions}
    stages = (("tiles", 12, 6.5), ("train", 10, 410.25), ("predict", 12, 33.0), ("evaluate", 1, 4.5))
    lines = [{**entry, "stage": s, "task": f"{s}-{i}", "outcome": "done", "seconds": t} for s, n, t in stages for i in range(n)]
    broken = {
        "stage": "tiles",
        "task": "TCGA-ZX-0003-01Z-00-DX1",
        "outcome": "failed",
        "seconds": 0.5,
        "reason": "not a readable slide",
    }
    run = {"stage": "run", "task": "fabricated", "outcome": "started", "seed": 11}
    return [{**entry, **run}, *lines, {**entry, **broken}]


def _pictures(rng: np.random.Generator, folder: Path, hti: pd.DataFrame) -> None:
    rows, columns = np.mgrid[0:20, 0:28]
    tissue = ((rows - 10) / 9.5) ** 2 + ((columns - 14) / 13.5) ** 2 < 1
    colours = np.array([(226, 228, 232), (240, 174, 205), (203, 235, 170), (221, 204, 187)], np.uint8)
    for _, row in hti[hti["set"] != "trained"].iterrows():
        tilt = rng.normal(0, 1, (2, 2))
        fields = [a * (rows - 10) / 6 + b * (columns - 14) / 8 + rng.normal(0, 0.3, rows.shape) for a, b in tilt]
        traits = np.stack([fields[0] > 0, fields[1] > 1.5 - 2 * row["hti"]], axis=-1)
        tensor = np.where(tissue[..., None], traits, np.nan).astype(np.float32)
        write_ome_tiff(folder / f"{row['slide_id']}.ome.tif", tensor, channel_names=TRAITS, pixel_um=256.0)
        index = np.where(tissue, traits[..., 0] + 2 * traits[..., 1], 0)
        stained = rng.normal((215, 160, 200), 12, (*rows.shape, 3)).clip(0, 255).astype(np.uint8)
        for name, picture in (
            ("heterogeneity", colours[index]),
            *((trait, colours[traits[..., i] * 1]) for i, trait in enumerate(TRAITS)),
        ):
            side_by_side = np.concatenate([stained, picture], axis=1).repeat(12, 0).repeat(12, 1)
            Image.fromarray(side_by_side).save(folder / f"{row['slide_id']}_{name}.png")


@pytest.fixture(scope="session")
def pristine_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete study, made once and never to be changed."""
    return fabricate(tmp_path_factory.mktemp("fabricated"))


@pytest.fixture(scope="session")
def page(pristine_study: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of the complete study, as text."""
    from cartopath.report import write_report

    copy = tmp_path_factory.mktemp("drawn") / "study"
    shutil.copytree(pristine_study, copy)
    return write_report(copy).read_text(encoding="utf-8")


@pytest.fixture
def study(pristine_study: Path, tmp_path: Path) -> Path:
    """A complete study that a test may change."""
    return shutil.copytree(pristine_study, tmp_path / "study")


@pytest.fixture
def edit(study: Path) -> Callable[[str, Callable[[pd.DataFrame], pd.DataFrame]], Path]:
    """Change one table of the study; returns the study folder."""

    def change(name: str, how: Callable[[pd.DataFrame], pd.DataFrame]) -> Path:
        path = study / "tables" / f"{name}.csv"
        how(pd.read_csv(path, dtype=str, keep_default_na=False)).to_csv(path, index=False)
        return study

    return change
