"""Small real files of every type whose text is read, made here: by hand, or with the writer of the same library."""

import io
import zipfile

from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject, NumberObject

_OFFICE = "application/vnd.openxmlformats-officedocument."
DOCX = f"{_OFFICE}wordprocessingml.document"
PPTX = f"{_OFFICE}presentationml.presentation"
XLSX = f"{_OFFICE}spreadsheetml.sheet"
ODT = "application/vnd.oasis.opendocument.text"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
ODP = "application/vnd.oasis.opendocument.presentation"
_W = 'xmlns:w="urn:w" xmlns:mc="urn:mc"'
_ODF = 'xmlns:office="urn:o" xmlns:text="urn:t" xmlns:table="urn:b" xmlns:draw="urn:d"'


def pdf(*pages: str, pictures: bool = False, password: str = "") -> bytes:
    """Returns a PDF file with a line of text on each page, and a picture if wanted. An empty line is no text."""
    writer = PdfWriter()
    font = writer._add_object(
        DictionaryObject(
            {
                NameObject("/Type"): NameObject("/Font"),
                NameObject("/Subtype"): NameObject("/Type1"),
                NameObject("/BaseFont"): NameObject("/Helvetica"),
            }
        )
    )
    for text in pages:
        page = writer.add_blank_page(300, 300)
        resources = DictionaryObject({NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})})
        content = DecodedStreamObject()
        content.set_data(f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET".encode("latin-1") if text else b"")
        if pictures:
            picture = DecodedStreamObject()
            picture.set_data(b"\0\xff\0")
            picture.update({NameObject("/Subtype"): NameObject("/Image"), NameObject("/Width"): NumberObject(1)})
            objects = DictionaryObject({NameObject("/P"): writer._add_object(picture)})
            resources[NameObject("/XObject")] = objects
        page[NameObject("/Resources")] = resources
        page[NameObject("/Contents")] = writer._add_object(content)
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def archive(members: dict[str, str]) -> bytes:
    """Returns a ZIP file."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            how = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            file.writestr(name, content, how)
    return written.getvalue()


def docx(body: str = "") -> bytes:
    """Returns a Word document with a body of XML, or with one that has everything."""
    body = body or (
        "<w:p><w:r><w:t>The </w:t></w:r><w:r><w:t>harbour</w:t><w:tab/><w:t>is old.</w:t></w:r></w:p>"
        "<w:p><w:del><w:r><w:delText>Not this.</w:delText></w:r></w:del>"
        "<w:r><w:instrText>PAGE</w:instrText></w:r></w:p>"
        "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>In a cell.</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"
        "<mc:AlternateContent><mc:Choice><w:p><w:r><w:t>Once.</w:t></w:r></w:p></mc:Choice>"
        "<mc:Fallback><w:p><w:r><w:t>Once.</w:t></w:r></w:p></mc:Fallback></mc:AlternateContent>"
    )
    note = f"<w:footnotes {_W}><w:footnote><w:p><w:r><w:t>A note.</w:t></w:r></w:p></w:footnote></w:footnotes>"
    document = f"<w:document {_W}><w:body>{body}</w:body></w:document>"
    return archive({"word/document.xml": document, "word/footnotes.xml": note})


def pptx() -> bytes:
    """Returns a presentation of eleven slides."""
    slide = '<p:sld xmlns:p="urn:p" xmlns:a="urn:a"><a:p><a:r><a:t>Slide {}.</a:t></a:r></a:p></p:sld>'
    slides = {f"ppt/slides/slide{n}.xml": slide.format(n) for n in range(1, 12)}
    return archive({"ppt/presentation.xml": "<x/>"} | slides)


def xlsx() -> bytes:
    """Returns a workbook with one sheet: a column of numbers, and one of comments."""
    lovely = "<si><r><t>Very </t></r><r><t>lovely food here</t></r><rPh><t>x</t></rPh></si>"
    rows = (
        '<row><c r="A1" t="inlineStr"><is><t>Id</t></is></c><c r="C1" t="s"><v>0</v></c></row>'
        '<row><c r="A2"><v>17</v></c><c r="C2" t="s"><v>1</v></c></row>'
        '<row><c r="A3"><v>18</v></c><c r="C3" t="str"><v>Awful cold soup today!</v></c></row>'
        '<row><c r="A4"><v>19</v></c><c r="C4" t="s"><v>99</v></c></row>'
    )
    return archive(
        {
            "xl/workbook.xml": '<x xmlns:r="urn:r"><sheets><sheet name="Guests" r:id="r1"/></sheets></x>',
            "xl/_rels/workbook.xml.rels": '<x><Relationship Id="r1" Target="worksheets/one.xml"/></x>',
            "xl/sharedStrings.xml": f"<sst><si><t>Comment</t></si>{lovely}</sst>",
            "xl/worksheets/one.xml": f"<worksheet><sheetData>{rows}</sheetData></worksheet>",
        }
    )


def opendocument(body: str, kind: str = ODT) -> bytes:
    """Returns an OpenDocument file with this content."""
    content = f"<office:document-content {_ODF}>{body}</office:document-content>"
    return archive({"mimetype": kind, "content.xml": content})


def odt() -> bytes:
    return opendocument(
        "<office:body><office:text> <text:h>Title</text:h> <text:p>One<text:s/>two<text:line-break/>three."
        "<office:annotation><text:p>No.</text:p></office:annotation></text:p></office:text></office:body>"
    )


def odp() -> bytes:
    page = "<draw:page><draw:frame><text:p>Slide {}.</text:p></draw:frame></draw:page>"
    return opendocument(f"<office:presentation>{page.format(1)}{page.format(2)}</office:presentation>", ODP)


def ods() -> bytes:
    def row(*cells: str) -> str:
        found = "".join(f"<table:table-cell><text:p>{cell}</text:p></table:table-cell>" for cell in cells)
        return f'<table:table-row>{found}<table:table-cell table:number-columns-repeated="16000"/></table:table-row>'

    rows = row("Id", "Comment") + row("1", "Very lovely food here") + row("2", "Awful cold soup today!")
    body = f'<office:spreadsheet><table:table table:name="Guests">{rows}</table:table></office:spreadsheet>'
    return opendocument(body, ODS)


def mail() -> bytes:
    return (
        b"From: a@b.example\r\nTo: c@d.example\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\n'
        b'Content-Type: multipart/alternative; boundary="y"\r\n\r\n'
        b"--y\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        b"Sch=F6n hier.\r\n\r\nBis bald.\r\n--y\r\nContent-Type: text/html\r\n\r\n<p>No.</p>\r\n--y--\r\n"
        b"--x\r\nContent-Type: application/pdf\r\n"
        b"Content-Disposition: attachment; filename=a.pdf\r\n\r\n%PDF\r\n--x--\r\n"
    )
