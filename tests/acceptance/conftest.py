"""One real server for each module of acceptance tests."""

from collections.abc import Iterator

import pytest
from tests.acceptance.servers import Server, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("data")) as up:
        yield up
