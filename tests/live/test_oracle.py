#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The oracle itself against timelines drawn by hand. Needs no root and no perf."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import oracle  # noqa: E402

ROOT, CHILD, THREAD, OTHER = 100, 101, 102, 900


class Timeline:
    """Draws a list of events. Times are in units of 1,000 ns, from 0 on; those of switches are of
    the record of the leaving. The event is written 400 ns before, and the record of the coming
    500 ns behind."""

    def __init__(self):
        self.events = []

    def add(self, when, cpu, current, *rest):
        self.events.append((int(when * 1000), cpu, current) + rest)
        return self

    def switch(self, when, cpu, prev, nxt, state="S", seen=True, told=True, work=0.4):
        """seen: there is an event; told: there is a record of the leaving, `work` behind the event."""
        if seen:
            self.add(when, cpu, prev, oracle.SWITCH, prev, state, nxt, f"t{prev}")
            when += work
        else:
            when += work / 2  # half of what is usual: what the oracle takes for it
        if told:
            self.add(when, cpu, prev, oracle.OUT, "R" if state[0] == "R" else "S", nxt)
        if nxt != 0:
            self.add(when + 0.5, cpu, nxt, oracle.IN)
        return self

    def wake(self, when, tid, by=0, cpu=0):
        return self.add(when, cpu, by, oracle.WAKE, tid)

    def fork(self, when, cpu, parent, child, thread=False):
        self.add(when, cpu, parent, oracle.NEWTASK, child, oracle.CLONE_THREAD if thread else 0)
        return self.add(when + 1, cpu, parent, oracle.WAKE_NEW, child)

    def exec_(self, when, cpu, tid, old_tid=None):
        return self.add(when, cpu, tid, oracle.EXEC, tid, tid if old_tid is None else old_tid)

    def account(self, root=ROOT):
        self.events.sort(key=lambda event: event[0])
        return oracle.Account(self.events, root)

    def figures(self, *span):
        return self.account().figures(*span)


def started():
    """The root comes to CPU 0 at 0 and execs at 10."""
    return Timeline().switch(0, 0, 0, ROOT).switch(0, 1, 0, 0).exec_(10, 0, ROOT)


