"""``python -m bench NAME [options]``: runs one bench; ``./dev bench NAME`` brings its engines.

The exit code is 0 if every bar held, 1 if one did not, 2 if the bench could not run.
"""

import argparse
import importlib
import sys

from bench.environment import BenchError, database_of, use_django
from bench.result import print_result

# Imported only when run: a bench imports the product's modules, and they need settings first.
BENCHES = {
    "payments": "payments per second over HTTP against the frozen reference",
    "lists": "pages of a merchant's list at 100 thousand and at 10 million rows",
    "races": "refunds, captures and idempotency keys under concurrency",
    "vault": "tokenising a batch against bare encryption and insert",
    "start": "from a clean clone to the first payment",
}


def main() -> int:
    if len(sys.argv) < 2 or sys.argv[1] not in BENCHES:
        print("usage: python -m bench NAME [options], where NAME is one of")
        for name, purpose in BENCHES.items():
            print(f"  {name:10} {purpose}")
        return 2
    name = sys.argv[1]
    try:
        database = None
        # "start" brings a product of its own, engines included.
        if name != "start":
            database = database_of(name)
            use_django(database)
        module = importlib.import_module(f"bench.{name}")
        parser = argparse.ArgumentParser(prog=f"bench {name}", description=module.__doc__)
        module.add_options(parser)
        result = module.run(parser.parse_args(sys.argv[2:]), database)
    except BenchError as error:
        print(f"bench {name}: {error}", file=sys.stderr)
        return 2
    print_result(result)
    return 0 if result.holds else 1


if __name__ == "__main__":
    sys.exit(main())
