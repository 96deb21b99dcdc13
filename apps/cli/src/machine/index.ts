export type { EndReason, Machine, MachineJob, MachineRun } from "./machine.js";
export { type NormalizedConsole, MEASURED, UNORDERED, normalize, normalizeConsole } from "./normalize.js";
export { qemu } from "./qemu.js";
export { v86 } from "./v86.js";
