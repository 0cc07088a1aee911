"""Keeping a search index: one that is lost is made and filled anew, by itself."""

import logging

from django.conf import settings

from analytics.models import SearchIndex
from analytics.services.rebuild_search import rebuild_search_index
from payments_project.single_run import single_run

logger = logging.getLogger(__name__)

# Of one run; the next one goes on. With a last batch it ends before CELERY_TASK_TIME_LIMIT.
SECONDS_MAX = 200
JOB = "keep_search_index"


def keep_search_index() -> str | None:
    """Sees to it that there is a live index: notices one that is gone or that nobody made, goes on
    filling one that was begun, has searches lead to the live one, and deletes those that were
    replaced. Says what it did; None if another run is at it. Raises ``Postponed`` while Elasticsearch is away."""
    if not settings.ELASTICSEARCH_URL:
        return "there is no Elasticsearch"
    with single_run(JOB, seconds=SECONDS_MAX + 90) as keep:
        if keep is None:
            return None
        return _keep()


def _keep() -> str:
    from analytics.search.elastic import indices
    from analytics.search.elastic.client import later_if_away

    with later_if_away():
        for index in SearchIndex.objects.exclude(state=SearchIndex.RETIRED):
            if not indices.index_exists(index.name):
                logger.warning("search index %s is gone", index.name)
                indices.forget_index(index.name)
        deleted = indices.delete_retired()
        live = SearchIndex.objects.filter(state=SearchIndex.LIVE).first()
        building = SearchIndex.objects.filter(state=SearchIndex.BUILDING).exists()
        if live is not None:
            indices.point_alias(live.name)
        if live is not None and not building:
            return f"{live.name} is live" + (f", {len(deleted)} deleted" if deleted else "")
        is_done = rebuild_search_index(seconds_max=SECONDS_MAX)
    return "a new index is live" if is_done else "a new index is being filled"
