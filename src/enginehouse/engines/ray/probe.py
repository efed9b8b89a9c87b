"""A short process that says in one word how a cluster answers. Ray takes its settings once, when it is imported."""

import os
import sys
from typing import Final

ANSWERS: Final = "answers"
REFUSES: Final = "refuses"  # who asks has not the token of the cluster
NO_TOKEN: Final = "no_token"  # noqa: S105 -- who asks has none at all
NO_NODE: Final = "no_node"  # this machine is no node of the cluster
AWAY: Final = "away"
_SECONDS: Final = 5.0


def main(address: str) -> str:
    """Returns the word."""
    from ray._private import services  # noqa: PLC0415 -- after the settings
    from ray._raylet import AuthenticationTokenLoader, GcsClient  # noqa: PLC0415
    from ray.exceptions import AuthenticationError, RayError  # noqa: PLC0415

    if os.environ["RAY_AUTH_MODE"] == "token" and not AuthenticationTokenLoader.instance().has_token(
        ignore_auth_mode=True
    ):
        return NO_TOKEN
    try:
        nodes = GcsClient(address=address).get_all_node_info(timeout=_SECONDS)
    except AuthenticationError:
        return REFUSES
    except RayError:
        return AWAY
    here = services.find_node_ids()
    return ANSWERS if any(node_id.hex() in here for node_id in nodes) else NO_NODE


if __name__ == "__main__":
    print(main(sys.argv[1]))  # noqa: T201
