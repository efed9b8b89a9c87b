"""Guesses the encoding of text that declares none.

Each candidate decodes a sample. Its score is the part of the characters outside ASCII that people of one of its
languages write, and write in this way: Greek letters do not stand inside Latin words. The best candidates come first.
"""

import codecs
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Final

__all__ = ["CONTROL", "CONTROL_BYTES", "detect"]

CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x19\x1c-\x1f\x7f]")  # no text has these
CONTROL_BYTES: Final = re.compile(rb"[\x00-\x08\x0e-\x19\x1c-\x1f\x7f]")

_LETTERS: Final = 2000  # looked at
_LEAST: Final = 0.5  # a worse score is no text
_COMMON, _USUAL, _RARE = 1.0, 0.8, 0.1
_MARKS: Final = dict.fromkeys("“”‘’„‚–—…€«»•", _COMMON) | dict.fromkeys("‹›°§©®™·¿¡´¨¸¹²³½¼¾ºª×№£±\xa0", 0.6)
_LEAST_WIDE: Final = 0.625  # half of the characters are usual, or of the scripts of the others
_WIDE: Final = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")

_WESTERN: Final = (
    "äöüßÄÖÜ",
    "àâçéèêëîïôùûüÿœæÀÂÇÉÈÊËÎÏÔÙÛÜŸŒÆ",
    "áéíñóúüÁÉÍÑÓÚÜ",
    "áâãàçéêíóôõúüÁÂÃÀÇÉÊÍÓÔÕÚÜ",
    "àèéìíòóùúÀÈÉÌÒÙ",
    "åäöæøéÅÄÖÆØÉ",
    "áéíóúýðþæöÁÉÍÓÚÝÐÞÆÖ",
    "àçèéíïòóúüÀÇÈÉÍÏÒÓÚÜ",
    "éëïöüáíóúèÉËÏÖÜ",
)
_CENTRAL: Final = (
    "ąćęłńóśźżĄĆĘŁŃÓŚŹŻ",
    "áčďéěíňóřšťúůýžÁČĎÉĚÍŇÓŘŠŤÚŮÝŽ",
    "áäčďéíĺľňóôŕšťúýžÁÄČĎÉÍĹĽŇÓÔŔŠŤÚÝŽ",
    "áéíóöőúüűÁÉÍÓÖŐÚÜŰ",
    "ăâîşţĂÂÎŞŢ",
    "čćđšžČĆĐŠŽ",
)
_TURKISH: Final = ("çğıöşüâîÇĞİÖŞÜ",)
_BALTIC: Final = ("ąčęėįšųūžĄČĘĖĮŠŲŪŽ", "āčēģīķļņšūžĀČĒĢĪĶĻŅŠŪŽ", "äöõüšžÄÖÕÜŠŽ")
_CYRILLIC: Final = (
    "абвгдежзийклмнопрстуфхцчшщъыьэюяёАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯЁ",
    "абвгґдеєжзиіїйклмнопрстуфхцчшщьюяАБВГҐДЕЄЖЗИІЇЙКЛМНОПРСТУФХЦЧШЩЬЮЯ",
    "абвгдђежзијклљмнњопрстћуфхцчџшАБВГДЂЕЖЗИЈКЛЉМНЊОПРСТЋУФХЦЧЏШ",
)
_GREEK: Final = ("αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩΆΈΉΊΌΎΏ",)
_HEBREW: Final = ("אבגדהוזחטיךכלםמןנסעףפץצקרשת",)
_ARABIC: Final = ("ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىي،؟؛ًٌٍَُِّْ", "آابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهی،؟")
_THAI: Final = ("กขคงจฉชซญณดตถทธนบปผพฟภมยรลวศษสหอะาำิีึืุูเแโใไๆ็่้๊์ั",)
# These scripts share their bytes, so it matters which letters are frequent.
_FREQUENT: Final = frozenset("оеаинтсрвлкмдпуяыьіјיוהלאמרבתשנםαοιετσνηυρπκμλςάέίόήاليمنوتهربدعسفكحقةأى")

