# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Reports of runs whose answer is known by how they were started: what is wrong with one, a line each.

Owns: what a mask of one CPU, a quota and a convoy must look like, for all who run them: on this machine
(tests/live) and in guests of other kernels (tests/kernels). Must not know: how a run was made.
"""

# Items of the accounts that others than the workload have a part in, on a machine that is not ours alone.
FOREIGN = ("others", "tracer")

# Of the cgroup's own counter of throttled time, how far ours may be off.
QUOTA_AGREEMENT = 0.10

# Of the CPUs' time that the workload does not use, what others must hold for none to be left that is idle while the quota
# throttles, which is half of the time and more. In a guest, where there are no others, one always is.
FOREIGN_SHARE = 0.95


def largest(account_ns, leaving_out=()):
    items = {key: ns for key, ns in account_ns.items() if key not in ("total", *leaving_out)}
    return max(items, key=items.get)


def one_cpu_of_several(report):
    """Threads that compute, all bound to one CPU."""
    demand = report["demand_ns"]
    found = []
    if report["cpus"]["allowed"] != 1:
        found.append(f"allowed {report['cpus']['allowed']} CPUs, not 1")
    if report["ledger_ns"]["parallel"]:
        found.append(f"parallel on one CPU: {report['ledger_ns']}")
    if largest(demand, ("cpus", *FOREIGN)) != "mask":
        found.append(f"the mask is not the largest item of demand: {demand}")
    return found


def quota_of_a_group(report, throttled_ns):
    """A quota that its group's own counter says has throttled it for so long."""
    demand = report["demand_ns"]
    found = []
    if not throttled_ns:
        found.append("the kernel throttled nothing")
    if largest(demand, ("cpus", *FOREIGN)) != "quota":
        found.append(f"the quota is not the largest item of demand: {demand}")
    if abs(demand["quota"] - throttled_ns) > QUOTA_AGREEMENT * throttled_ns:
        found.append(f"throttled for {demand['quota']} ns, by the group's own counter "
                     f"{throttled_ns} ns")
    # Where other tenants have all CPUs, none is idle that could be charged to it.
    budget = report["budget_ns"]
    foreign = sum(budget[item] for item in FOREIGN)
    if not budget["quota"] and foreign < FOREIGN_SHARE * (budget["total"] - budget["used"]):
        found.append(f"no idle CPU is charged to the quota: {budget}")
    return found


def convoy(report):
    """`threads mutex`."""
    locks = report["locks"]
    if not locks or locks[0]["symbol"] != "queue_lock" or locks[0]["word"] != "mutex":
        return [f"its mutex is not the lock most was waited for: {locks[:1]}"]
    return []
