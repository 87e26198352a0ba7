"""Node processes in the place of the lab's own; a run that is named like a variant gets broken ones."""

import sys

from tests.lab.variants import VARIANTS

from kkt_adapter.cli import lab_node
from kkt_adapter.lab.fork_server import NodeSpec, serve_forks

COMMAND = (sys.executable, "-m", "tests.lab.variant_nodes")


def run(spec: NodeSpec) -> int:
    if spec.run:
        VARIANTS[spec.run].build()
    return lab_node.run(spec)


if __name__ == "__main__":
    lab_node.import_all()
    serve_forks(run)
