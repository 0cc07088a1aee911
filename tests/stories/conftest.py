"""A story's merchant."""

import pytest

from tests.api_client import Api
from tests.stories.story import Story


@pytest.fixture
def story(api: Api) -> Story:
    """Of the merchant's test key; a dispute costs it 15.00 in USD, and nothing in others."""
    return Story(api)
