"""THE composition root: the only place that calls constructors with collaborators.

In: the settings. Out: `Services`, with every part of the product put together.

``product.py`` is the story, and reads top to bottom as the parts list of the product; the other modules put
one part together each. Building opens the database and makes objects; nothing runs before
``Services.start``.
"""

from kkt_adapter.bootstrap.product import Services, build_services
from kkt_adapter.bootstrap.seams import Seams

__all__ = ["Seams", "Services", "build_services"]
