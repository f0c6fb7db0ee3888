import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synovia.errors import BrokenChain, UnreadableEvent
from synovia.journal import Screened, first_break, read_line, seal, split_lines, verify
from synovia.journal.chain import seal_event

VOTES = [
    Screened(f"r{i}", "title-abstract", "include", by="ann", at=f"2025-03-01T09:30:0{i}Z") for i in range(6)
]
LINES = list(seal(VOTES))


def test_line_is_canonical_json_naming_the_line_before() -> None:
    line = seal_event(Screened("rö", "full-text", "include", note='a "b"\n', by="ann", at=VOTES[0].at), "d0")
    values = json.loads(line)
    assert values["prev"] == "d0"
    assert list(values) == sorted(values)
    assert "rö" in line
    assert "\n" not in line
    assert ", " not in line


def test_each_line_names_the_sha256_of_the_one_before() -> None:
    named = [json.loads(line)["prev"] for line in LINES]
    assert named == ["", *(hashlib.sha256(line.encode()).hexdigest() for line in LINES[:-1])]


def test_seal_continues_a_chain() -> None:
    rest = seal(VOTES[3:], hashlib.sha256(LINES[2].encode()).hexdigest())
    assert LINES[:3] + list(rest) == LINES


def test_whole_chain_holds() -> None:
    assert first_break(LINES) is None
    verify(LINES, head=hashlib.sha256(LINES[-1].encode()).hexdigest())
    verify([], head="")


@pytest.mark.parametrize("place", range(5))
def test_changed_line_shows_at_the_next(place: int) -> None:
    lines = [*LINES]
    lines[place] = lines[place].replace("include", "exclude")
    found = first_break(lines)
    assert found is not None
    assert found.line_number == place + 2
    assert f"line {place + 1} was changed" in found.reason


def test_changed_last_line_shows_against_the_head() -> None:
    head = hashlib.sha256(LINES[-1].encode()).hexdigest()
    lines = [*LINES[:-1], LINES[-1].replace("include", "exclude")]
    assert first_break(lines) is None
    with pytest.raises(BrokenChain, match=f"the last line, 6, has digest .*{head[:12]} was expected"):
        verify(lines, head=head)


@pytest.mark.parametrize("place", range(5))
def test_removed_line_shows_where_it_was(place: int) -> None:
    found = first_break(LINES[:place] + LINES[place + 1 :])
    assert found is not None
    assert found.line_number == place + 1


@pytest.mark.parametrize("place", range(5))
def test_inserted_line_shows(place: int) -> None:
    prev = json.loads(LINES[place])["prev"]
    forged = seal_event(VOTES[5], prev)
    found = first_break([*LINES[:place], forged, *LINES[place:]])
    assert found is not None
    assert found.line_number == place + 2


@pytest.mark.parametrize("place", range(5))
def test_swapped_lines_show_at_the_first(place: int) -> None:
    lines = [*LINES[:place], LINES[place + 1], LINES[place], *LINES[place + 2 :]]
    found = first_break(lines)
    assert found is not None
    assert found.line_number == place + 1


def test_cut_tail_shows_only_against_the_head() -> None:
    head = hashlib.sha256(LINES[-1].encode()).hexdigest()
    assert first_break(LINES[:-1]) is None
    with pytest.raises(BrokenChain, match="the last line, 5"):
        verify(LINES[:-1], head=head)
    with pytest.raises(BrokenChain, match="the last line, 0, has digest none"):
        verify([], head=head)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (LINES[2][:-5], "line 3 is not JSON: it was cut short or edited"),
        ("", "line 3 is not JSON"),
        ("[" * 100_000, "line 3 is not JSON"),
        ("[]", "line 3 is not an event"),
        ('{"by":"ann"}', "line 3 does not name the line before it"),
        (LINES[2] + "\r", "line 3 ends in a carriage return"),
        (LINES[2].replace('"by":"ann"', '"by": "ann"'), "line 3 is not written as Synovia writes it"),
        (LINES[2][:-1] + ',"zeta":NaN}', "line 3 is not written as Synovia writes it"),
        (LINES[2][:-1] + ',"zeta":"\ud800"}', "line 3 is not JSON"),
        (LINES[2][:-1] + ',"zeta":"\\ud800"}', "line 3 is not written as Synovia writes it"),
        (LINES[2][:-1] + ',"zeta":' + "9" * 5000 + "}", "line 3 is not JSON"),
    ],
)
def test_misshapen_line_is_named(line: str, words: str) -> None:
    with pytest.raises(BrokenChain, match=words) as caught:
        verify([*LINES[:2], line, *LINES[3:]])
    assert "Restore the file from its last good copy" in str(caught.value)


def test_missing_first_lines_are_named() -> None:
    with pytest.raises(BrokenChain, match="but it is the first: lines above are gone"):
        verify(LINES[2:])


@pytest.mark.parametrize("line", ["", "{", "[]", "7", "[" * 100_000, '{"prev":""}'])
def test_line_that_is_no_event_is_unreadable(line: str) -> None:
    with pytest.raises(UnreadableEvent):
        read_line(line)


@given(st.data())
def test_any_changed_character_is_found(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(LINES) - 2))
    line = LINES[place]
    at = data.draw(st.integers(0, len(line) - 1))
    new = data.draw(st.characters(exclude_characters=line[at] + "\n"))
    found = first_break([*LINES[:place], line[:at] + new + line[at + 1 :], *LINES[place + 1 :]])
    assert found is not None
    assert found.line_number in (place + 1, place + 2)


@given(st.permutations(range(len(LINES))))
def test_only_the_true_order_holds(order: list[int]) -> None:
    assert (first_break([LINES[i] for i in order]) is None) == (order == sorted(order))


def test_only_a_line_feed_ends_a_line() -> None:
    assert split_lines("") == []
    assert split_lines("a\nb") == ["a", "b"]
    assert split_lines("a\n\nb\n") == ["a", "", "b"]
    assert split_lines("a\x85b\u2028c\x0bd\r\n") == ["a\x85b\u2028c\x0bd\r"]
