from pathlib import Path

import pytest

from enginehouse.domain.status import TASK
from enginehouse.storage.database import sql
from enginehouse.storage.database.postgres_rows import given
from enginehouse.storage.database.sql import Statements, script, shape, statements
from enginehouse.storage.database.sql_text import BadStatement
from enginehouse.storage.database.sql_words import Dialect

DIALECTS: tuple[Dialect, ...] = ("sqlite", "postgres")


def load(tmp_path: Path, text: str, dialect: Dialect = "sqlite") -> Statements:
    (tmp_path / "thing.sql").write_text(text)
    return statements(dialect, tmp_path)


def test_parameters_are_numbered_in_order_of_appearance_on_postgres(tmp_path: Path) -> None:
    found = load(tmp_path, "-- name: get\nSELECT :b, :a, :b;\n", "postgres")["thing.get"]
    assert found.text == "SELECT $1, $2, $1"
    assert found.params == ("b", "a")


def test_parameters_keep_their_names_on_sqlite(tmp_path: Path) -> None:
    found = load(tmp_path, "-- name: get\nSELECT :b, :a, :b;\n")["thing.get"]
    assert (found.text, found.params) == ("SELECT :b, :a, :b", ("b", "a"))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_comments_and_literals_are_left_alone(tmp_path: Path, dialect: Dialect) -> None:
    text = (
        "-- name: get\n-- :x isn't {a} parameter;\nSELECT ':x {y} ; ''', \"a:b\" -- :z\nFROM t /* :q; */;\n-- the end\n"
    )
    found = load(tmp_path, text, dialect)["thing.get"]
    assert found.text == "SELECT ':x {y} ; ''', \"a:b\"\nFROM t"
    assert found.params == ()


def test_a_list_is_a_subquery_on_sqlite_and_an_array_on_postgresql(tmp_path: Path) -> None:
    text = "-- name: get\n-- lists: ids bigint\nSELECT 1 FROM t WHERE id IN {ids} AND x = :x {for_update};\n"
    assert "json_each(:ids)" in load(tmp_path, text)["thing.get"].text
    found = load(tmp_path, text, "postgres")["thing.get"]
    assert found.text == "SELECT 1 FROM t WHERE id = ANY ($1::bigint[]) AND x = $2 FOR UPDATE"
    assert found.lists == {"ids"}


def test_rows_inserted_as_they_are_are_values_on_sqlite(tmp_path: Path) -> None:
    insert = "INSERT INTO t (x, y, z)\nSELECT r.y, r.x,\n  r.y FROM {rows} r"
    rows = "-- rows: x int, y text\n"
    text = f"-- name: put\n{rows}{insert};\n-- name: put_new\n{rows}{insert} WHERE r.x > 0;\n"
    found = load(tmp_path, text)
    assert found["thing.put"].text == "INSERT INTO t (x, y, z)\nVALUES (?2, ?1, ?2)"
    assert "json_each" in found["thing.put"].each
    assert found["thing.put_new"].text.endswith("FROM (SELECT ?1 AS x, ?2 AS y) r WHERE r.x > 0")
    assert "unnest" in load(tmp_path, text, "postgres")["thing.put"].text


def test_statuses_come_from_the_one_table(tmp_path: Path) -> None:
    found = load(tmp_path, "-- name: set\nUPDATE t SET s = {target:claim} WHERE s IN {status:claim};\n")["thing.set"]
    assert found.text == "UPDATE t SET s = 'running' WHERE s IN ('pending', 'queued', 'running', 'waiting')"
    assert {"pending", "queued", "running", "waiting"} == TASK["claim"].sources


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("-- name: a\nSELECT {unknown};", "{unknown}"),
        ("-- name: a\nSELECT {status:explode};", "{status:explode}"),
        ("-- name: a\nSELECT 1::bigint;", "CAST"),
        ("-- name: a\nSELECT 1;\n-- name: a\nSELECT 2;", "twice"),
        ("-- name: a\nSELECT 1; SELECT 2;", "one statement"),
        ("-- name: a\n-- lists: ids bigint\nSELECT 1;", "not used: ids"),
        ("-- name: a\n-- rows: id bigint\nSELECT 1;", "not used: rows"),
        ("-- name: a\n-- lists: ids bigint\nSELECT :ids, {ids};", "is a list"),
        ("-- name: a\n-- lists: ids uuid\nSELECT {ids};", "ids uuid"),
        ("-- name: a\n-- rows: id bigint\nSELECT :x FROM {rows};", "beside {rows}"),
        ("-- name: a\n-- rows: id bigint\n-- alike: id\nSELECT r.id FROM {rows} r;", "all of its columns"),
        ("-- name: a\n-- rows: id bigint, x int\n-- alike: y\nSELECT r.id FROM {rows} r;", "y is no column"),
        ("-- name: a\n-- alike: y\nSELECT 1;", "y is no column"),
        ("-- name: a\n-- only: mysql\nSELECT 1;", "mysql"),
        ("-- name: A-b\nSELECT 1;", "a-z"),
        ("-- name: a\n-- nothing here\n", "empty"),
        ("SELECT 1;\n-- name: a\nSELECT 1;", "before the first"),
    ],
)
def test_a_wrong_file_is_refused_when_it_is_loaded(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BadStatement) as refused:
        load(tmp_path, text)
    assert says in str(refused.value)
    assert "thing" in str(refused.value)


