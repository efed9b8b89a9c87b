"""A page is its visible words, and no page, however broken, fails or takes longer than its size allows."""

import pytest

from enginehouse.text.captions import caption_text
from enginehouse.text.page import html_text

MANY = 1_000_000  # characters; with a cost that grows faster than the page a test would not end


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<title>no</title><body><h1>One</h1>two <b>th</b>ree<br>four</body>", "One\n\ntwo three\n\nfour"),
        ("<p title=\"a>b\">x</p><p class='<i>'>y</p><a href=it's>z</a>", "x\n\ny\n\nz"),
        ("<SCRIPT>if (a < b) '</p>' + '<!--'</SCRIPT >seen<style>p > b {}</style> too", "seen\n\ntoo"),
        ("<script/>seen<svg/> too<svg><text>no</text></svg>", "seen\n\ntoo"),
        ("a<!-- <p>no</p> -->b<!doctype html><?php no ?>c<![CDATA[no]]>d</>e</ no>f", "abcdef"),
        ("1 < 2 &lt;b&gt; &amp;amp; &#8364; &#x20ac; &euro;x", "1 < 2 <b> &amp; € € €x"),
        ("<nav>no<nav>no</nav>no</nav>seen</nav> too", "seen\n\ntoo"),
        ("<header>no</header><p>seen<footer>no</footer><aside>no</aside> too", "seen\n\ntoo"),
        ("<article><header><h1>seen</h1></header>too<footer>by me</footer></article>", "seen\n\ntoo\n\nby me"),
        ("<div>menu</div><MAIN id=m><p>seen<nav>no</nav></main>no<main>too", "seen\n\ntoo"),
        ("<main></main>seen", "seen"),
        ("a\0b<p>c", "a b\n\nc"),
        ("<p>seen<!-- no", "seen"),
        ("<p>seen<script>no", "seen"),
        ("<p>seen<a href='no>no", "seen"),
        ("<![<!x>seen", "seen"),
        (f"&#{'1' * 5000};&#x{'f' * 5000};&#0;", "\ufffd" * 3),
        ("", ""),
    ],
)
def test_a_page_is_what_a_reader_sees(page: str, text: str) -> None:
    assert html_text(page) == text


@pytest.mark.parametrize(
    "part",
    [
        "<",
        "</",
        "<a ",
        "<a/",
        "<a b",
        "<a b=c d",
        "<a b='",
        "<a b=\"c'",
        "<!",
        "<![",
        "<!--",
        "<?",
        "<script",
        "</a ",
        "&#",
    ],
)
def test_a_hostile_page_costs_what_its_size_allows(part: str) -> None:
    assert html_text(f"<p>seen</p>{part * (MANY // len(part))}").startswith("seen")


@pytest.mark.parametrize("part", ["<", "<v ", "{\\", "00:01 --> ", "\n\n00:01.000 --> 1\n<", "0:0:0", "\n \n", "&#1"])
def test_hostile_captions_cost_what_their_size_allows(part: str) -> None:
    captions = f"00:01.000 --> 00:02.000\nseen &#{'1' * 5000};\n\n{part * (MANY // len(part))}"
    assert caption_text(captions).startswith("seen \ufffd")
