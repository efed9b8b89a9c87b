from pathlib import Path

import pytest

from enginehouse.domain.status import TASK
from enginehouse.storage.database.sql import BadStatement, Dialect, Statement, script, statements

DIALECTS: tuple[Dialect, ...] = ("sqlite", "postgres")


def load(tmp_path: Path, text: str, dialect: Dialect = "sqlite") -> dict[str, Statement]:
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


def test_a_list_is_a_subquery_on_both(tmp_path: Path) -> None:
    text = "-- name: get\n-- lists: ids bigint\nSELECT 1 FROM t WHERE id IN {ids} AND x = :x {for_update};\n"
    assert "json_each(:ids)" in load(tmp_path, text)["thing.get"].text
    found = load(tmp_path, text, "postgres")["thing.get"]
    assert found.text == "SELECT 1 FROM t WHERE id IN (SELECT unnest($1::bigint[])) AND x = $2 FOR UPDATE"
    assert found.lists == {"ids"}


def test_statuses_come_from_the_one_table(tmp_path: Path) -> None:
    found = load(tmp_path, "-- name: set\nUPDATE t SET s = {target:claim} WHERE s IN {status:claim};\n")["thing.set"]
    assert found.text == "UPDATE t SET s = 'running' WHERE s IN ('pending', 'queued', 'running')"
    assert {"pending", "queued", "running"} == TASK["claim"].sources


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
# An embedded database has no other server that could wait.
AMONG_SERVERS = {"schedules.let_go_soon"}


def test_both_databases_have_the_same_statements_with_the_same_parameters() -> None:
    sqlite, postgres = statements("sqlite"), statements("postgres")
    assert sqlite.keys() - postgres.keys() == LANE_BY_LANE
    assert postgres.keys() - sqlite.keys() == IN_ONE_TRIP | AMONG_SERVERS
    for name in sqlite.keys() & postgres.keys():
        statement, other = sqlite[name], postgres[name]
        assert (set(statement.params), statement.columns) == (set(other.params), other.columns), name
