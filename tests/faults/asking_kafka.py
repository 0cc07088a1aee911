"""A process that asks Kafka how far consumer groups are, as web servers do, from several threads for
as many seconds as it is told; prints how often it was told and how often it was not."""

import os
import sys
import threading
import time

import django

THREADS = 6


def main(seconds: float) -> None:
    django.setup()
    from payments_project.events.consumers import consumers
    from payments_project.events.errors import Postponed
    from payments_project.events.kafka.lag import read_group_lag
    from payments_project.events.kafka.topics import ensure_topics, topics_of
    from payments_project.events.log_reader import EVERYTHING

    ensure_topics(topics_of(EVERYTHING))
    counts = {"told": 0, "postponed": 0}
    end = time.monotonic() + seconds

    def ask() -> None:
        while time.monotonic() < end:
            try:
                read_group_lag(consumers())
                counts["told"] += 1
            except Postponed:
                counts["postponed"] += 1
            except BaseException:
                # Its traceback, and no exit code of 0.
                sys.excepthook(*sys.exc_info())
                os._exit(1)

    threads = [threading.Thread(target=ask) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.stdout.write(f"{counts['told']} {counts['postponed']}\n")


if __name__ == "__main__":
    main(float(sys.argv[1]))