def test_an_unknown_statement_is_named(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match=r"thing\.get"):
        load(tmp_path, "-- name: put\nSELECT 1;")["thing.get"]


def test_a_block_may_be_for_one_database_only(tmp_path: Path) -> None:
    text = "-- name: a\n-- only: sqlite\nSELECT 1;\n-- name: a\n-- only: postgres\nSELECT 2;\n"
    assert load(tmp_path, text)["thing.a"].text == "SELECT 1"
    assert load(tmp_path, text, "postgres")["thing.a"].text == "SELECT 2"


ADDS = """
-- name: put
-- rows: id bigint, word text
INSERT INTO thing (id, word, again) SELECT r.id, r.word, r.word FROM {rows} r;
-- name: count
-- rows: id bigint, number bigint
INSERT INTO tally (id, number) SELECT r.id, r.number FROM {rows} r WHERE true
ON CONFLICT (id) DO UPDATE SET number = tally.number + excluded.number;
-- name: copy
-- rows: id bigint
INSERT INTO thing (id, word) SELECT r.id, t.word FROM {rows} r JOIN thing t ON t.id = r.id;
-- name: named
-- rows: id bigint
INSERT INTO thing (id) SELECT r.id FROM {rows} r RETURNING id;
-- name: touch
-- rows: id bigint
UPDATE thing SET word = 'x' FROM {rows} r WHERE thing.id = r.id;
-- name: fill
-- rows: id bigint, word text
UPDATE thing SET word = COALESCE(thing.word, r.word) FROM {rows} r WHERE thing.id = r.id AND thing.word <> r.word;
-- name: fill_from
-- rows: id bigint
UPDATE thing SET word = t.word FROM {rows} r JOIN other t ON t.id = r.id WHERE thing.id = r.id;
"""


@pytest.mark.parametrize(
    ("name", "table"), [("put", "thing"), ("count", "tally"), ("copy", None), ("named", None), ("touch", None)]
)
def test_a_statement_that_only_adds_its_rows_is_known(tmp_path: Path, name: str, table: str | None) -> None:
    assert load(tmp_path, ADDS, "postgres")[f"thing.{name}"].writes_to == table


@pytest.mark.parametrize(
    ("body", "table"),
    [
        ("UPDATE thing SET word = COALESCE(thing.word, r.word) FROM {rows} r WHERE thing.id = r.id", "thing"),
        ("DELETE FROM thing WHERE (id, word) IN (SELECT r.id, r.word FROM {rows} r)", "thing"),
        ("UPDATE other SET word = r.word FROM {rows} r WHERE other.id = r.id", None),
        ("UPDATE thing SET word = r.word FROM {rows} r WHERE thing.id = r.id RETURNING thing.id", None),
        ("UPDATE thing SET word = r.word FROM {rows} r JOIN other t ON t.id = r.id WHERE thing.id = r.id", None),
        ("UPDATE thing SET word = (SELECT t.word FROM other t) FROM {rows} r WHERE thing.id = r.id", None),
        ("UPDATE thing SET word = r.word FROM {rows} r WHERE thing.id IN (SELECT t.id FROM other t)", None),
        ("DELETE FROM thing WHERE (id, word) IN (SELECT r.id, t.word FROM {rows} r JOIN other t ON t.id = r.id)", None),
    ],
)
def test_a_statement_that_waits_only_changes_its_rows_of_the_table_that_it_says(
    tmp_path: Path, body: str, table: str | None
) -> None:
    text = f"-- name: a\n-- changes: thing\n-- rows: id bigint, word text\n{body};\n"
    if table is None:
        with pytest.raises(BadStatement, match="more than change or delete rows of thing"):
            load(tmp_path, text, "postgres")
    else:
        assert load(tmp_path, text, "postgres")["thing.a"].writes_to == table
    assert load(tmp_path, text)["thing.a"].writes_to is None


