"""The cuts of a text: words stay whole, paragraphs too if they fit, and nothing is lost."""

from hypothesis import given
from hypothesis import strategies as st

from enginehouse.engines.native.text_splitter import split
from enginehouse.text.page import html_text

ENGLISH = "The harbour lay quiet in the early morning, and only a few boats had gone out to sea before the storm."
GERMAN = "Der Hafen lag am frühen Morgen still, und nur wenige Boote waren vor dem Sturm hinausgefahren."
CZECH = "Přístav ležel brzy ráno tiše a jen několik lodí vyplulo na moře dříve, než přišla velká bouře."


def texts(text: str, words: int = 120) -> list[str]:
    return [piece.text for piece in split(text, words)]


def test_each_paragraph_is_a_piece_of_its_own() -> None:
    assert texts(f"{ENGLISH}\n\n{GERMAN}\n \t \n\n{CZECH}\n") == [ENGLISH, GERMAN, CZECH]


def test_lines_of_one_paragraph_stay_together_exactly_as_they_stand() -> None:
    folded = ENGLISH.replace(", ", ",\r\n  ")
    assert texts(f"\r\n{folded}\r\n\r\n{GERMAN}") == [folded, GERMAN]


def test_a_heading_goes_with_what_follows_and_a_closing_line_with_what_came_before() -> None:
    assert texts(f"# Harbour\n\n## Morning\n\n{ENGLISH}\n\nSo it was.\n\n# Hafen\n\n{GERMAN}") == [
        f"# Harbour\n\n## Morning\n\n{ENGLISH}\n\nSo it was.",
        f"# Hafen\n\n{GERMAN}",
    ]


def test_a_short_text_is_one_piece_and_a_blank_one_none() -> None:
    assert texts("Hello") == ["Hello"]
    assert texts("") == texts(" \n\t\n ") == []


def test_a_long_paragraph_is_cut_between_sentences_in_even_parts() -> None:
    sentences = [f"Sentence number {number} has exactly seven words." for number in range(20)]
    pieces = split(" ".join(sentences), 60)
    assert [piece.words for piece in pieces] == [49, 49, 42]
    assert " ".join(piece.text for piece in pieces) == " ".join(sentences)


def test_a_long_sentence_is_cut_between_words() -> None:
    assert texts("one two three four five six seven", 3) == ["one two three", "four five six", "seven"]


def test_scripts_without_spaces_are_cut_too() -> None:
    pieces = split("今日は天気がいい。" * 40, 100)
    assert all(piece.words <= 100 for piece in pieces)
    assert all(piece.text.endswith("。") for piece in pieces)
    assert "".join(piece.text for piece in pieces) == "今日は天気がいい。" * 40


@given(
    st.text(alphabet=st.sampled_from("ab.!? \n\t\r。今é#\u2028\x0b")) | st.text(),
    st.integers(min_value=1, max_value=20),
)
def test_pieces_are_slices_in_order_that_lose_only_white_space(text: str, most: int) -> None:
    pieces = split(text, most)
    end = 0
    for piece in pieces:
        assert text[piece.offset : piece.offset + len(piece.text)] == piece.text
        assert not text[end : piece.offset].strip()
        assert 0 < piece.words <= most
        end = piece.offset + len(piece.text)
    assert not text[end:].strip()


@given(st.lists(st.text(alphabet="abc", min_size=1, max_size=9), min_size=1, max_size=60), st.integers(1, 9))
def test_no_word_is_cut(words: list[str], most: int) -> None:
    assert [word for piece in split(" ".join(words), most) for word in piece.text.split()] == words


def test_what_a_reader_sees_of_a_page_becomes_paragraphs() -> None:
    page = """<html><head><title>No</title><style>p {}</style></head><body><h1>Tide &amp; time</h1>
    <script>alert("no")</script><p>A <b>short</b>
    walk.</p><ul><li>one<li>two</ul><br>end"""
    assert html_text(page) == "Tide & time\n\nA short walk.\n\none\n\ntwo\n\nend"