class OracleTest(unittest.TestCase):
    def test_window_is_first_exec_to_last_switch_out(self):
        f = started().exec_(30, 0, ROOT).switch(110, 0, ROOT, 0, "X").figures()
        self.assertEqual((f["start_ns"], f["end_ns"]), (10_000, 110_000))
        self.assertEqual(f["profile_ns"], [0, 100_000])
        self.assertEqual(f["cpu_time_ns"], 100_000)

    def test_two_at_once_are_parallel_and_children_belong_to_the_family(self):
        t = started().fork(20, 0, ROOT, CHILD).switch(30, 1, 0, CHILD)
        t.switch(80, 1, CHILD, 0, "X").switch(110, 0, ROOT, 0, "X")
        f = t.figures()
        self.assertEqual(f["profile_ns"], [0, 50_000, 50_000])
        self.assertEqual(f["processes"], 2)
        self.assertEqual({th["tid"]: th["running_ns"] for th in f["threads"]},
                         {ROOT: 100_000, CHILD: 50_000})

    def test_window_ends_with_the_root_process_and_cuts_survivors(self):
        t = started().fork(20, 0, ROOT, CHILD).switch(30, 1, 0, CHILD)
        t.switch(60, 0, ROOT, 0, "X").switch(200, 1, CHILD, 0, "X")
        f = t.figures()
        self.assertEqual(f["end_ns"], 60_000)
        self.assertEqual(f["profile_ns"], [0, 20_000, 30_000])

    def test_window_lasts_as_long_as_any_thread_of_the_root_process(self):
        t = started().fork(20, 0, ROOT, THREAD, thread=True).switch(30, 1, 0, THREAD)
        t.switch(60, 0, ROOT, 0, "Z").switch(200, 1, THREAD, 0, "X")
        f = t.figures()
        self.assertEqual(f["end_ns"], 200_000)
        self.assertEqual(f["processes"], 1)

    def test_strangers_are_not_counted_but_their_theft_is(self):
        t = started().switch(50, 0, ROOT, OTHER, "R").switch(70, 0, OTHER, ROOT)
        f = t.switch(110, 0, ROOT, 0, "X").figures()
        self.assertEqual(f["profile_ns"], [20_000, 80_000])
        self.assertEqual(f["disturbed_ns"], 20_000)
        self.assertEqual(f["foreign_ns"], 20_000)

    def test_a_stranger_on_a_cpu_no_ready_task_uses_disturbs_nobody(self):
        t = started().fork(11, 0, ROOT, THREAD, thread=True)
        t.switch(20, 1, 0, OTHER).switch(50, 0, ROOT, THREAD, "R")
        t.switch(90, 0, THREAD, ROOT, "X").switch(100, 1, OTHER, 0).switch(110, 0, ROOT, 0, "X")
        f = t.figures()
        self.assertEqual(f["disturbed_ns"], 0)
        self.assertEqual(f["foreign_ns"], 80_000)
        # THREAD was ready from 12 to 50, ROOT from 50 to 90, always while the other ran.
        self.assertEqual(f["interleaved_ns"], 38_000 + 40_000)

    def test_a_blocked_task_is_ready_only_from_its_wake(self):
        t = started().switch(50, 0, ROOT, OTHER).wake(60, ROOT, by=OTHER)
        f = t.switch(70, 0, OTHER, ROOT).switch(110, 0, ROOT, 0, "X").figures()
        self.assertEqual(f["threads"][0]["runnable_ns"], 10_000)
        self.assertEqual(f["disturbed_ns"], 10_000)
        self.assertEqual(f["none_but_ready_ns"], 10_000)

    def test_a_wake_before_the_switch_out_makes_it_ready_from_the_switch_out(self):
        t = started().wake(49, ROOT, by=7, cpu=1).switch(50, 0, ROOT, 0)
        f = t.switch(70, 0, 0, ROOT).switch(110, 0, ROOT, 0, "X").figures()
        self.assertEqual(f["threads"][0]["runnable_ns"], 20_000)

    def test_a_wake_that_ended_no_block_is_corrected_by_the_next(self):
        t = started().wake(30, ROOT, by=7, cpu=1).switch(50, 0, ROOT, 0)
        t.wake(65, ROOT).switch(70, 0, 0, ROOT).switch(110, 0, ROOT, 0, "X")
        self.assertEqual(t.figures()["threads"][0]["runnable_ns"], 5_000)

    def turns_from_idle(self, seen, told):
        t = started().fork(20, 0, ROOT, CHILD)
        for at in (30, 40, 50, 60, 70):
            t.switch(at, 1, 0, CHILD, seen=seen, told=told).switch(at + 5, 1, CHILD, 0)
            t.wake(at + 8, CHILD, by=ROOT)
        return t.switch(110, 0, ROOT, 0, "X").figures()

    def test_an_unseen_switch_is_mended_by_the_record_of_the_leaving(self):
        f = self.turns_from_idle(seen=False, told=True)
        self.assertEqual(f["profile_ns"], [0, 75_000, 25_000])
        self.assertEqual((f["mends"], f["guesses"], f["unmended_ns"]), (5, 0, 0))

    def test_one_without_it_is_put_before_the_record_of_the_coming(self):
        f = self.turns_from_idle(seen=False, told=False)
        self.assertEqual(f["profile_ns"], [0, 75_000, 25_000])
        self.assertEqual((f["mends"], f["guesses"], f["unmended_ns"]), (0, 5, 0))
        self.assertEqual(f["in_late_ns"], 700)

    def late_record(self, *runtimes, idle_from=25):
        """A task ready from 21 comes in on an idle CPU at 30, without an event; the record is at 330 only."""
        t = started().fork(20, 0, ROOT, CHILD).switch(idle_from, 1, OTHER, 0, told=False)
        t.add(330, 1, CHILD, oracle.IN)
        for at, ns in runtimes:
            t.add(at, 1, CHILD, oracle.RUNTIME, CHILD, ns)
        return t.switch(360, 1, CHILD, 0).switch(410, 0, ROOT, 0, "X").figures()

    def test_a_guess_is_put_where_the_kernel_says_it_began(self):
        f = self.late_record((345, 315_000), (359.8, 15_000))
        self.assertEqual(f["profile_ns"], [0, 70_000, 330_000])
        self.assertEqual(f["threads"][1]["runnable_ns"], 9_000)
        self.assertEqual((f["guesses"], f["moved"]), (1, 1))

    def test_and_not_before_it_was_ready_nor_the_cpu_idle_nor_by_what_is_usual(self):
        late = self.late_record()["profile_ns"]
        self.assertEqual(self.late_record((359.8, 500_000))["profile_ns"], [0, 65_000, 335_000])
        self.assertEqual(self.late_record((359.8, 500_000), idle_from=15)["profile_ns"], [0, 61_000, 339_000])
        self.assertEqual(self.late_record((359.8, 220_000))["profile_ns"], late)
        self.assertAlmostEqual(late[2], 30_000, delta=2_500)

    def test_one_with_an_event_alone_is_where_that_is(self):
        t = started().switch(50, 0, ROOT, 0, told=False, work=0).switch(70, 0, 0, ROOT)
        f = t.switch(110, 0, ROOT, 0, "X").figures()
        self.assertEqual(f["profile_ns"], [20_000, 80_000])
        self.assertEqual((f["mends"], f["guesses"]), (0, 0))

    def test_half_the_work_done_at_events_is_taken_for_one_without(self):
        # Tracers take 3 us between an event and the record, and half of that where there is no event.
        t = started().fork(11, 0, ROOT, CHILD)
        for at in range(20, 100, 10):
            t.switch(at, 1, 0, CHILD, seen=at >= 90, work=3).wake(at + 8, CHILD, by=ROOT)
            t.switch(at + 5, 1, CHILD, 0, work=3)
        f = t.switch(110, 0, ROOT, 0, "X", work=3).figures()
        self.assertEqual(f["profile_ns"], [0, 60_000, 40_000])
        self.assertEqual((f["mends"], f["guesses"]), (7, 0))

    def test_a_task_that_left_unseen_is_owned_up_to(self):
        t = started().switch(40, 0, ROOT, OTHER, seen=False, told=False)
        f = t.switch(60, 0, OTHER, ROOT).switch(110, 0, ROOT, 0, "X").figures()
        self.assertEqual(f["cpu_time_ns"], 80_000)
        self.assertEqual(f["unmended_ns"], 30_000)

    def test_one_that_left_for_idle_unseen_is_found_by_idles_record(self):
        t = started().add(50, 0, 0, oracle.IN).switch(70, 0, 0, ROOT).switch(110, 0, ROOT, 0, "X")
        f = t.figures()
        self.assertEqual((f["guesses"], f["unseen"]), (1, 0))
        self.assertAlmostEqual(f["unmended_ns"], 40_000, delta=2_000)

    def test_a_task_that_left_and_another_that_came_unseen_are_owned_up_to(self):
        t = started().switch(60, 0, OTHER, ROOT).switch(110, 0, ROOT, 0, "X")
        f = t.figures()
        self.assertEqual((f["guesses"], f["unseen"], f["unmended_ns"]), (0, 1, 50_000))

    def test_an_event_whose_task_left_without_a_record_takes_none_of_a_later_switch(self):
        t = started().switch(50, 0, ROOT, OTHER, told=False, work=0)
        t.switch(70, 0, OTHER, ROOT, seen=False, told=False)
        f = t.switch(90, 0, ROOT, 0, seen=False).figures()
        self.assertEqual((f["profile_ns"], f["mends"]), ([20_000, 60_000], 1))

    def test_a_task_whose_leaving_has_a_record_is_known_to_want_more(self):
        t = started().switch(40, 0, ROOT, OTHER, "R", seen=False).switch(60, 0, OTHER, ROOT)
        f = t.switch(110, 0, ROOT, 0, "X").figures()
        self.assertEqual((f["cpu_time_ns"], f["unmended_ns"]), (80_000, 0))
        self.assertEqual(f["threads"][0]["runnable_ns"], 20_000)

    def test_a_task_past_its_release_leaves_by_its_event(self):
        t = started().fork(20, 0, ROOT, THREAD, thread=True).switch(30, 1, 0, THREAD)
        t.switch(50, 1, THREAD, 0, "X", told=False).add(50, 1, -1, oracle.OUT, "S", 0)
        f = t.switch(110, 0, ROOT, 0, "X").figures()
        self.assertEqual(f["profile_ns"], [0, 80_000, 20_000])
        self.assertEqual((f["mends"], f["guesses"]), (0, 0))

    def test_and_without_an_event_by_the_record_alone(self):
        t = started().fork(20, 0, ROOT, THREAD, thread=True).switch(30, 1, 0, THREAD)
        t.add(50.2, 1, -1, oracle.OUT, "S", 0).add(50.7, 1, -1, oracle.IN)
        f = t.switch(110, 0, ROOT, 0, "X").figures()
        self.assertEqual(f["profile_ns"], [0, 80_000, 20_000])
        self.assertEqual((f["mends"], f["guesses"]), (1, 0))

    def test_the_delays_are_those_of_what_follows_a_switch(self):
        t = Timeline()
        for at in range(0, 100, 10):
            t.add(at, 0, 0, oracle.SWITCH, 0, "R", OTHER, "swapper")
            t.add(at + 2, 0, 0, oracle.OUT, "R", OTHER)
            t.add(at + (2.7 if at else 2.9), 0, OTHER, oracle.IN)
            # One that never gets a record of its own comes, and goes.
            t.add(at + 4, 0, OTHER, oracle.OUT, "S", 7)
        self.assertEqual(oracle.record_delays(t.events), (2_000, 700))

    def test_a_reused_tid_is_another_task(self):
        t = started().fork(20, 0, ROOT, CHILD).switch(30, 1, 0, CHILD)
        t.switch(40, 1, CHILD, 0, "X")
        t.fork(50, 1, OTHER, CHILD).switch(60, 1, 0, CHILD).switch(70, 1, CHILD, 0, "X")
        f = t.switch(110, 0, ROOT, 0, "X").figures()
        self.assertEqual(f["cpu_time_ns"], 110_000)
        self.assertEqual(len(f["threads"]), 2)

    def test_exec_by_another_thread_keeps_the_task(self):
        t = started().fork(20, 0, ROOT, THREAD, thread=True).switch(30, 1, 0, THREAD)
        t.switch(40, 0, ROOT, 0, "Z").exec_(60, 1, ROOT, THREAD).switch(110, 1, ROOT, 0, "X")
        f = t.figures()
        self.assertEqual(f["cpu_time_ns"], 110_000)
        self.assertEqual((f["mends"], f["end_ns"]), (0, 110_000))

    def test_a_span_is_cut_out_of_the_window(self):
        t = started().fork(20, 0, ROOT, CHILD).switch(30, 1, 0, CHILD)
        t.switch(80, 1, CHILD, 0, "X").switch(110, 0, ROOT, 0, "X")
        f = t.figures(70_000, 90_000)
        self.assertEqual(f["profile_ns"], [0, 10_000, 10_000])
        self.assertEqual(f["window_ns"], 20_000)
        with self.assertRaises(oracle.OracleError):
            t.figures(200_000, 300_000)

    def test_a_pid_without_exec_is_refused(self):
        with self.assertRaises(oracle.OracleError):
            started().switch(20, 0, ROOT, 0).account(root=4242)