@pytest.mark.parametrize(
    ("body", "table"),
    [
        ("UPDATE thing SET word = :word WHERE id IN {ids}", "thing"),
        ("DELETE FROM thing WHERE id IN {ids} AND word <> :word", "thing"),
        ("UPDATE thing SET word = :word FROM other t WHERE thing.id IN {ids}", None),
        ("UPDATE thing SET word = :word WHERE id IN {ids} RETURNING id", None),
        ("DELETE FROM thing USING other t WHERE thing.id IN {ids} AND t.word = :word", None),
        ("DELETE FROM thing WHERE id IN {ids} AND word IN (SELECT :word)", None),
    ],
)
def test_so_does_one_with_a_list(tmp_path: Path, body: str, table: str | None) -> None:
    text = f"-- name: a\n-- changes: thing\n-- lists: ids bigint\n{body};\n"
    if table is None:
        with pytest.raises(BadStatement, match="more than change or delete rows of thing"):
            load(tmp_path, text, "postgres")
    else:
        assert load(tmp_path, text, "postgres")["thing.a"].writes_to == table


def test_postgresql_gets_what_all_rows_have_as_one_value(tmp_path: Path) -> None:
    text = "-- name: put\n-- rows: id bigint, word text, why document\n-- alike: word why\n"
    text += "INSERT INTO thing (id, word, why) SELECT r.id, r.word, r.why FROM {rows} r;\n"
    put = load(tmp_path, text, "postgres")["thing.put"]
    for rows, alone in (
        ([(1, 'a"b', "c"), (2, 'a"b', "c")], ["{1,2}", 'a"b', "c"]),
        ([(1, None, "c")], ["{1}", None, "c"]),
        ([(1, "a", "c"), (2, "b", "c")], None),
        ([(1, None, "c"), (2, "NULL", "c")], None),
    ):
        written, values = given(put, rows)
        if alone is None:
            assert written == put.text == put.each
            assert "unnest($2::text::text[]) AS word, unnest($3::text[]) AS why" in written
        else:
            assert values == alone
            assert "unnest($1::text::bigint[]) AS id, $2::text AS word, $3::text AS why" in written
    assert load(tmp_path, text)["thing.put"].text_alike == ""


def test_sqlite_inserts_several_rows_at_once(tmp_path: Path) -> None:
    named = load(tmp_path, ADDS)
    assert named["thing.put"].text == "INSERT INTO thing (id, word, again) VALUES (?1, ?2, ?2)"
    assert named["thing.put"].inserts[-1] == (
        4,
        "INSERT INTO thing (id, word, again) VALUES (?1, ?2, ?2), (?3, ?4, ?4), (?5, ?6, ?6), (?7, ?8, ?8)",
    )
    assert named["thing.count"].inserts == ()


def test_sqlite_updates_a_row_without_a_table_of_its_values(tmp_path: Path) -> None:
    named = load(tmp_path, ADDS)
    assert named["thing.fill"].text == (
        "UPDATE thing SET word = COALESCE(thing.word, ?2) WHERE thing.id = ?1 AND thing.word <> ?2"
    )
    assert named["thing.touch"].text == "UPDATE thing SET word = 'x' WHERE thing.id = ?1"
    assert "FROM (SELECT ?1 AS id) r JOIN" in named["thing.fill_from"].text
    assert "json_each" in named["thing.fill"].each


def test_a_script_is_split_and_fitted() -> None:
    text = """
    -- A thing; it's small.
    CREATE TABLE thing (id BIGINT PRIMARY KEY, word TEXT DEFAULT ';') {clustered};
    -- only: postgres
    CREATE SEQUENCE numbers;
    CREATE TABLE log (id {serial});
    """
    assert script(text, "sqlite") == [
        "CREATE TABLE thing (id INTEGER PRIMARY KEY, word TEXT DEFAULT ';') WITHOUT ROWID",
        "CREATE TABLE log (id INTEGER PRIMARY KEY AUTOINCREMENT)",
    ]
    assert script(text, "postgres") == [
        "CREATE TABLE thing (id BIGINT PRIMARY KEY, word TEXT DEFAULT ';')",
        "CREATE SEQUENCE numbers",
        "CREATE TABLE log (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY)",
    ]


