"""Paragraphs, sentences, and the coarse guess of a language."""

import pytest

from enginehouse_engines.prose import LANGUAGES, guess_language, paragraphs, sentences, stop_words, words


def test_paragraphs_are_what_blank_lines_part() -> None:
    assert paragraphs("one\nstill one\n \n\n two \n") == ["one still one", "two"]


@pytest.mark.parametrize(
    ("paragraph", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("Mr. Dashwood met J. Austen. They spoke.", ["Mr. Dashwood met J. Austen.", "They spoke."]),
        ("It cost 3.50 in all. Cheap, e.g. Nothing.", ["It cost 3.50 in all.", "Cheap, e.g. Nothing."]),
        ('"Is it dry?" he asked. "Yes." She left.', ['"Is it dry?" he asked.', '"Yes."', "She left."]),
        ("¿Funciona? ¡Sí! Élla vive aquí.", ["¿Funciona?", "¡Sí!", "Élla vive aquí."]),
        ("港です。静かです。", ["港です。", "静かです。"]),
        ("Wait… what", ["Wait… what"]),
        ("", []),
    ],
)
def test_sentences_end_at_their_marks_and_not_at_abbreviations(paragraph: str, expected: list[str]) -> None:
    assert sentences(paragraph) == expected


def test_what_runs_on_without_a_mark_is_cut_between_words() -> None:
    endless = " ".join(["harbour"] * 1_000)
    found = sentences(endless)
    assert " ".join(found) == endless
    assert max(len(piece) for piece in found) <= 1_000


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("the house of the pumps is by the sea", "en"),
        ("la casa de las bombas está junto al mar", "es"),
        ("l'eau de la mer n'est pas dans l'usine", "fr"),
        ("das Haus der Pumpen ist nicht weit von der See", "de"),
        ("la casa delle pompe è vicino all'acqua del mare", "it"),
        ("a casa das bombas não fica longe do mar", "pt"),
        ("het huis van de pompen is niet ver van de zee", "nl"),
        ("strojovna je u moře a není to daleko od města", "cs"),
        ("vanha satama on hiljainen eikä kukaan ihaile sitä", None),
        ("harbour engine house pumps gauge chimney", None),
    ],
)
def test_small_words_give_a_language_away(text: str, language: str | None) -> None:
    assert guess_language(words(text)) == language


def test_every_language_has_its_list_and_others_have_none() -> None:
    assert all(len(stop_words(language)) > 150 for language in LANGUAGES)
    assert stop_words("fi") == frozenset()