class ParseTest(unittest.TestCase):
    LINES = [
        " 5581 [000]  1676.000000010:       sched:sched_switch: prev_comm=a b prev_pid=5581 "
        "prev_prio=120 prev_state=R+ ==> next_comm=x next_pid=0 next_prio=120\n",
        " 5581 [001]  1676.000000020: PERF_RECORD_SWITCH_CPU_WIDE OUT          "
        "next pid/tid:     0/0    \n",
        " 5581 [001]  1676.000000025: PERF_RECORD_SWITCH_CPU_WIDE OUT preempt  "
        "next pid/tid:     7/7    \n",
        " 5582 [001]  1676.000000030: PERF_RECORD_SWITCH_CPU_WIDE IN           "
        "prev pid/tid:     0/0    \n",
        "   -1 [001]  1676.000000035: PERF_RECORD_SWITCH_CPU_WIDE IN           "
        "prev pid/tid:  5582/5582 \n",
        "    0 [001]  1676.000000040: sched:sched_waking: comm=w pid=9 pid=5579 prio=120 "
        "target_cpu=001\n",
        "   -1 [001]  1676.000000050: sched:sched_wakeup_new: comm=sh pid=7 prio=120 "
        "target_cpu=000\n",
        " 5581 [001]  1676.000000060: sched:sched_process_exec: filename=/bin/a b pid=3 "
        "old_pid=4\n",
        " 5581 [001]  1676.000000070: task:task_newtask: pid=3923 comm=sh clone_flags=1200000 "
        "oom_score_adj=0\n",
        " 5581 [001]  1676.000000080: sched:sched_stat_runtime: comm=a pid=7 b pid=5581 runtime=4711 [ns]\n",
    ]

    def test_every_kind_of_line_is_read(self):
        base = 1_676_000_000_000
        self.assertEqual(list(oracle.parse_script(self.LINES)), [
            (base + 10, 0, 5581, oracle.SWITCH, 5581, "R+", 0, "a b"),
            (base + 20, 1, 5581, oracle.OUT, "S", 0),
            (base + 25, 1, 5581, oracle.OUT, "R", 7),
            (base + 30, 1, 5582, oracle.IN),
            (base + 35, 1, -1, oracle.IN),
            (base + 40, 1, 0, oracle.WAKE, 5579),
            (base + 50, 1, -1, oracle.WAKE_NEW, 7),
            (base + 60, 1, 5581, oracle.EXEC, 3, 4),
            (base + 70, 1, 5581, oracle.NEWTASK, 3923, 0x1200000),
            (base + 80, 1, 5581, oracle.RUNTIME, 5581, 4711),
        ])

    def test_a_line_end_in_a_name_does_not_break_the_record(self):
        broken = self.LINES[0].replace("a b", "a\nb")
        events = list(oracle.parse_script(broken.splitlines(keepends=True)))
        self.assertEqual(events[0][7], "a\nb")

    def test_lost_events_are_fatal(self):
        for line in (" 1 [000] 5.000000001: PERF_RECORD_LOST lost 4\n",
                     "PERF_RECORD_LOST lost 4\n"):
            with self.assertRaises(oracle.EventsLost):
                list(oracle.parse_script(self.LINES + [line]))

    def test_what_cannot_be_read_is_refused(self):
        for line in (" 1 [000] 5.000000001: sched:sched_switch: gibberish\n",
                     " 1 [000] 5.000000001: sched:sched_other: comm=x\n",
                     " 1 [000] 5.000000001: PERF_RECORD_SWITCH_CPU_WIDE OUT gibberish\n"):
            with self.assertRaises(oracle.OracleError):
                list(oracle.parse_script([line]))
        with self.assertRaises(oracle.OracleError):
            list(oracle.parse_script(["no head at all\n"]))


if __name__ == "__main__":
    unittest.main()
