"""The command line of ``./dev``."""

import argparse
import os
import signal
import sys
from typing import Any

from payments_project.local.folder import USUAL
from payments_project.local.terminal import Problem, say, show_problem


def main() -> int:
    """Runs one command; its exit code."""
    # SIGINT too: a shell starts the background jobs of a script with it ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    arguments = sys.argv[1:]
    try:
        # Their arguments are those of the program that they run.
        if arguments[:1] == ["test"]:
            return _test(arguments[1:])
        if arguments[:1] == ["bench"]:
            from payments_project.local import bench

            return bench.run_bench(arguments[1:])
        options, unknown = _parser().parse_known_args(arguments)
        if unknown:
            # Said by the command, where argparse would show the usage of all of them.
            options.parser.error(f"it does not take {' '.join(unknown)}")
        return int(options.run(options) or 0)
    except Problem as problem:
        show_problem(problem)
        return 1
    except KeyboardInterrupt:
        say("Stopped.")
        return 130
    except BrokenPipeError:
        # What read our output is gone, and there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _interrupt(_signal: int, _frame: Any) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev", description="The payment service's one command.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")

    up = commands.add_parser("up", help="start everything and print what to open")
    up.add_argument("--port", type=_port, default=8000, help="of the web server (8000)")
    _data_option(up)
    up.add_argument("--detach", action="store_true", help="return when it is ready")
    up.add_argument("--fresh", action="store_true", help="throw the data away first")
    up.set_defaults(run=_up)

    down = commands.add_parser("down", help="stop what up started")
    _data_option(down)
    down.set_defaults(run=_down)

    status = commands.add_parser("status", help="show the processes, and which were started again")
    _data_option(status)
    status.set_defaults(run=_status)

    stack = commands.add_parser("stack", help="real Kafka and Elasticsearch beside it")
    stack.add_argument("what", choices=["up", "down", "status"])
    _data_option(stack)
    stack.set_defaults(run=_stack)

    commands.add_parser("test", help="run the tests: ./dev test [--stack] [pytest's arguments]")
    check = commands.add_parser("check", help="format, lint, types, layers, migrations, of all")
    check.set_defaults(run=_check)
    commands.add_parser("bench", help="run a benchmark: ./dev bench NAME [its arguments]")

    demo = commands.add_parser("demo", help="walk through the API as a merchant would")
    demo.add_argument("--base-url", help="of another running service")
    _data_option(demo)
    demo.set_defaults(run=_demo)

    lock = commands.add_parser("lock", help="write the lock files after a change of requirements")
    lock.set_defaults(run=_lock)
    secrets = commands.add_parser("secrets", help="print fresh secrets for compose.yaml's .env")
    secrets.set_defaults(run=_secrets)
    usage = commands.add_parser("help", help="show this")
    usage.set_defaults(run=lambda _: parser.print_help())
    for command in commands.choices.values():
        command.set_defaults(parser=command)
    return parser


def _data_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", default=USUAL, help=f"the data folder ({USUAL})")


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text} is not a number between 1 and 65535")
    return int(text)


def _up(options: argparse.Namespace) -> int:
    from payments_project.local import up

    start = up.start_detached if options.detach else up.start
    return start(data=options.data, port=options.port, fresh=options.fresh)


def _down(options: argparse.Namespace) -> int:
    from payments_project.local import up

    return up.stop(data=options.data)


def _status(options: argparse.Namespace) -> int:
    from payments_project.local import status

    return status.show(data=options.data)


def _stack(options: argparse.Namespace) -> int:
    from payments_project.local import stack

    acts = {"up": stack.up, "down": stack.down, "status": stack.status}
    return acts[options.what](data=options.data)


def _test(arguments: list[str]) -> int:
    from payments_project.local import testing

    if {"-h", "--help"} & set(arguments):
        testing.show_usage()
        return 0
    with_stack = "--stack" in arguments
    rest = [argument for argument in arguments if argument != "--stack"]
    return testing.run_tests(rest, with_stack=with_stack)


def _check(_options: argparse.Namespace) -> int:
    from payments_project.local import checks

    return checks.run_checks()


def _demo(options: argparse.Namespace) -> int:
    from payments_project.local import demo

    return demo.run_demo(data=options.data, base_url=options.base_url)


def _lock(_options: argparse.Namespace) -> int:
    from payments_project.local import locking

    return locking.write_locks()


def _secrets(_options: argparse.Namespace) -> int:
    from payments_project.local import secret_values

    return secret_values.print_for_compose()


if __name__ == "__main__":
    sys.exit(main())
