"""``python -m kkt_adapter``."""

from kkt_adapter.cli import main

if __name__ == "__main__":
    main()
