"""Node processes in the place of the lab's own; a run that is named like variants gets broken ones."""

import sys

from tests.lab.variants import VARIANTS, runs

from kkt_adapter.cli import lab_node
from kkt_adapter.lab.fork_server import NodeSpec, serve_forks

COMMAND = (sys.executable, "-m", "tests.lab.variant_nodes")


def run(spec: NodeSpec) -> int:
    for name in runs().get(spec.run, ()):
        VARIANTS[name].build()
    return lab_node.run(spec)


if __name__ == "__main__":
    lab_node.import_all()
    serve_forks(run)
