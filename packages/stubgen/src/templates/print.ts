/**
 * Templates and stubs as text: disassembled (AT&T syntax), with holes named and the place of the original bytes shown.
 */
import { Decoder, DecoderOptions, Formatter, FormatterSyntax } from "iced-x86";
import { entryOf, formatForm, kindName } from "@pv/sensitive";
import { formatLocations, REGISTER_NAMES, type Bits } from "@pv/x86-ir";
import { HoleType, type Template, type TemplateGroup, type TemplateTable } from "../types.js";
import { ANY_FORM, registersOf, variantAt, type SiteFacts } from "./variants.js";

const KNOWN_NAMES = ["nothing", "port", "msr", "leaf"] as const;

export interface DisassembledInstruction {
  /** Low 32 bits. */
  readonly address: number;
  readonly length: number;
  /** AT&T syntax; `(bad)` for bytes that do not decode, one byte at a time. */
  readonly text: string;
}

/** Linear disassembly of `bytes` at `address`. */
export function disassemble(bytes: Uint8Array, address: number, bits: Bits): DisassembledInstruction[] {
  const decoder = new Decoder(bits, bytes, DecoderOptions.None);
  const formatter = new Formatter(FormatterSyntax.Gas);
  formatter.hexPrefix = "0x";
  formatter.uppercaseHex = false;
  formatter.spaceAfterOperandSeparator = true;
  decoder.ip = BigInt(address);
  const found: DisassembledInstruction[] = [];
  try {
    while (decoder.canDecode) {
      const at = decoder.position;
      const instruction = decoder.decode();
      if (instruction.isInvalid) {
        decoder.position = at + 1;
        decoder.ip = BigInt(address + at + 1);
      }
      const text = instruction.isInvalid ? "(bad)" : formatter.format(instruction);
      found.push({ address: (address + at) >>> 0, length: decoder.position - at, text });
      instruction.free();
    }
  } finally {
    formatter.free();
    decoder.free();
  }
  return found;
}

/** One instruction a line: address, bytes, text. */
export function listing(bytes: Uint8Array, address: number, bits: Bits): string {
  return disassemble(bytes, address, bits)
    .map((instruction) => {
      const from = (instruction.address - address) >>> 0;
      const hex = [...bytes.subarray(from, from + instruction.length)].map((byte) =>
        byte.toString(16).padStart(2, "0"),
      );
      return `${instruction.address.toString(16).padStart(8, "0")}  ${hex.join(" ").padEnd(24)}  ${instruction.text}\n`;
    })
    .join("");
}

/** What is known about a site, in words: `out dx, al: live ecx.l zf, port 0x3f8`. */
export function formatSite(site: SiteFacts & { kind: number; form: number; knownValue: number }, bits: Bits): string {
  const known = site.known === 0 ? "" : `, ${KNOWN_NAMES[site.known] ?? "?"} 0x${site.knownValue.toString(16)}`;
  return `${formatKind(site.kind, site.form, bits)}: live ${formatLocations(site.liveParts, site.liveRest, bits)}${known}`;
}

/** A whole table, a template a line; groups that have the same templates stand together. */
export function printTemplates(table: TemplateTable): string {
  const bits = table.machine === 3 ? 32 : 64;
  const lines = [`profile ${table.profile}, ELF machine ${table.machine}, ${table.groups.length} groups`];
  const alike = new Map<string, string[]>();
  for (const group of table.groups) {
    const templates = group.variants.map(
      (variant, number) => `  ${printVariant(group, number, bits)}: ${printTemplate(variant, bits)}`,
    );
    const body = [`  clobbers ${printTraits(group, bits)}`, ...templates].join("\n");
    const names = alike.get(body);
    if (names === undefined) alike.set(body, [formatKind(group.kind, group.form, bits)]);
    else names.push(formatKind(group.kind, group.form, bits));
  }
  for (const [body, names] of alike) lines.push("", ...names, body);
  lines.push("", "poison");
  table.poison.forEach((template, number) => {
    if (template.code.length > 0) lines.push(`  ${number}: ${printTemplate(template, bits)}`);
  });
  return `${lines.join("\n")}\n`;
}

function formatKind(kind: number, form: number, bits: Bits): string {
  if (form === ANY_FORM) return `${kindName(kind)} (any form)`;
  const entry = entryOf(kind);
  return `${kindName(kind)} ${entry === undefined ? form : formatForm(entry, form, bits)}`.trimEnd();
}

function printTraits(group: TemplateGroup, bits: Bits): string {
  const clobbered = registersOf(group.clobbers).map((r) => REGISTER_NAMES[bits][r]);
  if (group.clobbersFlags) clobbered.push("flags");
  const known = group.known === 0 ? "" : `, may know its ${KNOWN_NAMES[group.known]}`;
  return `${clobbered.join(" ") || "nothing"}${known}`;
}

function printVariant(group: TemplateGroup, number: number, bits: Bits): string {
  const { save, saveFlags, known } = variantAt(group, number);
  const words = save.map((r) => REGISTER_NAMES[bits][r]);
  if (saveFlags) words.push("flags");
  return `${number} live ${words.join(" ") || "-"}${known ? `, ${KNOWN_NAMES[group.known]} known` : ""}`;
}

/** Stands for a hole until its name does; no template has it as a value of its own. */
const PLACEHOLDER = 0x5e1f_5e1f;

function printTemplate({ code, holes, insertAt }: Template, bits: Bits): string {
  const bytes = code.slice();
  const view = new DataView(bytes.buffer);
  for (const { offset, type } of holes) if (type !== HoleType.routine) view.setUint32(offset, PLACEHOLDER, true);
  const words: string[] = [];
  for (const { address, length, text } of disassemble(bytes, 0, bits)) {
    if (address === insertAt) words.push("ORIGINAL");
    const hole = holes.find(({ offset }) => offset >= address && offset < address + length);
    if (hole === undefined) words.push(text);
    else if (hole.type === HoleType.routine) words.push(`${text.split(" ")[0]} {routine ${hole.argument}}`);
    else words.push(text.replace(`0x${PLACEHOLDER.toString(16)}`, holeName(hole.type)));
  }
  if (insertAt === code.length) words.push("ORIGINAL");
  return words.join("; ");
}

function holeName(type: HoleType): string {
  return `{${Object.entries(HoleType).find(([, number]) => number === type)?.[0]}}`;
}
