"""Writes the messages that send the outputs of tasks, in the transaction that accepts them."""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from enginehouse.domain.job import Plan
from enginehouse.domain.webhooks import outputs
from enginehouse.domain.webhooks.delivery import DeliveryKind
from enginehouse.domain.work import ItemKey, NewArtifact
from enginehouse.storage.database.database import Tx
from enginehouse.storage.outbox import messages
from enginehouse.storage.outbox.messages import NewMessage

_json: Final = msgspec.json.Encoder().encode


async def record(
    tx: Tx, published: Iterable[tuple[ItemKey, NewArtifact]], plans: Mapping[int, Plan], owners: Mapping[int, int]
) -> None:
    """Writes one message for each output and address. It has no bytes: they are read when it is sent."""
    rows = list[NewMessage]()
    for key, output in published:
        addresses = outputs.addresses(plans[key.job_id], key.ordinal) if key.job_id in plans else []
        if not addresses:
            continue
        body = _json(outputs.reference(key, output)).decode()
        rows += [
            NewMessage(
                organization_id=owners[key.job_id],
                kind=DeliveryKind.OUTPUT,
                subscription_id=None,
                url=outputs.url(address, key, output, tx.now),
                event=outputs.EVENT,
                job_id=key.job_id,
                ordinal=key.ordinal,
                body=body,
                receiver=address,
            )
            for address in addresses
        ]
    if rows:
        await messages.insert(tx, rows)
