"""Settings of the tests: the embedded ones, with short gateway leases.

Each pytest worker has a database and a Redis number of its own, named after it.
"""

import os
import re

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
WORKER_NUMBER = int(re.sub(r"\D", "", WORKER) or 0)
os.environ["REDIS_URL"] = re.sub(r"(/\d+)?$", f"/{WORKER_NUMBER}", os.environ["REDIS_URL"], count=1)

from payments_project.settings.local import *  # noqa: E402, F403
from payments_project.settings.local import DATABASES, env  # noqa: E402

TEMPLATE_DATABASE = f"{DATABASES['default']['NAME']}_test_template"
DATABASES["default"]["NAME"] += f"_test_{WORKER}"

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# An unknown outcome may be asked about after 2 seconds rather than 35.
GATEWAY_TIMEOUT_SECONDS = env.int("GATEWAY_TIMEOUT_SECONDS", default=1)
GATEWAY_LEASE_MARGIN_SECONDS = 1
SIMULATOR_CALLBACK_DELAY_SECONDS = 0.0

ELASTICSEARCH_INDEX_PREFIX = f"tests-{WORKER}"
