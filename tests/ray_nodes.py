"""The nodes of a Ray cluster on this machine, as a program: it reads commands and answers each, a line of JSON each.

`add` starts a node, the head first. `kill` ends one as a power failure would. At the end of its input all are ended.
"""

import json
import os
import sys
from typing import Any

from ray._private import services
from ray.cluster_utils import Cluster


class Nodes:
    """A head and further nodes, by number."""

    def __init__(self) -> None:
        self.cluster = Cluster(shutdown_at_exit=True)
        self.nodes: list[Any] = []

    def add(self, **node: Any) -> dict[str, Any]:
        head = {"include_dashboard": False} if self.cluster.head_node is None else {}
        self.nodes.append(self.cluster.add_node(wait=False, **head, **node))
        # Not wait_for_nodes: it waits until nodes that were killed are missed.
        services.wait_for_node(self.nodes[-1].gcs_address, self.nodes[-1].plasma_store_socket_name, 60)
        [raylet] = self.nodes[-1].all_processes["raylet"]
        return {"address": self.cluster.address, "raylet": raylet.process.pid}

    def kill(self, number: int) -> dict[str, Any]:
        """Its raylet is killed, and nothing else of it is told."""
        [raylet] = self.nodes[number].all_processes["raylet"]
        raylet.process.kill()
        raylet.process.wait()  # a raylet that nobody has waited for seems to live
        self.cluster.worker_nodes.discard(self.nodes[number])
        return {}

    def kill_head(self) -> dict[str, Any]:
        """The head's own process is killed, and its node lives."""
        [gcs] = self.nodes[0].all_processes["gcs_server"]
        gcs.process.kill()
        gcs.process.wait()
        return {}


def main() -> None:
    nodes = Nodes()
    for line in sys.stdin:
        verb, given = json.loads(line)
        sys.stdout.write(json.dumps(getattr(nodes, verb)(**given)) + "\n")
        sys.stdout.flush()
    for node in reversed(nodes.nodes):
        node.kill_all_processes(check_alive=False, allow_graceful=False, wait=True)
    os._exit(0)


if __name__ == "__main__":
    main()
