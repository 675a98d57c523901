"""Panels of genes: the published lists, symbols of today, misprints, and what a table does not hold."""

import numpy as np
import pandas as pd
import pytest

from cartopath.cohort import open_molecular
from cartopath.cohort.panels import PANELS, find_panel, panel_of, read_panel
from cartopath.core.errors import TableError, TraitError


@pytest.fixture
def table(tmp_path):
    """A matrix of five genes, one of them under its retired symbol."""
    genes = ["TP53", "LYZ", "ASRGL1", "WARS", "ESR1"]
    values = np.random.default_rng(0).random((5, 6)).round(3)
    frame = pd.DataFrame(values, index=pd.Index(genes, name="gene"), columns=[f"P{i}" for i in range(6)])
    frame.to_csv(tmp_path / "expression.csv")
    return open_molecular(tmp_path / "expression.csv")


class TestPublishedPanels:
    @pytest.mark.parametrize(("name", "n"), [("graziani_2022", 35), ("colotype", 32), ("pam50", 50)])
    def test_hold_as_many_genes_as_could_be_verified(self, name, n):
        panel = read_panel(name)
        assert len(set(panel.symbols)) == len(panel.symbols) == n
        assert panel.source == PANELS[name]

    def test_name_wars_by_its_symbol_of_today(self):
        for name in ("graziani_2022", "colotype"):
            genes = {gene.symbol: gene for gene in read_panel(name).genes}
            assert genes["WARS1"].former == "WARS"
            assert "WARS" not in genes

    def test_hold_no_misprint(self):
        assert not {"LYX", "ARSGL1"} & set(read_panel("graziani_2022").symbols)

    def test_say_class_and_direction_of_colotype(self):
        genes = {gene.symbol: (gene.group, gene.direction) for gene in read_panel("colotype").genes}
        assert (genes["HPSE"], genes["AXIN2"], genes["CEL"], genes["TBX10"]) == (
            ("CMS1", "up"),
            ("CMS1", "down"),
            ("CMS2", "up"),
            ("CMS3", "down"),
        )
        assert pd.Series([group for group, _ in genes.values()]).value_counts().to_dict() == {"CMS1": 10, "CMS2": 11, "CMS3": 11}

    def test_share_the_25_genes_that_the_paper_took_from_colotype(self):
        assert len(set(read_panel("graziani_2022").symbols) & set(read_panel("colotype").symbols)) == 25

    @pytest.mark.parametrize("name", PANELS)
    def test_come_through_their_own_check_unchanged(self, name):
        assert panel_of(read_panel(name).symbols).symbols == read_panel(name).symbols


class TestListsOfAUser:
    def test_are_read_one_per_line(self, tmp_path):
        (tmp_path / "mine.txt").write_text("# of interest\nTP53\nWARS  # retired\n\nTP53\n")
        panel = read_panel(tmp_path / "mine.txt")
        assert (panel.name, panel.symbols) == ("mine", ("TP53", "WARS1"))

    def test_are_read_from_a_table_with_groups(self, tmp_path):
        (tmp_path / "mine.csv").write_text("gene,subtype,direction\nESR1,luminal,up\nKRT5,basal,down\n")
        genes = read_panel(tmp_path / "mine.csv").genes
        assert [(gene.symbol, gene.group, gene.direction) for gene in genes] == [
            ("ESR1", "luminal", "up"),
            ("KRT5", "basal", "down"),
        ]

    @pytest.mark.parametrize(("wrong", "right"), [("LYX", "LYZ"), ("ARSGL1", "ASRGL1")])
    def test_with_a_misprint_are_refused_with_what_is_meant(self, wrong, right):
        with pytest.raises(TraitError, match=f"{wrong} is a misprint of {right}"):
            panel_of(["TP53", wrong])

    def test_with_dates_are_refused(self):
        with pytest.raises(TraitError, match="2-Sep: a spreadsheet made dates"):
            panel_of(["TP53", "2-Sep"])

    @pytest.mark.parametrize("name", ["SEPTIN2", "MARCHF5", "AARS1", "LYN", "ENSG00000148773", "hsa-miR-17-5p"])
    def test_keep_names_that_are_of_today_or_unknown(self, name):
        assert panel_of([name]).symbols == (name,)

    def test_that_do_not_exist_are_refused_with_the_closest_panel(self):
        with pytest.raises(TableError, match=r"closest: pam50; there are graziani_2022, colotype, pam50\) and no such file"):
            read_panel("PAM-50")

    def test_without_symbols_are_refused(self, tmp_path):
        (tmp_path / "mine.csv").write_text("probe,value\n1,2\n")
        with pytest.raises(TableError, match="no column symbol or gene; found probe, value"):
            read_panel(tmp_path / "mine.csv")
        (tmp_path / "empty.txt").write_text("# nothing\n")
        with pytest.raises(TableError, match="holds no names of genes"):
            read_panel(tmp_path / "empty.txt")


class TestPanelsInATable:
    def test_are_found_under_retired_symbols_too(self, table):
        found = find_panel(panel_of(["WARS1", "TP53"]), table)
        assert dict(found.features) == {"WARS1": "WARS", "TP53": "TP53"}
        assert found.missing == {}

    def test_say_what_is_missing_and_what_looks_like_it(self, table):
        found = find_panel(panel_of(["TP53", "LYZ2"]), table)
        assert found.missing["LYZ2"][0] == "LYZ"
        assert found.missing_sentence.startswith("LYZ2 (closest: LYZ")

    def test_are_refused_where_every_gene_must_be_there(self, table):
        with pytest.raises(TraitError, match=r"1 of 2 genes \(genes\) not in the table: TP35"):
            find_panel(panel_of(["TP35", "ESR1"]), table, strict=True)

    def test_are_refused_where_nothing_is_there(self, table):
        with pytest.raises(TraitError, match="2 of 2 genes"):
            find_panel(panel_of(["ACTB", "GAPDH"]), table)

    def test_say_what_to_do_where_the_table_speaks_of_ensembl_ids(self, tmp_path):
        frame = pd.DataFrame(np.ones((2, 4)), index=pd.Index(["ENSG00000141510.5", "ENSG00000090382.1"], name="gene"))
        frame.set_axis([f"P{i}" for i in range(4)], axis=1).to_csv(tmp_path / "ids.csv")
        found = find_panel(panel_of(["TP53", "BIRC5"]), open_molecular(tmp_path / "ids.csv"))
        assert dict(found.features) == {"TP53": "ENSG00000141510.5"}
        assert "Ensembl ids" in found.hint and "hgnc_complete_set.txt" in found.hint

    def test_do_not_name_one_feature_twice(self, table):
        with pytest.raises(TraitError, match="ESR1 and esr1 are one feature"):
            find_panel(panel_of(["ESR1", "esr1"]), table)


@pytest.mark.realdata
def test_the_genes_of_the_paper_are_in_a_real_table_of_ensembl_ids(real_data):
    table = open_molecular(real_data / "tcga_brca" / "brca_htseq_counts_249.parquet")
    found = find_panel(read_panel("graziani_2022"), table)
    assert len(found.features) == 34
    assert list(found.missing) == ["B3GNT6"]
    assert table.read(["TP53", "WARS1"]).notna().all().all()
