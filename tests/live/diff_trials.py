#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How often `diff` is right, on this machine: the trials of cases_diff.py, many times.

    CPARTRACE=build/cpartrace WORKLOADS=build/workloads HELPERS=build/tests/live/helpers \\
        sudo -E tests/live/diff_trials.py [--trials N] [same] [change] [lock]

Prints one line a trial and one that counts them; status 1 unless the same against itself called nothing
each time, and changes were found in nine of ten.
"""

import argparse
import sys

import cases_diff
import harness
import live

NEEDED = {"same": 1.0, "change": 0.9, "lock": 1.0}


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("which", nargs="*", metavar="TRIAL", default=[])
    options = parser.parse_args(argv)
    if set(options.which) - set(NEEDED):
        parser.error(f"trials are {', '.join(NEEDED)}")
    places = live.places_from_environment()
    if places is None:
        return 2
    harness.become_subreaper()
    failed = False
    for name in options.which or NEEDED:
        right = 0
        for number in range(1, options.trials + 1):
            case = harness.Case(*places)
            try:
                good, found = cases_diff.TRIALS_BY_NAME[name](case)
            except harness.Failed as err:
                good, found = False, str(err)
            finally:
                case.close()
            good = good and not case.findings
            right += good
            print(f"{'ok   ' if good else 'WRONG'} {name} {number}: {found}"
                  f"{' '.join(case.findings)}", flush=True)
        print(f"{name}: right in {right} of {options.trials}", flush=True)
        failed |= right < NEEDED[name] * options.trials
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
