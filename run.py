"""``python run.py`` is ``kkt-adapter serve``; arguments are passed on (``python run.py --demo``)."""

import sys

from kkt_adapter.cli import main

if __name__ == "__main__":
    sys.argv[1:1] = ["serve"]
    main()
