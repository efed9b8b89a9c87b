"""What somebody who has mistyped a word may have meant."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final

_MOST: Final = 3


def did_you_mean(word: str, known: Mapping[str, object]) -> str:
    """Returns ` Did you mean …?` with the names of what is known by a word that is much like this one, or nothing.

    `known` has the words, and what each names: a text, or an object that is known by this word only.
    """
    by_fold = {each.casefold(): name if isinstance(name, str) else each for each, name in known.items()}
    near = dict.fromkeys(by_fold[fold] for fold in get_close_matches(word.casefold(), by_fold, n=_MOST))
    return f" Did you mean {' or '.join(near)}?" if near else ""
