/**
 * Poison: code that overwrites what is called dead with garbage, so that a wrong liveness fact shows at once
 * (docs/formats.md, "Poison").
 *
 * Nothing here may change what is live: the register templates use `mov`, `push` and `pop` only, which touch no flags,
 * and the flags template changes the bits of its two masks alone, so that IF and IOPL stay.
 */
import { ALL_FLAGS, EFLAGS_BIT, FLAG_SHIFT, ESP } from "@pv/x86-ir";
import type { Template } from "../types.js";
import { StubCode, type Register } from "./code.js";

const LOW = 1;
const HIGH = 2;
const UPPER = 4;

/** Templates for registers: `register * 7 + (dead parts - 1)`. */
const PARTS_PER_REGISTER = 7;
export const POISON_FLAGS = 8 * PARTS_PER_REGISTER;
export const POISON_COUNT = POISON_FLAGS + 1;

/** 2^32 divided by the golden ratio: consecutive site addresses get unlike garbage. */
const GARBAGE_FACTOR = 0x9e37_79b1;

/** Unlike for each register, odd, no address of the kernel's, and easy to see in a dump: DEAD0xxx with the register's digit. */
const GARBAGE = [0xdead_a0a5, 0xdead_c1c5, 0xdead_d2d5, 0xdead_b3b5, 0, 0xdead_e5e5, 0xdead_56f5, 0xdead_67f7];

/** The 57 templates in the order of docs/formats.md; those that no site can select are empty. */
export function poisonTemplates(): Template[] {
  const templates: Template[] = [];
  for (let r = 0; r < 8; r++) {
    for (let parts = 1; parts <= PARTS_PER_REGISTER; parts++) templates.push(poisonRegister(r, parts));
  }
  templates.push(new StubCode().pushf().garbleFlagsOnStack().popf().template());
  return templates;
}

function poisonRegister(r: Register, parts: number): Template {
  const code = new StubCode();
  const garbage = GARBAGE[r];
  const bytes = r < ESP;
  const low = (parts & LOW) !== 0;
  const high = (parts & HIGH) !== 0;
  if (r === ESP) return code.template();
  if (low && high && (parts & UPPER) !== 0) return code.moveImmediate(r, garbage).template();
  if ((parts & UPPER) !== 0) code.moveUpperHalf(r, garbage >>> 16);
  if (low && high) code.moveHalf(r, garbage);
  else if (low && bytes) code.moveLowByte(r, garbage);
  else if (high && bytes) code.moveHighByte(r, garbage >>> 8);
  return code.template();
}

/** Numbers of the register poison templates for what is dead behind a site, in the order in which they are placed. */
export function poisonedRegisters(liveParts: number, liveRest: number): number[] {
  const numbers: number[] = [];
  for (let r = 0; r < 8; r++) {
    if (r === ESP) continue;
    let dead = ((liveParts >>> r) & 1 ? 0 : LOW) | ((liveParts >>> (16 + r)) & 1 ? 0 : HIGH);
    if (r > ESP && dead !== (LOW | HIGH)) dead = 0;
    if (((liveRest >>> r) & 1) === 0) dead |= UPPER;
    if (dead !== 0) numbers.push(r * PARTS_PER_REGISTER + dead - 1);
  }
  return numbers;
}

/** The seven flags that are dead, in EFLAGS positions. */
export function deadFlags(liveRest: number): number {
  const dead = (~liveRest & ALL_FLAGS) >>> FLAG_SHIFT;
  return EFLAGS_BIT.reduce<number>((mask, position, f) => mask | (((dead >>> f) & 1) << position), 0);
}

/** What the dead flags become. */
export function flagsGarbage(siteAddress: number, dead: number): number {
  return Math.imul(siteAddress, GARBAGE_FACTOR) & dead;
}
