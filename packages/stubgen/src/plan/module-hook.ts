/**
 * Where the kernel can be watched loading a module. Linux calls `module_finalize` of its architecture once for each module, when
 * all of it is relocated and in place and nothing of it has run, and what comes back is what will run (kernel/module/main.c,
 * post_relocation; arch/x86/kernel/module.c patches alternatives, return thunks and locks inside). Name and arguments (ELF header, section
 * headers, module) have been the same since Linux 2.6.0.
 *
 * What is looked for is not the function but the one instruction that calls it: leading that elsewhere displaces nothing, and the
 * function's own entry belongs to the function tracer.
 */
import { Flow, type Program } from "@pv/x86-ir";
import type { SymbolLookup } from "../rules/copied-code.js";
import type { PatchPlans } from "../types.js";

const MODULE_FINALIZE = "module_finalize";
const CALL_SIZE = 5;

/** Low 32 bits of addresses. */
export interface ModuleHook {
  /** A call or jump of five bytes, in no patch's window. */
  readonly call: number;
  /** The function that it leads to. */
  readonly target: number;
}

/** Why a kernel has no module hook. */
export const NO_MODULE_HOOK = {
  "no-function": `no symbol ${MODULE_FINALIZE}: it loads no modules, or in a way that is not known here`,
  "no-call": `no direct call of ${MODULE_FINALIZE}, or more than one`,
  "in-window": "the call is in a window that a patch replaces",
} as const;

/** The hook, or why there is none. Cost: one pass over the jumps and calls. */
export function findModuleHook(
  { instructions }: Program,
  symbols: Pick<SymbolLookup, "lookup"> | undefined,
  plans: PatchPlans,
): ModuleHook | keyof typeof NO_MODULE_HOOK {
  const target = symbols?.lookup(MODULE_FINALIZE);
  if (target === undefined) return "no-function";
  const { transfers, flow, address, length } = instructions;
  const calls = transfers.filter(
    (i) => instructions.target[i] === target && (flow[i] === Flow.call || flow[i] === Flow.jump),
  );
  const [i] = calls;
  if (i === undefined || calls.length > 1 || length[i] !== CALL_SIZE) return "no-call";
  const call = address[i];
  for (let patch = 0; patch < plans.count; patch++) {
    const start = plans.start[patch];
    if (start < call + CALL_SIZE && call < start + plans.length[patch]) return "in-window";
  }
  return { call, target };
}
