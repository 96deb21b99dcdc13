/** The machines by name. */
import { qemu, v86, type Machine } from "./machine/index.js";

const BY_NAME = { v86, qemu } as const satisfies Record<string, Machine>;
export type MachineName = keyof typeof BY_NAME;
export const MACHINES = Object.keys(BY_NAME) as [MachineName, ...MachineName[]];

export function machineNamed(name: MachineName): Machine {
  return BY_NAME[name];
}
