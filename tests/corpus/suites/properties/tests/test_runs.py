from __future__ import annotations

from codec import runs
from hypothesis import example, given
from hypothesis import strategies as st


@given(st.text())
def test_archive_round_trip(text):
    assert runs.decode(runs.archived(text)) == text


@given(st.lists(st.integers()))
def test_dictionary_counts_words(words):
    assert runs.dictionary(words) == len(set(words))


@given(st.text())
@example("aaab")
def test_round_trip(text):
    assert runs.decode(runs.encode(text)) == text


@given(st.text(max_size=30))
def test_checksum_is_small(text):
    assert 0 <= runs.checksum(text) < 251


@given(st.lists(st.tuples(st.characters(), st.integers(1, 5)), max_size=5))
def test_decoded_length(pairs):
    assert len(runs.decode(tuple(pairs))) == sum(count for _, count in pairs)


@given(st.data())
def test_interactive_data(data):
    text = data.draw(st.text(min_size=1))
    position = data.draw(st.integers(0, len(text) - 1))
    assert text[position] in {char for char, _ in runs.encode(text)}


@given(st.dictionaries(st.text(), st.floats(allow_nan=False)))
def test_dictionaries(mapping):
    assert dict(mapping.items()) == mapping


@given(st.builds(dict, name=st.text(), runs=st.lists(st.booleans())))
def test_built_values(value):
    assert set(value) == {"name", "runs"}
