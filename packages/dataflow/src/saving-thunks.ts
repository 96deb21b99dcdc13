/**
 * Thunks that save every caller-saved register around a call of compiled C, the result register included: what is called from code that
 * the compiler takes for free of calls (preemption points: arch/x86/entry/thunk_32.S and thunk_64.S).
 *
 * Recognised by their whole body, straight on: a frame perhaps, pushes of distinct registers, one call, the same registers popped in
 * reverse, a return. Static-call trampolines that jump to such a thunk count as well: whatever is put in its place has the same callers.
 */
import { Flow, type Program } from "@pv/x86-ir";
import { CONVENTIONS } from "./conventions.js";

/** Addresses that, called, save all: thunks and trampolines. */
export function savingThunks(program: Program): Uint32Array {
  const { functions, facts, instructions } = program;
  const saving = new Set<number>();
  for (let f = 0; f < functions.count; f++)
    if (functions.traced[f] === 0 && savesAll(program, functions.entryInstruction[f])) saving.add(functions.entry[f]);
  for (const va of facts.replaceable) {
    const i = instructions.at(va);
    if (i >= 0 && instructions.flow[i] === Flow.jump && saving.has(instructions.target[i])) saving.add(va);
  }
  return Uint32Array.from(saving);
}

function savesAll({ instructions, facts }: Program, entry: number): boolean {
  const { bits, flow, target } = instructions;
  const { callerSaved } = CONVENTIONS[bits];
  const saved: number[] = [];
  let isCalled = false,
    hasFrame = false;
  // Every instruction either saves, restores or is one of five more.
  let i = entry;
  for (let steps = 0; steps < 2 * instructions.bits && i >= 0 && i < instructions.count; steps++) {
    const bytes = instructions.bytesOf(i);
    switch (flow[i]) {
      case Flow.call:
        if (isCalled || instructions.at(target[i]) < 0 || !callerSaved.every((r) => saved.includes(r))) return false;
        isCalled = true;
        i++;
        continue;
      case Flow.jump:
        if (facts.returnThunks.includes(target[i])) return isCalled && saved.length === 0 && !hasFrame;
        i = instructions.at(target[i]);
        continue;
      case Flow.return:
        return isCalled && saved.length === 0 && !hasFrame;
      case Flow.next:
        break;
      default:
        return false;
    }
    const rex = bits === 64 && (bytes[0] & 0xf0) === 0x40 ? bytes[0] : 0;
    const opcode = rex === 0 ? bytes[0] : bytes[1];
    const register = (opcode & 7) | ((rex & 1) << 3);
    if (opcode >= 0x50 && opcode < 0x58 && bytes.length === (rex === 0 ? 1 : 2)) {
      if (isCalled || saved.includes(register)) return false;
      if (register === FRAME && saved.length === 0) hasFrame = true;
      else saved.push(register);
    } else if (opcode >= 0x58 && opcode < 0x60 && bytes.length === (rex === 0 ? 1 : 2)) {
      if (!isCalled) return false;
      if (saved.length > 0) {
        if (saved.pop() !== register) return false;
      } else if (register === FRAME && hasFrame) hasFrame = false;
      else return false;
    } else if (!(hasFrame && saved.length === 0 && !isCalled && isFrameSetup(bytes, bits))) return false;
    i++;
  }
  return false;
}

/** EBP */
const FRAME = 5;

/** `mov %esp,%ebp` in either encoding. */
function isFrameSetup(bytes: Uint8Array, bits: number): boolean {
  const at = bits === 64 ? 1 : 0;
  if (bytes.length !== at + 2 || (at === 1 && bytes[0] !== 0x48)) return false;
  return (bytes[at] === 0x89 && bytes[at + 1] === 0xe5) || (bytes[at] === 0x8b && bytes[at + 1] === 0xec);
}
