"""The public surface is short and pinned; importing it is light."""

import subprocess
import sys

import pytest

import synovia as sv

SURFACE = [
    "Fit", "GeneralisedQ", "SynoviaError", "baujat", "bayes", "beta_binomial", "binomial_normal", "blup",
    "bootstrap", "bubble", "compare", "component_network", "contrast", "convert_doses", "course_contrasts",
    "cumulative", "diagnostic_accuracy", "dose_contrasts", "dose_network", "dose_response", "draw",
    "effect_sizes", "evidence_map", "example", "examples", "explained", "flow", "forest", "funnel",
    "influence", "kappa", "league", "leave_one_out", "load_field", "log_rate_normal", "logit_normal",
    "mantel_haenszel", "meta", "meta_many", "network", "open", "outcome_network", "p_scores", "pairwise",
    "partial_order", "permutation_test",
    "peto", "poisson_normal", "profile", "profile_interval", "qq", "radial", "random_effects",
    "read_export", "residuals", "subgroups", "time_course", "timecourse", "vif", "wild_bootstrap",
]  # fmt: skip


def test_surface_is_pinned() -> None:
    assert sv.__all__ == SURFACE
    assert dir(sv) == sorted(SURFACE)


@pytest.mark.parametrize("name", SURFACE)
def test_every_name_has_a_home_and_a_docstring(name: str) -> None:
    assert getattr(sv, name).__doc__


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(AttributeError, match="it has Fit, GeneralisedQ, SynoviaError"):
        _ = sv.metaanalysis


def test_import_loads_nothing_heavy() -> None:
    code = "import synovia, sys; print([m for m in ('numpy', 'pandas', 'scipy', 'matplotlib', 'click') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
