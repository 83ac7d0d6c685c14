// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* state.bpf.c - definitions of what state.bpf.h, marks.bpf.h, names.bpf.h, stacks.bpf.h and target.bpf.h declare. No code. */
#include "stacks.bpf.h"
#include "marks.bpf.h"
#include "names.bpf.h"
#include "target.bpf.h"

struct cpt_tasks_map cpt_tasks SEC(".maps");
struct cpt_cells_map cpt_cells SEC(".maps");
struct cpt_recs_map cpt_recs SEC(".maps");
struct cpt_life_map cpt_life SEC(".maps");
struct cpt_mark_ring_map cpt_mark_ring SEC(".maps");
struct cpt_mark_state_map cpt_mark_shared SEC(".maps");
struct cpt_user_stacks_map cpt_user_stacks SEC(".maps");
struct cpt_kernel_stacks_map cpt_kernel_stacks SEC(".maps");

const volatile __u32 cpt_slots_shift = 10;
const volatile bool cpt_switch_has_state = true;
const volatile bool cpt_occupancy = true;
const volatile __u32 cpt_cpu_words = CPT_MASK_WORDS;
const volatile __u32 cpt_mode = CPT_MODE_TREE;
const volatile __u32 cpt_names_of = CPT_NAMES_ALL;
const volatile __u32 cpt_mark_uid = 0;
const volatile bool cpt_mark_anyone = false;
const volatile bool cpt_mark_endless = false;
const volatile bool cpt_preempt_known = false;
const volatile __s64 cpt_preempt_off = 0;

__u32 cpt_last_id = 0;
__u64 cpt_losses[CPT_LOSS_CNT] = {};
__u32 cpt_any_quiet = 0;
__u64 cpt_quiet[CPT_MASK_WORDS] = {};
__u32 cpt_root_tgid = 0;
__s32 cpt_live_root = 0;
__s32 cpt_live_all = 0;
bool cpt_loop_met = false;
__s64 cpt_regs_off = 0;
struct cpt_leads_map cpt_leads SEC(".maps");
__u32 cpt_tracer_tgid = 0;
__u64 cpt_group_ptr = 0;
__s32 cpt_group_level = 0;
__s32 cpt_group_subsys = -1;
bool cpt_group_moved = false;
__u64 cpt_stack_losses[CPT_STACK_LOSS_CNT] = {};

char LICENSE[] SEC("license") = "Dual BSD/GPL";
