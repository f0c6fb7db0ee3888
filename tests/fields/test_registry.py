"""The registry of scales: what ships, how a score moves to 0-100, and what an unknown name is told."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synovia.errors import ProtocolError
from synovia.fields import Scale, load_field

FIELD = load_field("knee_oa")
SCALES = st.sampled_from(FIELD.scales)
SHARES = st.floats(0, 1)
ROUNDING = 1e-9  # a few operations in double precision on numbers up to 2400

RANGES = {
    "pain-vas-100": (0, 100), "pain-vas-10": (0, 10), "pain-nrs-10": (0, 10), "womac-pain-likert": (0, 20),
    "womac-stiffness-likert": (0, 8), "womac-function-likert": (0, 68), "womac-total-likert": (0, 96),
    "womac-pain-vas": (0, 500), "womac-stiffness-vas": (0, 200), "womac-function-vas": (0, 1700),
    "womac-total-vas": (0, 2400), "womac-pain-nrs": (0, 50), "womac-stiffness-nrs": (0, 20),
    "womac-function-nrs": (0, 170), "womac-total-nrs": (0, 240), "womac-pain-100": (0, 100),
    "womac-stiffness-100": (0, 100), "womac-function-100": (0, 100), "womac-total-100": (0, 100),
    "womac-total-100-higher-better": (0, 100), "koos-pain": (0, 100), "koos-symptoms": (0, 100),
    "koos-adl": (0, 100), "koos-sport": (0, 100), "koos-qol": (0, 100), "ikdc": (0, 100), "lequesne": (0, 24),
    "oarsi-pritzker": (0, 24), "oarsi-glasson": (0, 6), "mankin": (0, 14), "icrs-macroscopic": (0, 12),
    "icrs-visual-histology": (0, 18), "icrs-ii": (0, 100), "icrs-lesion-grade": (0, 4),
    "kellgren-lawrence": (0, 4), "mocart": (0, 100),
}  # fmt: skip
HIGHER_BETTER = {
    "womac-total-100-higher-better", "koos-pain", "koos-symptoms", "koos-adl", "koos-sport", "koos-qol",
    "ikdc", "lysholm", "mocart", "icrs-macroscopic", "icrs-visual-histology", "icrs-ii",
}  # fmt: skip


@pytest.mark.parametrize(("scale_id", "bounds"), RANGES.items())
def test_range(scale_id: str, bounds: tuple[float, float]) -> None:
    scale = FIELD.scale(scale_id)
    assert (scale.minimum, scale.maximum) == bounds


def test_direction_of_every_scale() -> None:
    assert {scale.id for scale in FIELD.scales if scale.better == "higher"} == HIGHER_BETTER


def test_zero_is_normal_only_where_low_is_good() -> None:
    """0 on a scale where higher is better is the worst score, never the normal one."""
    assert all(not scale.zero_is_normal for scale in FIELD.scales if scale.better == "higher")
    assert FIELD.scale("mankin").zero_is_normal
    assert FIELD.scale("oarsi-pritzker").zero_is_normal


def test_ids_are_unique() -> None:
    assert len(set(FIELD.scale_ids)) == len(FIELD.scale_ids)


@pytest.mark.parametrize("scale", FIELD.scales, ids=lambda scale: scale.id)
def test_every_scale_names_source_basis_and_unit(scale: Scale) -> None:
    assert scale.source
    assert scale.unit
    assert scale.basis in ("seen in source", "Synovia's reading")
    assert scale.minimum < scale.maximum


def test_every_threshold_names_where_it_comes_from() -> None:
    thresholds = [mcid for scale in FIELD.scales for mcid in scale.mcids]
    assert len(thresholds) > 10
    for mcid in thresholds:
        assert mcid.kind in ("individual", "group")
        assert mcid.basis in ("seen in source", "Synovia's reading")
        assert all((mcid.method, mcid.population, mcid.citation, mcid.unit))
        assert mcid.value > 0
        assert mcid.upper is None or mcid.upper > mcid.value


def test_published_thresholds() -> None:
    """Tubach 2005: VAS 19.9 mm; Ehrich 2000: WOMAC pain 9.7; Singh 2014: KOOS quality of life 8.0."""
    assert 19.9 in [m.value for m in FIELD.scale("pain-vas-100").mcids if m.kind == "individual"]
    assert 9.7 in [m.value for m in FIELD.scale("womac-pain-100").mcids]
    assert 8.0 in [m.value for m in FIELD.scale("koos-qol").mcids]


@given(SCALES)
def test_best_is_0_and_worst_is_100(scale: Scale) -> None:
    best, worst = sorted((scale.minimum, scale.maximum), reverse=scale.better == "higher")
    assert scale.to_100(best) == 0.0
    assert scale.to_100(worst) == 100.0


@given(SCALES, SHARES, SHARES)
def test_to_100_keeps_the_order_of_badness(scale: Scale, a: float, b: float) -> None:
    x, y = (scale.minimum + share * scale.span for share in sorted((a, b)))
    worse = scale.to_100(y) - scale.to_100(x)
    assert worse * scale.direction >= -ROUNDING


@given(SCALES, SHARES, SHARES)
def test_change_is_the_difference_of_means(scale: Scale, a: float, b: float) -> None:
    x, y = scale.minimum + a * scale.span, scale.minimum + b * scale.span
    difference = scale.to_100(y) - scale.to_100(x)
    assert math.isclose(scale.change_to_100(y - x), difference, abs_tol=ROUNDING)


@given(SCALES, st.floats(1e-3, 100))
def test_sd_has_no_direction(scale: Scale, sd: float) -> None:
    assert math.isclose(scale.sd_to_100(sd), abs(scale.change_to_100(sd)), rel_tol=1e-12)


def test_unknown_scale_names_the_known_and_the_closest() -> None:
    told = r"scale 'womac-pain-liker'.*one of pain-vas-100.*Did you mean womac-pain-likert"
    with pytest.raises(ProtocolError, match=told):
        FIELD.scale("womac-pain-liker")


def test_unknown_name_without_a_neighbour_gets_no_guess() -> None:
    with pytest.raises(ProtocolError) as caught:
        FIELD.scale("zzz")
    assert "Did you mean" not in str(caught.value)


@pytest.mark.parametrize("name", ["knee-oa", "../knee_oa", "", "shoulder"])
def test_unknown_field_is_refused(name: str) -> None:
    with pytest.raises(ProtocolError, match="wanted one of knee_oa"):
        load_field(name)


def test_knows() -> None:
    assert FIELD.knows("ikdc")
    assert not FIELD.knows("")


def test_load_field_gives_the_same_field() -> None:
    assert load_field() is load_field("knee_oa")
