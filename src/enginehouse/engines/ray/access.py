"""Whether a worker may use a cluster: it must answer, and it must answer only those that have its token.

Whoever reaches a cluster without a token may run code on all its nodes. That a worker has a token says nothing: a
cluster without one takes any. So a process without a token asks too.
"""

import asyncio
import os
import sys
from importlib.util import find_spec
from typing import Final

from enginehouse.engines.ray import probe

MODE: Final = "RAY_AUTH_MODE"
_TOKEN: Final = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
_LISTEN_SECONDS: Final = 3.0
_SECONDS: Final = 15.0  # with the import of Ray

_OPEN: Final = (
    "answers without a token, so whoever reaches it can run code on its nodes. Start its nodes with "
    f"{MODE}=token and a token in RAY_AUTH_TOKEN_PATH, and give the worker the same token. "
    "--allow-open-ray uses it as it is."
)
_KEYLESS: Final = (
    "needs a token. Give the worker that of the cluster: RAY_AUTH_TOKEN_PATH names its file, "
    "or RAY_AUTH_TOKEN has it. `ray get-auth-token --generate` makes one."
)
_NO_NODE: Final = (
    "does not have this machine as a node. A worker runs on one. For one that runs no engine: "
    "ray start --address={address} --num-cpus=0 --num-gpus=0"
)


class ClusterRefused(Exception):
    """The worker does not use the cluster. The message is a sentence that says what to do."""


class NodeMissing(ClusterRefused):
    """The cluster does not have this machine as a node, or not yet."""


async def check(address: str, *, allow_open: bool) -> bool:
    """Returns whether the cluster answers now. Raises ClusterRefused, and NodeMissing without a node on this machine.

    If it does, Ray takes the settings for it when it is imported. Nothing may have imported Ray before.
    """
    if find_spec("ray") is None:
        raise ClusterRefused("--executor ray needs a package that is not installed: pip install 'enginehouse[ray]'")
    if not await _listens(address):
        return False
    with_token, without = await asyncio.gather(_asked(address, token=True), _asked(address, token=False))
    is_open = without in (probe.ANSWERS, probe.NO_NODE)
    if is_open and not allow_open:
        raise ClusterRefused(f"The Ray cluster at {address} {_OPEN}")
    match without if is_open else with_token:
        case probe.ANSWERS:
            os.environ[MODE] = "disabled" if is_open else "token"
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            return True
        case probe.NO_TOKEN:
            raise ClusterRefused(f"The Ray cluster at {address} {_KEYLESS}")
        case probe.REFUSES:
            raise ClusterRefused(f"The Ray cluster at {address} has another token than this worker.")
        case probe.NO_NODE:
            raise NodeMissing(f"The Ray cluster at {address} {_NO_NODE.format(address=address)}")
        case _:
            return False


async def _listens(address: str) -> bool:
    """Returns True if a program listens there. Ray itself would try for long."""
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(_LISTEN_SECONDS):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def _asked(address: str, *, token: bool) -> str:
    """Returns how the cluster answers a process with the worker's token, or without any."""
    environment = {name: value for name, value in os.environ.items() if token or name not in _TOKEN}
    environment[MODE] = "token" if token else "disabled"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", probe.__name__, address),
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), _SECONDS)
    except TimeoutError:
        return probe.AWAY
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    words = said.decode(errors="replace").split()
    return words[-1] if words else probe.AWAY
