import pytest

from cartopath.core.errors import ConfigError
from cartopath.methods.tissue_types.names import IGNORE, TypeNames, ordered_types


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        ("Tumor", "epithelium"),
        ("STROMA", "stroma"),
        ("Adipose tissue", "fat"),
        ("adipose_tissue", "fat"),
        ("Ignore*", IGNORE),
        ("background", "background"),
    ],
)
def test_usual_names_are_known(name, type_):
    assert TypeNames().type_of(name) == type_


def test_what_the_user_says_wins():
    assert TypeNames({"tumor": "stroma"}).type_of("Tumor") == "stroma"


def test_unknown_name_is_refused_with_a_way_out():
    with pytest.raises(ConfigError, match=r'closest known name: stroma.*--map "Stromma=stroma"'):
        TypeNames().require(["Tumor", "Stromma"], "S1.geojson")


def test_users_own_types_come_last():
    assert ordered_types(["necrosis", "fat", IGNORE, "background"]) == ("background", "fat", "necrosis")


class TestSlipsOfThePen:
    def test_a_name_that_no_annotation_has_is_said(self):
        assert TypeNames({"Tumr": "epithelium"}).remarks(["Tumor"]) == (
            "'Tumr=epithelium': no annotation is called 'Tumr'; there are 'Tumor'",
        )

    @pytest.mark.parametrize(
        ("type_", "meant"), [("epitelium", "epithelium"), ("Stromma", "stroma"), ("Tumor", "epithelium"), ("adipose", "fat")]
    )
    def test_a_new_type_like_a_known_one_is_said(self, type_, meant):
        (remark,) = TypeNames({"Region 1": type_}).remarks(["Region 1"])
        assert f"{type_!r} is taken as a type of its own; write {meant!r} if that is meant" in remark

    def test_a_new_type_like_another_new_one_is_said(self):
        remarks = TypeNames({"Nec": "necrosis", "Nec 2": "necroses"}).remarks(["Nec", "Nec 2"])
        assert any("write 'necrosis' if that is meant" in remark for remark in remarks)

    @pytest.mark.parametrize("type_", ["stroma", "Stroma", "", "muscle", "necrosis", "lymphocytes"])
    def test_nothing_is_said_of_what_is_no_slip(self, type_):
        assert TypeNames({"Region 1": type_}).remarks(["region_1"]) == ()

    def test_types_are_known_in_either_case(self):
        assert TypeNames({"Region 1": "Stroma"}).type_of("Region 1") == "stroma"
