"""One warm Lambda container, as a process: measures the CPU time that a handler takes.

Run without site-packages (`-S`), so that only the given folders and the standard library are seen,
and imports next to nothing itself. The first line of input names the handler and the first event;
what the process has used up when that is answered is the cold start; beside it stand the modules
that it has imported, the garbage collections meanwhile, and whether the collector is on. Then one
JSON line in, one JSON line out: `{"events": […], "count": n, "advance": s, "slices": k}` answers
`count` events, cycling through the given ones; `advance` lets `s` seconds pass before each of them.
They are measured in `k` slices, each with its count and what it took of CPU and of real time.
"""

import gc
import importlib
import json
import sys
import time

real_clock = time.perf_counter
modules_before = frozenset(sys.modules)


class Context:
    """What Lambda tells a handler about itself."""

    function_name = "benchmark"
    memory_limit_in_mb = "256"
    aws_request_id = "6e0c9a4e-5a5b-4b8e-9a55-0f6f1f3b2d10"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:benchmark"

    def get_remaining_time_in_millis(self) -> int:
        return 10_000


def shift_clocks(offset: list[float]) -> None:
    """Let `time.time` and `time.monotonic` run ahead by what `offset[0]` says, in seconds."""
    real_time, real_monotonic = time.time, time.monotonic
    time.time = lambda: real_time() + offset[0]
    time.monotonic = lambda: real_monotonic() + offset[0]


def peak_memory() -> int:
    """Bytes of memory held at most so far."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 - imports nothing
            fields = dict(line.split(":", 1) for line in status)
        return int(fields["VmHWM"].split()[0]) * 1024
    except FileNotFoundError:
        import resource  # noqa: PLC0415 - only where there is no /proc

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def collections() -> int:
    """How often the garbage collector has run so far."""
    return sum(generation["collections"] for generation in gc.get_stats())


def reply(answer: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def main() -> None:
    start = json.loads(sys.stdin.readline())
    sys.path[:0] = start["path"]
    offset = [0.0]
    if start.get("shift_clocks"):
        shift_clocks(offset)
    module, _, name = start["handler"].rpartition(".")
    collected = collections()
    handler = getattr(importlib.import_module(module), name)
    collected = collections() - collected
    context = Context()
    first = handler(start["event"], context)
    cpu = time.process_time()
    reply(
        {
            "cpu": cpu,
            "answer": first,
            "modules": sorted(set(sys.modules) - modules_before),
            "peak_memory": peak_memory(),
            "collections": collected,
            "collects": gc.isenabled(),
        }
    )
    events = [start["event"]]
    for line in sys.stdin:
        request = json.loads(line)
        events = request.get("events", events)
        advance = request.get("advance", 0.0)
        statuses: set[int] = set()
        slices, answered = [], 0
        for number in range(1, request["slices"] + 1):
            until = request["count"] * number // request["slices"]
            count = until - answered
            wall, began = real_clock(), time.process_time()
            while answered < until:
                offset[0] += advance
                statuses.add(handler(events[answered % len(events)], context)["statusCode"])
                answered += 1
            slices.append([time.process_time() - began, real_clock() - wall, count])
        reply(
            {
                "cpu": sum(cpu for cpu, _, _ in slices),
                "slices": slices,
                "statuses": sorted(statuses),
                "peak_memory": peak_memory(),
            }
        )


main()