# In order: of two with the same score the first is right more often.
_ALPHABETS: Final = {
    "cp1252": _WESTERN,
    "cp1250": _CENTRAL,
    "iso8859-2": _CENTRAL,
    "cp1254": _TURKISH,
    "cp1257": _BALTIC,
    "cp1251": _CYRILLIC,
    "koi8-u": _CYRILLIC,
    "iso8859-5": _CYRILLIC,
    "cp866": _CYRILLIC,
    "cp1253": _GREEK,
    "iso8859-7": _GREEK,
    "mac-roman": _WESTERN,
    "cp437": _WESTERN,
}
_LATER: Final = {"cp1255": _HEBREW, "cp1256": _ARABIC, "iso8859-6": _ARABIC, "cp874": _THAI}  # after East Asia
_FALLBACK: Final = "cp1252"  # nearly every text without an encoding whose letters say nothing
_CHINESE: Final = (
    "的一是不了人我在有他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后小么心多天而能好都然没日于起还"
    "发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知民样现分将外但身些与高意进把法此实回二理美点月明其种声全工"
    "己话儿者向情部正名定女问力机给等几很业最间新什打便位因重被走电四第门相次东政海口使教西再平真听世气信北少关并内加化由却代军产入先山"
    "五太水万市眼体别处总才场师书比住员九笑性通目华报立马命张活难神数件安表原车白应路期叫死常提感金何更反合放做系计或司利受光王果亲界今"
    "绿树木房界"
)
_TRADITIONAL: Final = (
    "的一是不了人我在有他這中大來上國個到說們為子和你地出道也時年得就那要下以生會自著去之過家學對可她里後小麼心多天而能好都然沒日於起還"
    "發成事只作當想看文無開手十用主行方又如前所本見經頭面公同三已老從動兩長知民樣現分將外但身些與高意進把法此實回二理美點月明其種聲全工"
    "話兒者向情部正名定女問力機給等幾很業最間新什打便位因重被走電四第門相次東政海口使教西再平真聽世氣信北少關並內加化由卻代軍產入先山"
    "綠樹木房界今"
)
_KOREAN: Final = (
    "이다는의에하고을가은를한지도로있사기어인그나자서리아들정일부대전시해수라보만스주장제상것으우여과구원안게비동없면조신소공마니거생발무"
    "요성관조유오히러내국선경습세말년개학연용미간행문제회산물분실방당민진교명화않었했던까며야음위와때모중계속현할노적실살차연입치바드"
    "안녕늘날씨좋푸른"
)


def detect(sample: bytes, *, zeros: bool, only: str = "") -> Iterator[str]:
    """Yields the encodings that `sample` may be in, the likeliest first.

    `zeros` means that the text has zero bytes, as only UTF-16 and UTF-32 have. `only` names a family of these two.
    """
    if zeros:
        yield from (name for name in _by_score(_WIDE, sample, _wide_score) if name.startswith(only))
        return
    if b"\x1b$" in sample:
        yield "iso2022_kr" if b"\x1b$)C" in sample else "iso2022_jp_2"
    if CONTROL_BYTES.search(sample):
        yield from _by_score(_WIDE[2:], sample, _wide_score)
        return
    eastern = (name for name in _ideographs() if name != "utf-16")
    names = (*_ALPHABETS, *eastern, *_LATER, *(_WIDE[2:] if len(sample) % 2 == 0 else ()))
    yield from _by_score(names, sample, _score)
    yield _FALLBACK


def _by_score(names: Iterable[str], sample: bytes, score: Callable[[str, str], float]) -> list[str]:
    scores = {name: score(name, text) for name in names if (text := _decoded(name, sample))}
    return sorted((name for name in scores if scores[name] >= _LEAST), key=lambda name: -scores[name])


def _decoded(name: str, sample: bytes) -> str | None:
    try:
        return codecs.getincrementaldecoder(name)("strict").decode(sample, final=False)[:_LETTERS]
    except UnicodeDecodeError:
        return None


