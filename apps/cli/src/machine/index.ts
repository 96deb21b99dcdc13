/** The machines by name. */
import type { Machine } from "./machine.js";
import { qemu } from "./qemu.js";
import { v86 } from "./v86.js";

const BY_NAME = { v86, qemu } as const;
export type MachineName = keyof typeof BY_NAME;
export const MACHINES = Object.keys(BY_NAME) as [MachineName, ...MachineName[]];

export function machineNamed(name: MachineName): Machine {
  return BY_NAME[name];
}
