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
