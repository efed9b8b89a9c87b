"""A worker reads inputs and stores outputs directly at the store: the server gives it addresses, and then looks.

It needs a store that has addresses, and a server that gives them away (`--artifacts-redirect`). Otherwise there is no
address, and the bytes go through the server.
"""

from typing import Final

from enginehouse.artifacts.integrity import Expected
from enginehouse.artifacts.store import Stored
from enginehouse.domain.artifact import Artifact, Asset
from enginehouse.domain.errors import InvalidInput, NotFound
from enginehouse.domain.work import Lease
from enginehouse.operations import attempt_bytes
from enginehouse.operations.house import REDIRECT_SECONDS, House
from enginehouse.storage import attempt_outputs
from enginehouse.storage.attempt_outputs import UploadedOutput
from enginehouse.storage.database.database import Tx

LARGEST: Final = 5 << 30  # bytes of one PUT to S3


async def input_address(house: House, stored: Artifact | Asset) -> str | None:
    """Returns where a worker reads the bytes, None for at this server. Raises NotFound, IntegrityError."""
    if stored.key is None or stored.size is None or stored.sha256 is None:
        return None
    return await house.address(Expected(stored.key, stored.size, stored.sha256))


async def output_address(house: House, held: Lease, name: str, size: int, sha256: str, md5: str) -> str | None:
    """Returns where the worker puts these bytes, None for at this server. `store` ends the upload.

    Only this attempt writes under the key, which has its fencing token. Raises InvalidInput for a wrong name, and if
    other bytes were uploaded under it.
    """
    key = attempt_bytes.output_key(held, name)
    await attempt_bytes.refuse_other_bytes(house, key, sha256)
    if not house.limits.redirect or size > min(LARGEST, house.limits.signed_upload_bytes):
        return None
    address = await house.store.upload_address(key, REDIRECT_SECONDS)
    if address is not None:
        new = UploadedOutput(key, size, sha256, md5)
        await house.database.write(lambda tx: attempt_outputs.put(tx, (held.key, held.token), new, is_expected=True))
    return address


async def store_output(house: House, held: Lease, name: str) -> Stored:
    """The bytes that the worker has put at its address are an upload like any other. Again, it changes nothing.

    The store compares no digest: the size is compared here, and the SHA-256 before anybody reads the bytes. Raises
    InvalidInput if the worker has no address for this name, or if the bytes are not there.
    """
    key = attempt_bytes.output_key(held, name)

    async def find(tx: Tx) -> tuple[UploadedOutput | None, UploadedOutput | None]:
        return (await attempt_outputs.by_keys(tx, [key])).get(key), await attempt_outputs.expected(tx, key)

    done, expected = await house.database.read(find)
    if done is not None:
        return Stored(*done)
    if expected is None:
        raise InvalidInput("no address was given for this output.", "name")
    try:
        size = (await house.store.stat(key)).size
    except NotFound:
        size = -1
    if size != expected.size:
        raise InvalidInput(f"the store does not have these {expected.size} bytes; send them again.", "name")
    await house.database.write(lambda tx: attempt_outputs.put(tx, (held.key, held.token), expected))
    return Stored(*expected)
