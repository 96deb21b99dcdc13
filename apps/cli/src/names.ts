/** What can be named on the command line; apart from what it stands for, so that help need not load it. */
export const MACHINES = ["v86", "qemu"] as const;
export type MachineName = (typeof MACHINES)[number];

/** Every hypervisor profile that this version can build a loader for. */
export const HYPERVISORS = ["bare", "ring3"] as const;
export type Hypervisor = (typeof HYPERVISORS)[number];

/**
 * How a kernel is rewritten for a hypervisor: only one-byte traps where nothing else would trap; stubs that keep everything; stubs that keep
 * what is live.
 */
export const MODES = ["trap", "full", "lean"] as const;
export type Mode = (typeof MODES)[number];
