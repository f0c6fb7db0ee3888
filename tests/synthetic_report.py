"""A synthetic content: invented numbers, made only to exercise the report."""

from collections.abc import Mapping, Sequence

import pandas as pd

from synovia import tables
from synovia.report import Answer, Content, Fact, Methods, Mid, Search, Variant

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)> \"'&\u202e\x00]]>"
SOURCE = {"source": "10.1000/xyz123; PMC1234567", "locator": "Table 2", "quote": "as printed"}


def estimate(**changes: object) -> dict[str, object]:
    """One row of ESTIMATES, synthetic."""
    row: dict[str, object] = {
        "synthesis_id": "ha-vs-saline-pain-3-months",
        "variant": "primary",
        "outcome": "pain",
        "window": "3-months",
        "treatment": "ha",
        "comparator": "saline",
        "measure": "MD",
        "scale": "points on a 0-100 scale",
        "status": "pooled",
        "k": 3.0,
        "effects": 3.0,
        "n": 1870.0,
        "estimate": -9.84,
        "std_error": 3.1,
        "lower": -16.52,
        "upper": -3.11,
        "level": 0.95,
        "p_value": 0.0081,
        "prediction_lower": -30.2,
        "prediction_upper": 11.4,
        "tau2": 81.0,
        "i2": 85.2,
        "method": "random effects, REML, Knapp-Hartung",
        "warnings": "",
    }
    return {**row, **changes}


def single(**changes: object) -> dict[str, object]:
    """A single study's row, synthetic."""
    nan = float("nan")
    base = {"status": "single study", "k": 1.0, "n": 80.0, "i2": nan, "tau2": nan}
    return estimate(**{**base, "prediction_lower": nan, "prediction_upper": nan, **changes})


def nothing(**changes: object) -> dict[str, object]:
    """A row without data, synthetic."""
    nan = float("nan")
    names = ("estimate", "lower", "upper", "p_value", "prediction_lower", "prediction_upper", "tau2", "i2")
    return estimate(**{"status": "no data", "k": 0.0, "n": 0.0, **dict.fromkeys(names, nan), **changes})


def contributions(text: str = "") -> pd.DataFrame:
    """Three effects, synthetic."""
    rows = [
        {
            "synthesis_id": "ha-vs-saline-pain-3-months",
            "variant": "primary",
            "effect_id": f"trial-{i} HA-saline",
            "study_id": f"trial-{i}",
            "label": f"Trial {i} {2000 + i}{text}",
            "estimate": -4.0 * i,
            "lower": -4.0 * i - 6,
            "upper": -4.0 * i + 6,
            "std_error": 3.06,
            "weight": 100 / 3,
            "n": 300.0,
            "n_comparator": 310.0,
            "weeks": 12.0,
            "derived": "sd from se" if i == 1 else "",
            "caution": text,
            "lines": f"{2 * i}; {2 * i + 1}",
        }
        for i in (1, 2, 3)
    ]
    return tables.frame(tables.CONTRIBUTIONS, rows)


def answer(numbers: Mapping[str, object] | None = None, **changes: object) -> Answer:
    """One answer, synthetic."""
    parts: dict[str, object] = {
        "synthesis_id": "ha-vs-saline-pain-3-months",
        "comparison_id": "ha-vs-saline",
        "comparison": "Hyaluronic acid against saline",
        "treatment": "hyaluronic acid",
        "comparator": "saline",
        "outcome": "pain",
        "window": "3 months",
        "estimate": numbers if numbers is not None else estimate(),
    }
    return Answer(**{**parts, **changes})  # type: ignore[arg-type]


