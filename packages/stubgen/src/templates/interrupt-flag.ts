/**
 * Templates for a guest whose interrupt flag is a word in memory. The real flag is always on: what PUSHF pushes has it set, POPF cannot
 * change it, and STI traps, which is how a stub asks for an interrupt that has been waiting.
 */
import { EAX, ECX, EDX } from "@pv/x86-ir";
import type { TemplateGroup } from "../types.js";
import type { StubCode } from "./code.js";
import { emitCount } from "./inline.js";
import { Routine } from "./routine.js";
import { SharedWord } from "./shared.js";
import { ANY_FORM, makeGroup, type Variant } from "./variants.js";

const IF = 0x200;
/** ModRM register number of CS. */
const CS = 1;
/** IF in the second byte of EFLAGS. */
const IF_BYTE = 1;
const IF_IN_BYTE = IF >>> 8;

/** Emits one kind's work; `count` says whether the stub counts its executions. */
export interface Counting {
  readonly count: boolean;
}

export function cliGroup(kind: number, { count }: Counting): TemplateGroup {
  return makeGroup(traits(kind, count, false), (code, variant) => {
    code.storeWord(SharedWord.interruptFlag, 0);
    if (count) emitCount(code, variant);
  });
}

export function stiGroup(kind: number, { count }: Counting): TemplateGroup {
  return makeGroup(traits(kind, count, true), (code, variant) => {
    if (count) emitCount(code, variant);
    code.storeWord(SharedWord.interruptFlag, IF);
    if (!variant.saveFlags) {
      code.compareWordWithZero(SharedWord.pending).skip("je", (trap) => trap.sti());
      return;
    }
    // JECXZ looks at memory without touching a flag.
    for (const r of variant.save) code.push(r);
    code.loadWord(SharedWord.pending, ECX).skip("jecxz", (trap) => trap.sti());
    for (const r of variant.save.toReversed()) code.pop(r);
  });
}

export function pushfGroup(kind: number, { count }: Counting): TemplateGroup {
  return makeGroup(traits(kind, count, true), (code, variant) => {
    // Flags that are live behind the site have to survive the comparison.
    const above = variant.saveFlags ? 4 : 0;
    code.pushf();
    if (variant.saveFlags) code.pushf();
    code
      .compareWordWithZero(SharedWord.interruptFlag)
      .skip("jne", (off) => off.andByteOnStack(above + IF_BYTE, 0xff & ~IF_IN_BYTE));
    if (variant.saveFlags) code.popf();
    if (count) emitCount(code, variant);
  });
}

/**
 * All flags are results, and in front of it they are free: what comes last must leave them alone. The stack is read first, as POPF
 * would: if that faults, nothing has changed.
 */
export function popfGroup(kind: number, { count }: Counting): TemplateGroup {
  return makeGroup(traits(kind, count, false), (code, variant) => {
    code
      .testStackTop(IF)
      .storeWord(SharedWord.interruptFlag, 0)
      .skip("je", (on) =>
        on
          .storeWord(SharedWord.interruptFlag, IF)
          .compareWordWithZero(SharedWord.pending)
          .skip("je", (trap) => trap.sti()),
      )
      .popf();
    if (count) emitCount(code, variant);
  });
}

/** `push %cs` and `push %ss`: the kernel's ring in place of the real one. */
export function pushRingGroup(kind: number, form: number, segment: number, { count }: Counting): TemplateGroup {
  return makeGroup({ ...traits(kind, count, true), form }, (code, variant) => {
    code.pushSegment(segment);
    if (variant.saveFlags) code.pushf();
    code.andByteOnStack(variant.saveFlags ? 4 : 0, 0xfc);
    if (variant.saveFlags) code.popf();
    if (count) emitCount(code, variant);
  });
}

/**
 * An `iret` in a stub returns to the address behind it. It serialises in any ring, if it finds the real CS; the flag in memory is as it
 * was. Counting is free: the flags are on the stack.
 */
export function selfReturnGroup(kind: number, { count }: Counting): TemplateGroup {
  const traits = { kind, form: ANY_FORM, clobbers: 0, clobbersFlags: false, known: 0 };
  return makeGroup(traits, (code) => {
    if (count) code.incrementCounter();
    code.pushSegment(CS).popToStack(4).iret();
  });
}

/** `mov %cr, %register`, from the copy in memory. */
export function readSharedGroup(
  kind: number,
  form: number,
  register: number,
  address: number,
  { count }: Counting,
): TemplateGroup {
  const { clobbers, ...rest } = traits(kind, count, false);
  return makeGroup({ ...rest, form, clobbers: clobbers & ~(1 << register) }, (code, variant) => {
    // In front, because counting may use ECX, which may be the result.
    if (count) emitCount(code, variant);
    code.loadWord(address, register);
  });
}

function traits(kind: number, count: boolean, usesBoth: boolean): Omit<TemplateGroup, "variants"> {
  const clobbers = count || usesBoth;
  return { kind, form: ANY_FORM, clobbers: clobbers ? 1 << ECX : 0, clobbersFlags: clobbers, known: 0 };
}

const CALLER_SAVED = [EAX, ECX, EDX];

/** Everything kept, whatever is live: the comparison that the analyses are measured against. */
function keepAll(code: StubCode, body: (code: StubCode) => void): void {
  code.pushf();
  for (const r of CALLER_SAVED) code.push(r);
  body(code);
  for (const r of CALLER_SAVED.toReversed()) code.pop(r);
  code.popf();
}

const KEPT = (1 + CALLER_SAVED.length) * 4;

function keepingGroup(kind: number, emit: (code: StubCode, variant: Variant) => void): TemplateGroup {
  return makeGroup({ kind, form: ANY_FORM, clobbers: 0, clobbersFlags: false, known: 0 }, emit);
}

/** The routines count by themselves. */
export function keepingFlagGroups(kinds: Readonly<Record<"cli" | "sti" | "pushf" | "popf", number>>): TemplateGroup[] {
  return [
    keepingGroup(kinds.cli, (code) => keepAll(code, (body) => body.call(Routine.cli))),
    keepingGroup(kinds.sti, (code) => keepAll(code, (body) => body.call(Routine.sti))),
    keepingGroup(kinds.pushf, (code) => {
      code.pushf();
      keepAll(code, (body) => body.loadFromStack(KEPT, EAX).call(Routine.readFlags).storeToStack(EAX, KEPT));
    }),
    keepingGroup(kinds.popf, (code) => {
      code.testStackTop(IF); // faults where POPF would
      keepAll(code, (body) => body.loadFromStack(KEPT, EAX).call(Routine.writeFlags));
      code.popf();
    }),
  ];
}