# On SQLite there is one query for each lane; on PostgreSQL one round trip for all lanes.
LANE_BY_LANE = {"lanes.settings", "lanes.first", "lanes.unmarked"}
IN_ONE_TRIP = {"lanes.first_of_each", "lanes.unmarked_of_each"}
# An embedded database has one writer, which can look first whether an id is free.
LOOK_FIRST = {"jobs.taken_ids", "jobs.last_barrier", "jobs.insert"}
INSERT_WHAT_IS_FREE = {"jobs.insert_free"}
# There it also looks first whether an item is free, before it leases it.
LEASE_AFTERWARDS = {"work.lease"}
# An embedded database has no other server that could wait.
AMONG_SERVERS = {"schedules.let_go_soon"}
# It also needs no lock, which PostgreSQL takes in the trip of the insert.
UNDER_THE_ONLY_WRITER = {"bulk_cancels.insert"}
WITH_THE_LOCK = {"bulk_cancels.lock_and_insert"}


def test_both_databases_have_the_same_statements_with_the_same_parameters() -> None:
    sqlite, postgres = statements("sqlite"), statements("postgres")
    only_sqlite = LANE_BY_LANE | LOOK_FIRST | LEASE_AFTERWARDS | UNDER_THE_ONLY_WRITER
    assert sqlite.keys() - postgres.keys() == only_sqlite
    assert postgres.keys() - sqlite.keys() == IN_ONE_TRIP | INSERT_WHAT_IS_FREE | AMONG_SERVERS | WITH_THE_LOCK
    for name in sqlite.keys() & postgres.keys():
        statement, other = sqlite[name], postgres[name]
        assert (set(statement.params), statement.columns) == (set(other.params), other.columns), name


FAMILY = """
-- name: list
-- parts: by_name newest
-- lists: names text
SELECT id FROM t
WHERE owner = :owner
-- if: by_name
  AND name IN {names}
-- if: newest
ORDER BY id DESC;
"""


def test_a_family_has_a_statement_for_each_choice_of_its_parts(tmp_path: Path) -> None:
    named = load(tmp_path, FAMILY)
    assert named[shape("thing.list", ())].text == "SELECT id FROM t\nWHERE owner = :owner"
    both = named[shape("thing.list", ("newest", "by_name"))]
    assert both.text.splitlines()[2:] == ["  AND name IN (SELECT value FROM json_each(:names))", "ORDER BY id DESC"]
    assert both.params == ("owner", "names")
    assert both.lists == {"names"}
    assert named["thing.list[]"].params == ("owner",)
    assert list(named) == []


@pytest.mark.parametrize("name", ["thing.list", "thing.list[none]", "thing.other[]", "thing.list[newest;]"])
def test_a_shape_has_only_declared_parts(tmp_path: Path, name: str) -> None:
    with pytest.raises((BadStatement, LookupError)):
        load(tmp_path, FAMILY)[name]


@pytest.mark.parametrize(
    "text",
    [
        "-- rows: a bigint\n-- apart: rows\nSELECT r.a FROM {rows} r ORDER BY r.a;",
        "-- rows: a bigint\n-- apart: rows\nSELECT DISTINCT r.a FROM {rows} r;",
        "-- rows: a bigint\n-- apart: yes\nSELECT r.a FROM {rows} r;",
    ],
)
def test_rows_are_apart_if_nothing_brings_them_together(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadStatement, match="each find their own"):
        load(tmp_path, f"-- name: list\n{text}")


@pytest.mark.parametrize("text", ["-- parts: a b\nSELECT 1;\n-- if: a\n", "SELECT 1\n-- if: a\n  LIMIT 1;\n"])
def test_parts_are_declared_and_used(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadStatement, match="parts declared and not used"):
        load(tmp_path, f"-- name: list\n{text}")


def test_shapes_do_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "_MOST_SHAPES", 2)
    named = load(tmp_path, FAMILY)
    for parts in ((), ("newest",), ("by_name",), ("newest", "by_name")):
        assert named[shape("thing.list", parts)] is named[shape("thing.list", parts)]
    assert len(named._shapes) <= 2
