#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What watching event loops costs.

    sudo tests/bench/loop_cost.py [--rounds 15] [--scale 1] [--load KEY] [--json FILE]

Each round runs each load untraced and recorded with --loops off, auto and on, one after another; the
order rotates from round to round. A figure is the median over rounds of a ratio of two runs of one
round, with the 95 % interval of the sign test: of the time on the wall by the load's own word, and of
the load's own CPU time, which says the same on a machine that others use, too.

What is asked:
  getppid, cpu   nothing is attached for programs without loops: auto / off, the upper end below 1.03
  echo           64 connections on one loop, the full model: on / untraced at most 1.10
"""

import argparse
import json
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import figures  # noqa: E402
import loads  # noqa: E402
import measure  # noqa: E402
import recorders  # noqa: E402

NO_COST, ECHO_COST = 1.03, 1.10
LOADS = ("getppid", "cpu", "echo")
HOW = ("off", "auto", "on")


class WithLoops(recorders.Cpartrace):
    """cpartrace record, with --loops as told."""

    def __init__(self, program, how):
        super().__init__(program, "record")
        self.key = self.how = how
        self.label = f"record --loops {how}"

    def command(self, directory, load):
        argv = super().command(directory, load)
        return [*argv[:2], "--loops", self.how, *argv[2:]]


def one_run(recorder, load, bench_load, directory):
    try:
        facts = measure.run(recorder, load.argv, bench_load, directory)
        return {"wall": load.elapsed_ns(facts["output"]), "cpu": facts["load_cpu_ns"],
                "lost": facts.get("lost"), "bytes": facts.get("bytes")}
    except (measure.Failed, ValueError) as err:
        print(f"loop_cost: {load.key}, {recorder.label}: {err}", file=sys.stderr)
        return None
    finally:
        recorder.clean_up(directory)


def run_rounds(load, rounds, program, bench_load, directory):
    order = [recorders.Untraced("untraced", "untraced"), *(WithLoops(program, how) for how in HOW)]
    found = []
    for number in range(rounds):
        turn = number % len(order)
        found.append({recorder.key: one_run(recorder, load, bench_load, directory)
                      for recorder in order[turn:] + order[:turn]})
    return found


def ratio(rounds, above, below, what):
    return figures.summary([one[above][what] / one[below][what] for one in rounds
                            if one.get(above) and one.get(below)])


def show(series):
    if not series:
        return "not measured"
    return f"{series['median']:.3f} ({series['low']:.3f} to {series['high']:.3f})"


def measure_load(load, args, directory):
    rounds = run_rounds(load, args.rounds, args.cpartrace, args.load_program, directory)
    result = {"load": load.key, "rounds": args.rounds, "runs": rounds}
    pairs = [("auto", "off"), ("on", "off"), ("off", "untraced"), ("auto", "untraced"),
             ("on", "untraced")]
    print(f"{load.label}: {args.rounds} rounds")
    for above, below in pairs:
        name = f"{above}/{below}"
        result[name] = {what: ratio(rounds, above, below, what) for what in ("wall", "cpu")}
        print(f"  {name:15} {show(result[name]['wall'])} on the wall, "
              f"{show(result[name]['cpu'])} in CPU time")
    lost = sum(run["lost"] or 0 for one in rounds for run in one.values() if run)
    print(f"  lost records: {lost}")
    return result


def verdicts(results):
    """(text, whether it holds) of what is asked, by either time: noise of others is on the wall."""
    for result in results:
        if result["load"] == "echo":
            name, key, limit = "on/untraced", "median", ECHO_COST
        else:
            name, key, limit = "auto/off", "high", NO_COST
        best = min((series[key] for series in result[name].values() if series), default=None)
        if best is not None:
            yield f"{result['load']} {name} {key} {best:.3f}, asked {limit}", best <= limit


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--load", action="append", choices=LOADS)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--cpartrace", default=os.path.join(HERE, "../../build/cpartrace"))
    parser.add_argument("--load-program",
                        default=os.path.join(HERE, "../../build/tests/bench/bench_load"))
    args = parser.parse_args(argv)
    args.cpartrace, args.load_program = map(os.path.abspath, (args.cpartrace, args.load_program))
    known = {load.key: load
             for load in loads.all_loads(args.load_program, args.scale, os.cpu_count())}
    with tempfile.TemporaryDirectory(prefix="cpartrace-bench-") as directory:
        results = [measure_load(known[key], args, directory) for key in args.load or LOADS]
    failed = False
    for text, holds in verdicts(results):
        print(f"{'holds' if holds else 'DOES NOT HOLD'}: {text}")
        failed |= not holds
    if args.json:
        with open(args.json, "w", encoding="utf-8") as out:
            json.dump(results, out, indent=1)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
