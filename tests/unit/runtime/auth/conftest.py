from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.accounts import SignInParts, open_sign_in


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[SignInParts]:
    async with open_sign_in(tmp_path) as opened:
        yield opened
