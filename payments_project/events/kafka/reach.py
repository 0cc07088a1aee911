"""How far a member of a consumer group has come, partition by partition.

It asks how far the relays are and where each of its partitions ends; when it has passed such an
end, it has handled everything of that partition that was written before. Ends are asked of the
brokers by the admin client, which is no question to a group's coordinator (see ``lag``).
"""

import time
from collections.abc import Callable, Mapping
from datetime import datetime

from confluent_kafka import OFFSET_INVALID, KafkaException, TopicPartition
from confluent_kafka import Consumer as KafkaConsumer
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from payments_project.events.consumers import Consumer
from payments_project.events.kafka.clients import make_admin
from payments_project.events.reach import EVERY_SECONDS, write_reach

ASKED_SECONDS_MAX = 5.0
# Ends that were not passed by then are asked for anew: partitions come and go.
GIVEN_UP_SECONDS = 30.0

_Place = tuple[str, int]
_LATEST: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]


class KafkaReach:
    """For one member of a consumer group; ``look`` is called between batches."""

    def __init__(
        self,
        consumer: Consumer,
        kafka: KafkaConsumer,
        *,
        relays_reach: Callable[[], datetime | None],
    ) -> None:
        self._consumer = consumer
        self._kafka = kafka
        self._relays_reach = relays_reach
        self._admin: AdminClient | None = None
        self._moment: datetime | None = None
        self._ends: dict[_Place, int] = {}
        self._asked_at = 0.0

    def look(self) -> None:
        """Writes down what is reached; raises ``KafkaException``, the database's errors and
        what the consumer's ``show`` does."""
        if self._moment is not None and self._ends:
            passed = [place for place, end in self._positions().items() if end >= self._ends[place]]
            if passed:
                if self._consumer.show is not None:
                    self._consumer.show()
                sources = [f"{topic}/{partition}" for topic, partition in passed]
                write_reach(self._consumer.name, self._moment, sources)
                for place in passed:
                    del self._ends[place]
        since = time.monotonic() - self._asked_at
        if (not self._ends and since > EVERY_SECONDS) or since > GIVEN_UP_SECONDS:
            self._ask()

    def _ask(self) -> None:
        self._asked_at = time.monotonic()
        # First the time, then the ends: what was written before it lies before them.
        self._moment = self._relays_reach()
        assigned = self._kafka.assignment()
        if self._moment is None or not assigned:
            self._ends = {}
            return
        if self._admin is None:
            self._admin = make_admin()
        asked = self._admin.list_offsets(
            {TopicPartition(each.topic, each.partition): _LATEST for each in assigned},
            request_timeout=ASKED_SECONDS_MAX,
        )
        self._ends = {
            (place.topic, place.partition): done.result(ASKED_SECONDS_MAX).offset
            for place, done in asked.items()
        }

    def _positions(self) -> Mapping[_Place, int]:
        """Where this member is in those of its partitions whose ends it waits for."""
        mine = [
            TopicPartition(each.topic, each.partition)
            for each in self._kafka.assignment()
            if (each.topic, each.partition) in self._ends
        ]
        found = {(each.topic, each.partition): each.offset for each in self._kafka.position(mine)}
        unknown = [place for place, offset in found.items() if offset == OFFSET_INVALID]
        if unknown:
            found |= self._committed(unknown)
        return found

    def _committed(self, places: list[_Place]) -> dict[_Place, int]:
        """Of partitions that nothing was read of since they became this member's. Where nothing was
        ever committed, all is read if there is nothing."""
        asked = [TopicPartition(*place) for place in places]
        found = {}
        for each in self._kafka.committed(asked, ASKED_SECONDS_MAX):
            if each.error:
                raise KafkaException(each.error)
            found[each.topic, each.partition] = max(each.offset, 0)
        return found
