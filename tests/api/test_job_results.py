"""`GET /api/v1/jobs/{JobID}/results`: what the engines of a job found, in each form, or why it cannot be shown."""

from typing import Final

from tests.api.clients import Api

from enginehouse.domain import ids

AION: Final = b'{"language":"de","series":[{"startTimeMs":0,"stopTimeMs":900,"words":[{"word":"Hallo."}]}]}'
FEELING: Final = b'{"sentiment":{"positiveValue":0.5,"negativeValue":0.1},"vendor":{"sentences":1,"sentencesJudged":1}}'


async def test_the_result_of_a_job_is_read_in_each_form(api: Api) -> None:
    job_id = await api.edge.create()
    documents = (("a.json", "application/json", AION), ("b.json", "application/json", FEELING))
    await api.edge.run_one(("noise.wav", "audio/wav", b"RIFF"), *documents)
    path = f"jobs/{job_id}/results"
    found = await api.v1.get(path)
    assert found.headers["content-type"] == "application/json"
    assert found.json() == {
        "languages": {"de": 0},
        "sentiment": {"positive": 0.5, "negative": 0.1, "sentences": 1, "judged": 1},
        "transcript": [{"startMs": 0, "stopMs": 900, "text": "Hallo."}],
    }
    subtitles = await api.v1.get(f"{path}?format=srt")
    assert subtitles.text == "1\n00:00:00,000 --> 00:00:00,900\nHallo.\n"
    assert subtitles.headers["content-type"] == "application/x-subrip"
    number = ids.parse_job(job_id)
    assert number is not None
    assert subtitles.headers["content-disposition"] == f'attachment; filename="{ids.job_graphql(number)}.srt"'
    assert "language   de\nsentiment  positive" in (await api.v1.get(f"{path}?format=txt")).text
    whole = (await api.v1.get(f"{path}?format=aion")).json()
    assert (whole["language"], whole["vendor"]["enginehouse"]["chunkCount"]) == ("de", 2)
    assert (await api.v1.get(f"{path}?format=aion&output=b.json")).content == FEELING


async def test_what_the_output_writer_has_collated_is_the_result(api: Api) -> None:
    job_id = await api.edge.create()
    await api.edge.run_one(("a.json", "application/json", FEELING), ("vtn-standard-1.json", "application/json", AION))
    assert (await api.v1.get(f"jobs/{job_id}/results?format=aion")).content == AION
    assert "sentiment" not in (await api.v1.get(f"jobs/{job_id}/results")).json()


async def test_a_result_that_cannot_be_shown_says_why(api: Api) -> None:
    job_id = await api.edge.create()
    noise, other = ("noise.wav", "audio/wav", b"RIFF"), ("a.json", "application/json", b'{"other":1}')
    await api.edge.run_one(noise, other, ("b.json", "application/json", FEELING))
    for query, status, words in (
        ("?format=pdf", 400, 'format: one of aion, csv, json, srt, ttml, txt, vtt, got \\"pdf\\".'),
        (
            "?format=srt",
            400,
            "format: one of aion, csv, json, txt, got srt; nothing in the result has words with times.",
        ),
        ("?output=no.json", 404, 'Output \\"no.json\\" was not found.'),
        ("?output=noise.wav", 400, 'output: a JSON document, got \\"noise.wav\\" (audio/wav).'),
        ("?output=a.json", 404, "has published no AION document"),
    ):
        refused = await api.v1.get(f"jobs/{job_id}/results{query}")
        assert (refused.status_code, words in refused.text) == (status, True), refused.text
