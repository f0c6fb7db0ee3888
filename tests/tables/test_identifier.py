"""Identifiers in their one written form."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synovia.tables.identifier import normalise_doi, normalise_pmid, registry_ids


@pytest.mark.parametrize(
    ("text", "doi"),
    [
        ("10.5555/ABC.1", "10.5555/abc.1"),
        ("doi:10.5555/abc.1.", "10.5555/abc.1"),
        ("DOI: 10.5555/abc.1 [doi]", "10.5555/abc.1"),
        ("http://dx.doi.org/10.5555/abc.1", "10.5555/abc.1"),
        ("https://doi-org.proxy.example.edu/10.5555/abc.1", "10.5555/abc.1"),
        ("https://doi.org/10.5555%2Fabc%281%29", "10.5555/abc(1)"),
        ("10.1016/S0140-6736(05)67728-8", "10.1016/s0140-6736(05)67728-8"),
        ("(10.5555/abc.1)", "10.5555/abc.1"),
        (
            "10.1002/(SICI)1097-0142(19960401)77:7<1236::AID-CNCR3>3.0.CO;2-V",
            "10.1002/(sici)1097-0142(19960401)77:7<1236::aid-cncr3>3.0.co;2-v",
        ),
        ("10.1002/a&lt;1236::AID&gt;3.0", "10.1002/a<1236::aid>3.0"),
        ("https://example.org/doi/full/10.5555/abc.1?src=x", "10.5555/abc.1"),
        ("https://example.org/doi/10.5555/abc.1/abstract", "10.5555/abc.1"),
        ("https://example.org/record?eid=2&doi=10.5555%2fabc.1&partnerID=40", "10.5555/abc.1"),
        ("https://example.org/articles/10.5555/not/surely", ""),
        ("v10 n1 p1-10 2000", ""),
        ("10.55/x", ""),
        ("", ""),
    ],
)
def test_dois(text: str, doi: str) -> None:
    assert normalise_doi(text) == doi


@given(st.from_regex(r"10\.[1-9]\d{3}/[A-Za-z0-9.()<>:;_-]{1,20}[a-z0-9]", fullmatch=True))
def test_a_normal_doi_stays(text: str) -> None:
    doi = normalise_doi(text)
    assert normalise_doi(doi) == doi == text.lower()
    assert normalise_doi(f"https://doi.org/{text}") == doi


@given(st.text("10./doi:()%2f&;<> \n", max_size=60))
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise_doi(normalise_doi(text)) == normalise_doi(text)


@pytest.mark.parametrize(
    ("text", "pmid"),
    [
        ("21314913", "21314913"),
        (" PMID: 21314913 ", "21314913"),
        ("MEDLINE:21314913", "21314913"),
        ("21314913.0", "21314913"),
        ("00012345", "12345"),
        ("https://pubmed.ncbi.nlm.nih.gov/21314913/", "21314913"),
        ("http://www.ncbi.nlm.nih.gov/pubmed/21314913", "21314913"),
        ("0", ""),
        ("123456789", ""),
        ("PMC3104210", ""),
        ("WOS:000123", ""),
    ],
)
def test_pmids(text: str, pmid: str) -> None:
    assert normalise_pmid(text) == pmid


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("https://clinicaltrials.gov/show/nct04223622", ("NCT04223622",)),
        ("ISRCTN 12345678 and ISRCTN12345678", ("ISRCTN12345678",)),
        ("ChiCTR2000029308; ChiCTR-TRC-09000345; chictr-ior-15006000",
         ("ChiCTR2000029308", "ChiCTR-TRC-09000345", "ChiCTR-IOR-15006000")),
        ("IRCT20080901001165N57", ("IRCT20080901001165N57",)),
        ("EUCTR2012-001234-12-DE; EudraCT number 2012-001234-12", ("EUCTR2012-001234-12",)),
        ("ACTRN12612000345678", ("ACTRN12612000345678",)),
        ("CTRI/2019/05/019321", ("CTRI/2019/05/019321",)),
        ("JPRN-UMIN000012345 UMIN-CTR UMIN000012346", ("UMIN000012345", "UMIN000012346")),
        ("jRCTs031180123; JRCT1080220000", ("jRCTs031180123", "jRCT1080220000")),
        ("DRKS00012345, KCT0001234, TCTR20200101001", ("DRKS00012345", "KCT0001234", "TCTR20200101001")),
        ("PACTR201901234567890 RPCEC00000123", ("PACTR201901234567890", "RPCEC00000123")),
        ("Rbr-2ABC3D", ("RBR-2abc3d",)),
        ("NCT0422362 NCT042236221 XNCT04223622", ()),
    ],
)  # fmt: skip
def test_registry_ids(text: str, ids: tuple[str, ...]) -> None:
    assert registry_ids(text) == ids


HOSTILE = ["10.1234/" + ")" * 400_000, "NCT" * 300_000, "https://x/doi/" * 60_000, "10.1" * 300_000]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_take_no_time(text: str) -> None:
    start = time.process_time()
    normalise_doi(text)
    normalise_pmid(text)
    registry_ids(text)
    assert time.process_time() - start < 5  # under 0.5 s alone
