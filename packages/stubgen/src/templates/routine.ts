/**
 * Templates that call a resident routine. Every routine takes its arguments in EAX, EDX and ECX (gcc's regparm(3)),
 * and may destroy these three and the arithmetic flags; it counts by itself.
 *
 * A stub is: push what is clobbered and live, pushf if flags are live, set up arguments, call, undo in reverse. The
 * instruction's own results are never saved: what the routine leaves in them is the point of it.
 */
import { EAX, EBX, ECX, EDX, ESP } from "@pv/x86-ir";
import type { TemplateGroup } from "../types.js";
import type { StubCode, Register } from "./code.js";
import { ANY_FORM, makeGroup, type Variant } from "./variants.js";

/** Index in the resident table of routines. */
export const Routine = {
  in8: 0,
  in16: 1,
  in32: 2,
  out8: 3,
  out16: 4,
  out32: 5,
  rdmsr: 6,
  wrmsr: 7,
  cpuid: 8,
  rdtsc: 9,
  writeControl: 10,
  readControl: 11,
  cli: 12,
  sti: 13,
  readFlags: 14,
  writeFlags: 15,
} as const;
export type Routine = (typeof Routine)[keyof typeof Routine];

/** "What is known" numbers of the annotation table. */
export const Known = { nothing: 0, port: 1, msr: 2, leaf: 3 } as const;
export type Known = (typeof Known)[keyof typeof Known];

const CALLER_SAVED = (1 << EAX) | (1 << ECX) | (1 << EDX);

interface CallShape {
  readonly kind: number;
  readonly form: number;
  readonly routine: Routine;
  /** Registers that the instruction itself defines. */
  readonly results: readonly Register[];
  readonly known?: Known;
}

/** `setUp` puts arguments into place, `takeDown` results. */
function callGroup(
  { kind, form, routine, results, known = Known.nothing }: CallShape,
  setUp: (code: StubCode, variant: Variant) => void,
  takeDown: (code: StubCode) => void = () => {},
): TemplateGroup {
  const clobbers = results.reduce((mask, r) => mask & ~(1 << r), CALLER_SAVED);
  return makeGroup({ kind, form, clobbers, clobbersFlags: true, known }, (code, variant) => {
    for (const r of variant.save) code.push(r);
    if (variant.saveFlags) code.pushf();
    setUp(code, variant);
    code.call(routine);
    takeDown(code);
    if (variant.saveFlags) code.popf();
    for (const r of variant.save.toReversed()) code.pop(r);
  });
}

/** `in`, bytes / words / doublewords by `width`; the port is in DX or, `immediate`, known from the instruction. */
export function inGroup(kind: number, form: number, width: 1 | 2 | 4, immediate: boolean): TemplateGroup {
  const routine = width === 1 ? Routine.in8 : width === 2 ? Routine.in16 : Routine.in32;
  return portGroup({ kind, form, routine, results: [EAX] }, immediate);
}

/** `out`, as `inGroup`. */
export function outGroup(kind: number, form: number, width: 1 | 2 | 4, immediate: boolean): TemplateGroup {
  const routine = width === 1 ? Routine.out8 : width === 2 ? Routine.out16 : Routine.out32;
  return portGroup({ kind, form, routine, results: [] }, immediate);
}

function portGroup(shape: CallShape, immediate: boolean): TemplateGroup {
  // An immediate port is known at every site: that is no variant, and the hole is always there.
  if (immediate) return callGroup(shape, (code) => code.moveKnown(EDX));
  return callGroup({ ...shape, known: Known.port }, (code, { known }) => {
    if (known) code.moveKnown(EDX);
  });
}

/** `rdmsr`: the index is in ECX. */
export function rdmsrGroup(kind: number): TemplateGroup {
  const shape = { kind, form: ANY_FORM, routine: Routine.rdmsr, results: [EAX, EDX], known: Known.msr };
  return callGroup(shape, (code, { known }) => {
    if (known) code.moveKnown(ECX);
  });
}

/** `wrmsr`: the index is in ECX, the value in EDX:EAX. */
export function wrmsrGroup(kind: number): TemplateGroup {
  const shape = { kind, form: ANY_FORM, routine: Routine.wrmsr, results: [], known: Known.msr };
  return callGroup(shape, (code, { known }) => {
    if (known) code.moveKnown(ECX);
  });
}

/** `cpuid`: the routine gets the address of EAX, EBX, ECX, EDX in memory, in and out. */
export function cpuidGroup(kind: number): TemplateGroup {
  const frame = [EDX, ECX, EBX, EAX];
  const shape = { kind, form: ANY_FORM, routine: Routine.cpuid, results: [EAX, EBX, ECX, EDX], known: Known.leaf };
  return callGroup(
    shape,
    (code, { known }) => {
      if (known) code.moveKnown(EAX);
      for (const r of frame) code.push(r);
      code.stackPointerToEax();
    },
    (code) => {
      for (const r of frame.toReversed()) code.pop(r);
    },
  );
}

/** `rdtsc` */
export function rdtscGroup(kind: number): TemplateGroup {
  return callGroup({ kind, form: ANY_FORM, routine: Routine.rdtsc, results: [EAX, EDX] }, () => {});
}

/** `mov %register, %cr`. Not for ESP, which the stub itself moves. */
export function writeControlGroup(kind: number, form: number, register: Register, control: number): TemplateGroup {
  if (register === ESP) throw new RangeError("no template reads ESP");
  return callGroup({ kind, form, routine: Routine.writeControl, results: [] }, (code) =>
    code.move(register, EAX).moveImmediate(EDX, control),
  );
}

/** `mov %cr, %register`. Not for ESP, on which the stub's own stack stands. */
export function readControlGroup(kind: number, form: number, register: Register, control: number): TemplateGroup {
  if (register === ESP) throw new RangeError("no template writes ESP");
  return callGroup(
    { kind, form, routine: Routine.readControl, results: [register] },
    (code) => code.moveImmediate(EAX, control),
    (code) => code.move(EAX, register),
  );
}