def _lined(table: tables.Table, rows: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    return tables.frame(table, rows).assign(line=range(2, len(rows) + 2))


def evidence(text: str = "") -> dict[str, pd.DataFrame]:
    """Every table, synthetic; ``text`` is added to every free text."""
    source = {**SOURCE, "quote": SOURCE["quote"] + text}
    studies = [
        {
            "study_id": f"trial-{i}",
            "label": f"Trial {i} {2000 + i}{text}",
            "design": "randomised trial",
            "species": "human",
            "eligible": "yes",
            "n_randomised": 610.0,
            "caution": text,
            **source,
        }
        for i in (1, 2, 3)
    ]
    words = [
        {**studies[0], "study_id": "ev-1", "label": f"Vesicle trial{text}"},
        {**studies[0], "study_id": "rat-1", "label": f"Rat study{text}", "design": "animal experiment"},
    ]
    arms = [
        {"study_id": f"trial-{i}", "arm_id": arm, "label": label + text, "treatment": arm, **source}
        for i in (1, 2, 3)
        for arm, label in (("ha", "HA 2 mL"), ("saline", "saline"))
    ]
    arms += [
        {"study_id": "ev-1", "arm_id": arm, "label": arm, "treatment": arm, **source}
        for arm in ("ev", "saline")
    ]
    outcomes = [
        {
            "study_id": f"trial-{i}",
            "arm_id": arm,
            "outcome": "pain",
            "measure": f"pain VAS{text}",
            "scale": "pain-vas-100",
            "timepoint": "week 12",
            "weeks": 12.0,
            "statistic": "mean",
            "n": 300.0,
            "mean": 40.5,
            "se": 1.2,
            "use": "yes",
            "caution": text,
            **source,
        }
        for i in (1, 2, 3)
        for arm in ("ha", "saline")
    ]
    conversions = [
        {
            "study_id": "trial-1",
            "arm_id": "ha",
            "measure": "pain VAS",
            "timepoint": "week 12",
            "statistic": "mean",
            "step": 1.0,
            "quantity": "sd",
            "value": 20.785,
            "formula": "SD = SE sqrt(n)",
            "inputs": "se=1.2; n=300",
            "citation": f"Cochrane Handbook{text}",
            "line": 2.0,
        }
    ]
    arm_data = [
        {
            "study_id": f"trial-{i}",
            "arm_id": arm,
            "treatment": arm,
            "outcome": "pain",
            "measure": "pain VAS",
            "timepoint": f"week {week}",
            "weeks": week,
            "statistic": "mean",
            "n": 300.0,
            "mean": 60.0 - week - i,
            "sd": 20.0,
            "source": "10.1000/xyz123",
        }
        for i in (1, 2, 3)
        for arm in ("ha", "saline")
        for week in (0.0, 12.0)
    ]
    contrasts = [
        {
            "study_id": "ev-1",
            "arm_id": "ev",
            "comparator_id": "saline",
            "outcome": "pain",
            "measure": "VAS",
            "timepoint": "6 months",
            "conclusion": f"no significant difference{text}",
            **source,
        }
    ]
    preparations = [
        {
            "study_id": "rat-1",
            "cell_source": f"synovial stem cells{text}",
            "cargo": f"miR-140{text}",
            "cargo_type": f"miRNA{text}",
            "animal_model": "rat",
            "dose_printed": f'110" particles{text}',
            "dose_read": "1e11 (our reading)",
            **source,
        }
    ]
    findings = [
        {
            "study_id": "rat-1",
            "setting": setting,
            "domain": f"cartilage{text}",
            "direction": "benefit",
            "finding": f"less wear{text}",
            **source,
        }
        for setting in ("in vivo", "in vitro")
    ]
    published = [
        {
            "result_id": "MA1",
            "label": f"Meta-analysis 2018{text}",
            "kind": "pairwise",
            "treatment": "HA",
            "comparator": "saline",
            "outcome": "pain",
            "measure": "SMD",
            "estimate": "-0.08",
            "ci_low": "-0.15",
            "ci_high": "-0.02",
            "k": "24",
            "caution": text,
            **source,
        }
    ]
    records = [
        {
            "record_id": f"a-{i}",
            "search_id": "a",
            "file": "searches/a.ris",
            "line": 10.0 * i + 1,
            "title": f"Record {i}{text}",
            "authors": f"Author {i}{text}",
            "year": 2000.0 + i,
            "doi": "10.1000/abc" if i < 3 else "",
            "url": "javascript:alert(1)",
        }
        for i in range(1, 6)
    ]
    clusters = [
        {
            "record_id": f"a-{i}",
            "cluster_id": "a-1" if i == 2 else f"a-{i}",
            "because": "doi" if i == 2 else "",
        }
        for i in range(1, 6)
    ]
    decisions = [
        {
            "record_id": f"a-{i}",
            "stage": "title-abstract",
            "reviewer": f"R{text}",
            "role": "reviewer",
            "verdict": "include" if i < 4 else "exclude",
            "reason": "" if i < 4 else f"no pain{text}",
        }
        for i in (1, 3, 4, 5)
    ]
    verdicts = [
        {"record_id": d["record_id"], "stage": d["stage"], "state": d["verdict"], "reason": d["reason"]}
        for d in decisions
    ] + [{"record_id": name, "stage": "full-text", "state": "include"} for name in ("a-1", "a-3")]
    links = [{"record_id": f"a-{i}", "report_id": f"report-{i}", "study_id": f"trial-{i}"} for i in (1, 3)]
    rejects = [
        {
            "search_id": "a",
            "file": "searches/a.ris",
            "line": 99.0,
            "reason": f"no ER{text}",
            "raw": f"TY  - {text}",
        }
    ]
    unconverted = [{"study_id": "trial-3", "arm_id": "ha", "reason": f"no SD{text}", "line": 6.0}]
    unlined: dict[str, tuple[tables.Table, Sequence[Mapping[str, object]]]]
    lined: dict[str, tuple[tables.Table, Sequence[Mapping[str, object]]]]
    unlined = {"records": (tables.RECORDS, records), "clusters": (tables.CLUSTERS, clusters)}
    unlined |= {"verdicts": (tables.VERDICTS, verdicts), "rejects": (tables.REJECTS, rejects)}
    unlined |= {"conversions": (tables.CONVERSIONS, conversions), "arm_data": (tables.ARM_DATA, arm_data)}
    unlined |= {"unconverted": (tables.UNCONVERTED, unconverted)}
    lined = {
        "studies": (tables.STUDIES, [*studies, *words]),
        "arms": (tables.ARMS, arms),
        "outcomes": (tables.OUTCOMES, outcomes),
        "contrasts": (tables.CONTRASTS, contrasts),
        "preparations": (tables.PREPARATIONS, preparations),
        "findings": (tables.FINDINGS, findings),
        "published": (tables.PUBLISHED, published),
        "links": (tables.LINKS, links),
        "decisions": (tables.DECISIONS, decisions),
    }
    return {
        **{name: tables.frame(table, rows) for name, (table, rows) in unlined.items()},
        **{name: _lined(table, rows) for name, (table, rows) in lined.items()},
    }


def content(text: str = "") -> Content:
    """A whole content, synthetic; ``text`` is added to every free text."""
    frames = evidence(text)
    omissions = tables.frame(
        tables.OMISSIONS,
        [{"synthesis_id": "ha-vs-saline-pain-3-months", "study_id": "trial-9", "reason": f"no SD{text}"}],
    )
    main = answer(
        comparison=f"Hyaluronic acid against saline{text}",
        outcome=f"pain{text}",
        contributions=contributions(text),
        omissions=omissions,
        sensitivity=(Variant(f"without the smallest{text}", estimate(variant="s", estimate=-8.0)),),
        bridge=(Variant(f"by hand{text}", estimate(variant="b", estimate=-11.4, lower=-17.0, upper=-5.8)),),
        published=frames["published"],
        mid=Mid(9.7, "individual", f"Ehrich 2000{text}"),
        notes=(f"A note{text}.",),
    )
    beside = answer(
        single(synthesis_id="b", window="6-months"), synthesis_id="b", window=f"6 months{text}", leading=False
    )
    none = answer(nothing(synthesis_id="c"), synthesis_id="c", window="12 months", leading=False)
    methods = Methods(
        version=f"1{text}",
        registration="not registered",
        population=f"adults{text}",
        interventions=("hyaluronic acid",),
        comparators=("saline",),
        include=(f"randomised trial{text}",),
        readers=1,
        screening_note=f"One reader{text}.",
        outcomes=(("pain", ("pain-vas-100",)),),
        windows=(("3 months", 12.0, 6.0, 17.0),),
        designs=("randomised trial",),
    )
    return Content(
        title=f"A synthetic review{text}",
        question=f"Does it help{text}?",
        field_name="Knee osteoarthritis",
        software="Synovia 0.0.0",
        answers=(main, beside, none),
        methods=methods,
        searches=(
            Search("a", "database", f"Database A{text}", f"knee{text}", "2026-01-01", "searches/a.ris"),
        ),
        tables=frames,
        treatments={"ha": "hyaluronic acid", "saline": "saline", "ev": f"extracellular vesicles{text}"},
        outcomes={"pain": "pain"},
        authors={"outcomes:2": f"A. Reader{text}"},
        gaps=(f"No arm numbers{text}.",),
        cautions=(f"Read with care{text}.",),
        integrity=(f"One check{text}.",),
        facts=(Fact("protocol digest", f"abc{text}"),),
    )
