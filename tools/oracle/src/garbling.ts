/**
 * The differential run: random functions go through the whole chain (analysis, annotation table, stubs, the patcher in the guest) and
 * are executed twice on v86, once as they are and once with every register, part and flag that is called dead overwritten with
 * garbage behind each patched site. What each group of functions computes must be the same; and what is called known at a site must
 * be what was there.
 *
 * A group that differs is shrunk by leaving statements out, all variants of a round in one guest.
 */
import { DEFAULT_ASSUMPTIONS, NO_ASSUMPTIONS } from "@pv/dataflow";
import { unwrap, openImage } from "@pv/elf";
import {
  analyzeImage,
  bootKernel,
  createProgress,
  loaderFor,
  machineNamed,
  rewriteKernel,
  type Analysis,
  type BootResult,
} from "previrt";
import { buildGuest, LAST_WORDS, NOT_RECORDED, type Guest } from "./guest.js";
import { Renderer, type Group, type RandomFunction, type Statement, type Style } from "./random-functions.js";

export interface Garbling {
  readonly sites: number;
  readonly patched: number;
  /** Executions of patched sites. */
  readonly executed: number;
  /** Sites with an operand that is called known and that a path led through. */
  readonly known: number;
  /** Groups whose result depends on what is called dead. */
  readonly different: readonly number[];
  /** What was called known, and was something else. */
  readonly wrong: readonly string[];
}

/** Under these assumptions each style must run alike: `convention` keeps to all of them. */
const ASSUMPTIONS = { visible: NO_ASSUMPTIONS, convention: DEFAULT_ASSUMPTIONS } as const;
const TIMEOUT_SECONDS = 120;
const MEMORY_MIB = 64;

/** Runs groups of one style. `change` stands between analysis and table: a test breaks the facts there. */
export async function garble(
  groups: readonly Group[],
  style: Style,
  change: (analysis: Analysis) => Analysis = (analysis) => analysis,
): Promise<Garbling> {
  const guest = buildGuest(groups);
  const image = unwrap(await openImage(guest.kernel));
  const analysis = await analyzeImage(image, createProgress(undefined), ASSUMPTIONS[style]);
  const job = {
    machine: machineNamed("v86"),
    hypervisor: "bare",
    loader: await loaderFor("bare"),
    commandLine: "",
    memoryMiB: MEMORY_MIB,
    until: LAST_WORDS,
    timeoutSeconds: TIMEOUT_SECONDS,
  } as const;
  const plain = await bootKernel({ ...job, kernel: guest.kernel, unpatched: true });
  const words = wordsOf(plain);
  if (words.length !== groups.length + guest.slots.length)
    throw new Error(
      `the random functions do not end as they should: ${plain.end.detail}\n${plain.console.slice(-500)}`,
    );
  const garbled = await bootKernel({ ...job, kernel: rewriteKernel(change(analysis)), poison: true });
  const garbledWords = wordsOf(garbled);
  const { known, wrong } = checkKnown(analysis, guest, words.slice(groups.length));
  return {
    sites: analysis.sites.count,
    patched: garbled.patched,
    executed: garbled.executed.total,
    known,
    different: groups.flatMap((_, g) => (garbledWords[g] === words[g] ? [] : [g])),
    wrong,
  };
}

/** The numbers that the guest printed, complete lines only. */
function wordsOf({ console }: BootResult): string[] {
  return console.split("\n").filter((line) => /^[0-9a-f]{8}$/.test(line));
}

function checkKnown(
  { program, sites, facts }: Analysis,
  guest: Guest,
  recorded: readonly string[],
): { known: number; wrong: string[] } {
  const { instructions } = program;
  const wrong: string[] = [];
  let known = 0;
  for (let s = 0; s < sites.count; s++) {
    const row = sites.instruction[s]!;
    if (facts.known[s] === 0 || row === 0) continue;
    // The instruction in front stores the operand in a slot of its own.
    const store = instructions.bytesOf(row - 1);
    if (store.length < 5) continue;
    const address = new DataView(store.buffer, store.byteOffset, store.length).getUint32(store.length - 4, true);
    const slot = guest.slots.indexOf(address);
    if (slot < 0) continue;
    const value = Number.parseInt(recorded[slot]!, 16);
    if (value === NOT_RECORDED) continue;
    known++;
    const mask = facts.known[s] === 1 ? 0xffff : 0xffff_ffff;
    if ((value & mask) >>> 0 !== facts.knownValue[s])
      wrong.push(
        `at ${instructions.address[row]!.toString(16)}: known ${facts.knownValue[s]!.toString(16)}, found ${value.toString(16)}`,
      );
  }
  return { known, wrong };
}

/** A group that still differs, with as few statements as leaving out one at a time leads to. */
export async function shrink(group: Group, ...change: [((analysis: Analysis) => Analysis)?]): Promise<Group> {
  let smallest = group;
  for (;;) {
    const variants = smaller(smallest);
    if (variants.length === 0) return smallest;
    const { different } = await garble(variants, group.style, ...change);
    if (different.length === 0) return smallest;
    smallest = variants[different[0]!]!;
  }
}

/** The group with one statement left out, or replaced by what is in it; or without its last function. */
function smaller(group: Group): Group[] {
  const { functions } = group;
  const last = functions.length - 1;
  const needed = (each: RandomFunction): boolean => each.tail === last || calls(each.body, last);
  const fewer = last > 0 && !functions.some(needed) ? [{ ...group, functions: functions.slice(0, last) }] : [];
  return [
    ...fewer,
    ...functions.flatMap((each, f) =>
      [
        ...(each.tail === undefined ? [] : [{ ...each, tail: undefined }]),
        ...withoutOne(each.body).map((body) => ({ ...each, body })),
      ].map((smallerFunction) => ({ ...group, functions: functions.with(f, smallerFunction) })),
    ),
  ];
}

function calls(body: readonly Statement[], callee: number): boolean {
  return body.some(
    (each) =>
      (each.kind === "call" && each.callee === callee) ||
      ("body" in each && calls(each.body, callee)) ||
      ("otherwise" in each && calls(each.otherwise, callee)),
  );
}

function withoutOne(body: readonly Statement[]): Statement[][] {
  return body.flatMap((each, i) => {
    const variants: Statement[][] = [body.toSpliced(i, 1)];
    if ("body" in each) {
      variants.push(body.toSpliced(i, 1, ...each.body));
      for (const inner of withoutOne(each.body)) variants.push(body.with(i, { ...each, body: inner }));
    }
    if ("otherwise" in each)
      for (const inner of withoutOne(each.otherwise)) variants.push(body.with(i, { ...each, otherwise: inner }));
    return variants;
  });
}

/** The text of a group, for people. */
export function textOf(group: Group): string {
  return new Renderer().render(group, 0);
}
