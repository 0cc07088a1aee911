"""``python -m bench NAME [options]``: runs one bench; ``./dev bench NAME`` brings its engines.

The exit code is 0 if every bar held, 1 if one did not, 2 if the bench could not run.
"""

import argparse
import importlib
import sys

from bench import BENCHES
from bench.environment import BenchError, database_of, use_django
from bench.result import print_result


def main() -> int:
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in BENCHES:
        return _list_benches(name)
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


def _list_benches(name: str) -> int:
    """Shows what there is: on request, or because there is none of that name."""
    asked = name in ("-h", "--help")
    stream = sys.stdout if asked else sys.stderr
    if name and not asked:
        print(f"There is no bench {name}.", file=stream)
    print("usage: ./dev bench NAME [options], where NAME is one of", file=stream)
    for each, purpose in BENCHES.items():
        print(f"  {each:10} {purpose}", file=stream)
    return 0 if asked else 2


if __name__ == "__main__":
    sys.exit(main())
