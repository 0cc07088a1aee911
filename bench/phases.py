"""Measured phases of the payments bench: the product's and the reference's, measured alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.engines import WriteMeter, checkpoint
from bench.environment import Database
from bench.load_process import LoadProcess, LoadRun
from bench.processes import CpuMeter, busy_seconds
from bench.reference import run_reference
from bench.web import Web

LOAD_GENERATOR = "load generator"
# Each begins with a checkpoint, so that no phase meets one and all begin alike. After it the first
# change of a page writes the whole page to the log: once in the minutes between two checkpoints,
# but for most changes of a phase of seconds. The warm-up takes most of it.
WARM_UP_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Phase:
    """What one phase cost, for each payment that it made.

    ``others_share`` is the part of the cores' time that went to processes that are not ours: on a
    machine of one's own it is near nought.
    """

    clients: int
    per_second: float
    payments: int
    p50_ms: float
    p99_ms: float
    failed: int
    failures: list[str]
    cpu_ms: dict[str, float]
    writes: dict[str, float]
    others_share: float

    @property
    def cpu_ms_total(self) -> float:
        """CPU milliseconds per payment of everything together."""
        return sum(self.cpu_ms.values())


@dataclass(frozen=True, slots=True)
class Bench:
    """What the phases of one run share."""

    database: Database
    cores: Sequence[int]
    postmaster: int
    redis: int
    web: Web
    load: LoadProcess
    seconds: float
    merchants: int


def product_phase(bench: Bench, *, clients: int) -> Phase:
    """Payments over HTTP for ``seconds`` after a warm-up, with the workload that is prepared."""
    checkpoint(bench.database)
    bench.load.run(clients=clients, seconds=WARM_UP_SECONDS)
    meters = _Meters(bench, {"web": bench.web.pid, "redis": bench.redis})
    run: LoadRun = bench.load.run(clients=clients, seconds=bench.seconds)
    return meters.phase(
        clients=clients,
        per_second=run.per_second,
        payments=run.answers,
        p50_ms=run.p50_ms,
        p99_ms=run.p99_ms,
        failed=run.failed,
        failures=run.failures,
        load_seconds=run.cpu_seconds,
        elapsed_seconds=run.elapsed_seconds,
    )


def reference_phase(bench: Bench, *, clients: int) -> Phase:
    """The frozen reference for ``seconds`` after a warm-up; pgbench is its load generator."""
    checkpoint(bench.database)
    run_reference(
        database=bench.database,
        clients=clients,
        seconds=WARM_UP_SECONDS,
        merchants=bench.merchants,
        cores=list(bench.cores),
    )
    meters = _Meters(bench, {})
    run = run_reference(
        database=bench.database,
        clients=clients,
        seconds=bench.seconds,
        merchants=bench.merchants,
        cores=list(bench.cores),
    )
    return meters.phase(
        clients=clients,
        per_second=run.payments_per_second,
        payments=run.payments,
        # pgbench tells the mean.
        p50_ms=run.latency_ms,
        p99_ms=0.0,
        failed=0,
        failures=[],
        load_seconds=run.cpu_seconds,
        elapsed_seconds=bench.seconds,
    )


def median_phase(phases: Sequence[Phase]) -> Phase:
    """The median of every figure, each by itself."""

    def medians(tables: Sequence[dict[str, float]]) -> dict[str, float]:
        return {name: median(table.get(name, 0.0) for table in tables) for name in tables[0]}

    return Phase(
        clients=phases[0].clients,
        per_second=median(phase.per_second for phase in phases),
        payments=sum(phase.payments for phase in phases),
        p50_ms=median(phase.p50_ms for phase in phases),
        p99_ms=median(phase.p99_ms for phase in phases),
        failed=sum(phase.failed for phase in phases),
        failures=[failure for phase in phases for failure in phase.failures][:3],
        cpu_ms=medians([phase.cpu_ms for phase in phases]),
        writes=medians([phase.writes for phase in phases]),
        others_share=median(phase.others_share for phase in phases),
    )


class _Meters:
    """All meters of a phase, started now."""

    def __init__(self, bench: Bench, roots: dict[str, int]) -> None:
        self._bench = bench
        self._cpu = CpuMeter(roots=roots, postgres=bench.postmaster)
        self._writes = WriteMeter(bench.database)
        self._writes.start()
        self._busy_before = busy_seconds(bench.cores)
        self._cpu.start()

    def phase(
        self,
        *,
        clients: int,
        per_second: float,
        payments: int,
        p50_ms: float,
        p99_ms: float,
        failed: int,
        failures: list[str],
        load_seconds: float,
        elapsed_seconds: float,
    ) -> Phase:
        seconds = self._cpu.stop() | {LOAD_GENERATOR: load_seconds}
        busy = busy_seconds(self._bench.cores) - self._busy_before
        writes = self._writes.stop()
        each = max(1, payments)
        others = max(0.0, busy - sum(seconds.values()))
        return Phase(
            clients=clients,
            per_second=per_second,
            payments=payments,
            p50_ms=p50_ms,
            p99_ms=p99_ms,
            failed=failed,
            failures=failures,
            cpu_ms={kind: spent * 1000 / each for kind, spent in seconds.items()},
            writes={name: count / each for name, count in writes.items()},
            others_share=others / (elapsed_seconds * len(self._bench.cores)),
        )
