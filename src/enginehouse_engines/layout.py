"""Puts the lines that were seen on a page together into paragraphs, in the order in which people read them."""

from dataclasses import dataclass
from typing import NamedTuple

_NEXT_LINE = 0.9  # of a line's height: a larger gap ends the paragraph
_SAME_LINE = 2.5  # of a line's height: two pieces that are as close are one line
_SAME_SIZE = 1.5  # the larger of two lines of one paragraph is at most so much larger


class Line(NamedTuple):
    """A line of text, how sure it is, and its edges as fractions of the page."""

    text: str
    confidence: float
    left: float
    top: float
    right: float
    bottom: float

    @property
    def height(self) -> float:
        return max(self.bottom - self.top, 1e-6)


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines that belong together. A page is 1 wide and 1 high."""

    text: str
    confidence: float
    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)


def paragraphs(lines: list[Line]) -> list[Paragraph]:
    """Returns the paragraphs of a page. A wide gap, another size of letters and another column begin a new one."""
    groups: list[list[Line]] = []
    for line in _whole(_in_order(lines)):
        for group in reversed(groups):
            if _follows(line, group[-1]):
                group.append(line)
                break
        else:
            groups.append([line])
    return [_paragraph(group) for group in groups]


def _in_order(lines: list[Line]) -> list[Line]:
    """Returns the lines from top to bottom, and those at one height from left to right."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda one: one.top):
        if rows and (line.top + line.bottom) / 2 < rows[-1][0].bottom:
            rows[-1].append(line)
        else:
            rows.append([line])
    return [line for row in rows for line in sorted(row, key=lambda one: one.left)]


def _whole(pieces: list[Line]) -> list[Line]:
    """Returns the lines of which these are pieces: close to one another, and at one height."""
    lines: list[Line] = []
    for piece in pieces:
        for place, line in enumerate(lines):
            first, second = sorted((line, piece), key=lambda one: one.left)
            level = min(line.bottom, piece.bottom) - max(line.top, piece.top) > 0.6 * min(line.height, piece.height)
            # Fractions of a page that is higher than wide make a gap look larger, so columns stay apart.
            if level and -0.01 < second.left - first.right < _SAME_LINE * min(line.height, piece.height) / 2:
                lines[place] = _joined([first, second], " ")
                break
        else:
            lines.append(piece)
    return lines


def _follows(line: Line, last: Line) -> bool:
    small, large = sorted((line.height, last.height))
    overlap = min(line.right, last.right) - max(line.left, last.left)
    return -0.5 * small < line.top - last.bottom < _NEXT_LINE * small and large < _SAME_SIZE * small and overlap > 0


def _joined(lines: list[Line], between: str) -> Line:
    text = between.join(line.text.strip() for line in lines)
    confidence = sum(line.confidence for line in lines) / len(lines)
    edges = [*zip(*(line[2:] for line in lines), strict=True)]
    return Line(text, confidence, min(edges[0]), min(edges[1]), max(edges[2]), max(edges[3]))


def _paragraph(lines: list[Line]) -> Paragraph:
    whole = _joined(lines, "\n")
    return Paragraph(_flowing(whole.text), whole.confidence, whole[2:])


def _flowing(text: str) -> str:
    """Returns the lines as one, with words that were parted at the end of a line in one piece."""
    words = ""
    for line in text.split("\n"):
        if words.endswith("-") and words[-2:-1].isalpha() and line[:1].islower():
            words = words[:-1] + line
        else:
            words = f"{words} {line}" if words else line
    return words
