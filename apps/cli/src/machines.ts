/** The machines by name. */
import { qemu, v86, type Machine } from "./machine/index.js";
import type { MachineName } from "./names.js";

const BY_NAME: Readonly<Record<MachineName, Machine>> = { v86, qemu };

export function machineNamed(name: MachineName): Machine {
  return BY_NAME[name];
}
