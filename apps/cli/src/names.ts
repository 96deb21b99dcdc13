/** What can be named on the command line; apart from what it stands for, so that help need not load it. */
export const MACHINES = ["v86", "qemu"] as const;
export type MachineName = (typeof MACHINES)[number];

/** Every hypervisor profile that this version can build a loader for. */
export const HYPERVISORS = ["bare"] as const;
export type Hypervisor = (typeof HYPERVISORS)[number];