def _wide_score(name: str, text: str) -> float:
    """Returns how likely the order of bytes is: in the wrong order most text has characters that do not exist."""
    if CONTROL.search(text) or any(unicodedata.category(character) in ("Cn", "Co") for character in text):
        return 0
    usual = _ideographs()["utf-16"]
    known = sum(character < "\x7f" or character in usual for character in text) / len(text)
    pages = len({ord(character) >> 8 for character in text}) / len(text)  # a script has few
    score = 0.5 + known / 4 + (1 - pages) / 4
    return score if score >= _LEAST_WIDE else 0


def _score(name: str, text: str) -> float:
    if CONTROL.search(text):
        return 0
    weigh = _ideographs().get(name) or _ideographs().get("utf-16" if name in _WIDE else "")
    if weigh is None:
        return max(_alphabet_score(text, alphabet) for alphabet in (_ALPHABETS | _LATER)[name])
    weights = [
        _RARE if weight < _COMMON and _touches_ascii(text, place) else weight
        for place, character in enumerate(text)
        if character > "\x7f"
        for weight in (weigh.get(character, 0 if unicodedata.category(character) == "Co" else _RARE),)
    ]
    return sum(weights) / len(weights) if weights else 0


def _alphabet_score(text: str, alphabet: str) -> float:
    """Returns the part of the characters outside ASCII that people who use this alphabet write, and where they are."""
    letters = frozenset(alphabet)
    is_latin = "A" <= unicodedata.normalize("NFD", alphabet[0])[0] <= "z"
    weights = []
    for place, character in enumerate(text):
        if character <= "\x7f":
            continue
        if character not in letters:
            weights.append(_MARKS.get(character, 0.0))
        elif not is_latin and _touches_ascii(text, place):
            weights.append(_RARE)
        elif character.isupper() and place and text[place - 1].isalpha():
            weights.append(_RARE if text[place - 1].islower() else _USUAL - 0.1)
        else:
            weights.append(_COMMON if is_latin or character.lower() in _FREQUENT else _USUAL)
    return sum(weights) / len(weights) if weights else 0


def _touches_ascii(text: str, place: int) -> bool:
    around = text[max(0, place - 1) : place] + text[place + 1 : place + 2]
    return any(character.isascii() and character.isalpha() for character in around)


@cache
def _ideographs() -> dict[str, dict[str, float]]:
    """Returns for each encoding of East Asia the weights of its characters. Levels are those of its standard."""
    kana = dict.fromkeys(map(chr, range(0x3041, 0x30FD)), _COMMON)
    wide = dict.fromkeys([*map(chr, range(0x3000, 0x3018)), *map(chr, range(0xFF01, 0xFF5F))], _COMMON)
    hangul = _level("euc_kr", 0xB0, 0xC8) | dict.fromkeys(_KOREAN, _COMMON) | wide
    marks = dict.fromkeys("“”‘’—…·", _COMMON)
    japanese = _level("euc_jp", 0xB0, 0xCF) | kana | wide
    simplified = _level("gb2312", 0xB0, 0xD7) | dict.fromkeys(_CHINESE, _COMMON) | wide | marks
    traditional = _level("big5", 0xA4, 0xC6) | dict.fromkeys(_TRADITIONAL, _COMMON) | wide | marks
    return {
        "cp932": japanese,
        "gb18030": simplified,
        "cp949": hangul,
        "cp950": traditional,
        "euc_jp": japanese,
        "utf-16": japanese | hangul | simplified | traditional,
    }


def _level(name: str, first: int, last: int) -> dict[str, float]:
    """Returns the characters of an encoding whose first byte is in this range: the ones in daily use."""
    pairs = (bytes((lead, trail)) for lead in range(first, last + 1) for trail in range(0x40, 0xFF))
    return dict.fromkeys(
        "".join(pair.decode(name, "ignore") for pair in pairs if pair[1] >= 0x80 or name == "big5"), _USUAL
    )
