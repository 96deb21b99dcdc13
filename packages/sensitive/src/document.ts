/** Renders the catalogue as the page docs/catalogue.md. */
import { Code, CodeExt } from "iced-x86";
import type { Bits } from "@pv/x86-ir";
import { CATALOGUE, codeExistsIn } from "./catalogue.js";
import { EXCLUSIONS, OBSOLETE_REASON } from "./catalogue/exclusions.js";
import type { CatalogueEntry, LocationText, Trap } from "./entry.js";

const TRAPS: Readonly<Record<Trap, string>> = {
  always: "a fault (#GP or #UD), whatever the operands",
  gate: "no fault of its own, but it enters ring 0 through a table or a register that is the monitor's",
  setting: "a fault if the monitor sets a control bit that not every processor has",
  partly: "a fault for some operands or states only",
  never: "no fault: if the monitor is to see it, it has to be rewritten",
};

const CLOBBERS: Readonly<Record<CatalogueEntry["emulationClobbers"], string>> = {
  nothing: "nothing",
  flags: "arithmetic flags",
  call: "caller-saved registers, arithmetic flags",
};

const FORMS: readonly (readonly [operands: string, form: string])[] = [
  ["`in`, `out`", "log2 of the width in bytes, + 4 if the port is an immediate"],
  ["`ins`, `outs`", "log2 of the width in bytes, + 8 with a REP prefix"],
  ["moves to and from CR, DR, segment registers", "general register 0..15 or 1Fh for memory, + special register << 5"],
  ["`push-sreg`, `pop-sreg`", "1Fh + segment register << 5"],
  ["`lds` `les` `lfs` `lgs` `lss`", "general register + segment register << 5"],
  ["one operand that is a register or memory", "general register, or 1Fh for memory"],
  ["a register or memory, and a register", "the same, + the other register << 5"],
  ["`int`", "vector"],
  ["everything else", "0"],
];

/** The page as Markdown. */
export function renderCatalogue(): string {
  const seventeen = CATALOGUE.filter((entry) => entry.seventeen);
  const lines = [
    "# Catalogue of virtualization-sensitive instructions",
    "",
    "<!-- Made from packages/sensitive/src/catalogue by its test: `pnpm vitest run packages/sensitive -u`. -->",
    "",
    `${CATALOGUE.length} kinds, ${CATALOGUE.flatMap((entry) => entry.codes).length} encodings, for IA-32 and x86-64.`,
    "",
    "An instruction is _sensitive_ when it reads or changes something that belongs to the monitor once the kernel runs",
    "outside ring 0: the privilege level, the interrupt flag, a system register or descriptor table, an I/O port, the",
    "clock, the processor's identity, caches and TLB of the whole machine. The _number_ of a kind is what files hold;",
    "it never changes.",
    "",
    "Classes: **privileged** faults outside ring 0 or above IOPL; **silent** does not, and gives another result or has",
    "another effect; **port-io** faults above IOPL unless the I/O bitmap permits the port.",
    "",
    "What a kernel that runs at CPL 3 with IOPL 0 meets at an unpatched site (_trap_):",
    "",
    ...table(["trap", "meaning"], Object.entries(TRAPS)),
    "",
    "Registers are named as on IA-32; on x86-64 the 64-bit register is meant. `value` is AL, AX or EAX, `port` is DX",
    "unless the port is an immediate, `general` and `second` are the instruction's general registers, `count` is ECX",
    "with a REP prefix. The stack pointer is left out, and so are the registers that address memory.",
    "",
    "## Forms",
    "",
    "A site's _form_ is a 16-bit number made from the instruction's bytes: what a stub must know beyond the kind.",
    "",
    ...table(["instruction", "form"], FORMS),
    "",
    "Bit 15 marks an unusual size or prefix: a stack operand or far pointer that is not as wide as the mode's registers,",
    "a 16-bit result in a register, a descriptor-table register with a 66h prefix in 32-bit mode, an FS/GS base of 32",
    "bits in 64-bit mode, a string instruction with a 67h prefix, OUTS with a segment prefix.",
    "Segment registers: ES 0, CS 1, SS 2, DS 3, FS 4, GS 5.",
    "",
    "## The seventeen",
    "",
    "_Analysis of the Intel Pentium's Ability to Support a Secure Virtual Machine Monitor_ (USENIX Security 2000) counts",
    "seventeen instructions that are sensitive and do not fault, VERR and VERW as one and",
    `MOV in both directions as one: ${seventeen.map((entry) => `\`${entry.kind}\``).join(", ")}.`,
    "",
  ];
  lines.push("## Overview", "");
  lines.push(
    ...table(
      ["number", "kind", "class", "trap", "in user code", "manual"],
      CATALOGUE.map((entry) => [
        String(entry.number),
        `\`${entry.kind}\``,
        entry.class,
        entry.trap,
        entry.inUserCode ? "yes" : "no",
        `${entry.manual.volume}: ${entry.manual.instruction}`,
      ]),
    ),
    "",
  );
  for (const group of new Set(CATALOGUE.map((entry) => entry.group))) {
    lines.push(`## ${group}`, "");
    for (const entry of CATALOGUE.filter((candidate) => candidate.group === group)) lines.push(...renderEntry(entry));
  }
  lines.push("## Not sensitive, and why", "");
  lines.push("Instructions that decoders or manuals list beside the sensitive ones, and that are no sites:", "");
  lines.push(
    ...table(
      ["instructions", "reason"],
      [
        ...EXCLUSIONS.map((exclusion) => [names(exclusion.codes), exclusion.reason] as const),
        ["386 test registers, LOADALL, Cyrix and Geode extensions, RDUDBG, WRUDBG", OBSOLETE_REASON],
        [
          "NOP, ENDBR, FPU and vector instructions, FXSAVE, XSAVE, RDPKRU, WRPKRU",
          "They do the same in every ring, on state of the running thread; CR0.TS, CR4 and XCR0 decide whether they fault, and those are sites' business.",
        ],
        [
          "accesses to memory through FS or GS",
          "The bases are loaded by sites; the access itself does the same in every ring.",
        ],
      ],
    ),
    "",
  );
  return lines.join("\n");
}

function renderEntry(entry: CatalogueEntry): string[] {
  const rows: [string, string][] = [
    ["operands", entry.operands],
    ["reads", locationText(entry.reads)],
    ["defines", locationText(entry.results)],
    ["emulation may destroy", CLOBBERS[entry.emulationClobbers]],
    ["encodings", entry.codes.map(encodingText).join("<br>")],
  ];
  const facts = `Number ${entry.number}, ${entry.class}, trap: ${entry.trap}${entry.seventeen ? ", one of the seventeen" : ""}.`;
  return [`### \`${entry.kind}\``, "", entry.why, facts, "", ...table(["fact", "value"], rows), ""];
}

const locationText = (text: LocationText): string =>
  typeof text === "string" ? `\`${text}\`` : `32-bit \`${text[32]}\`, 64-bit \`${text[64]}\``;

/** `0F 20 /r`: MOV r32, cr (32-bit mode only). */
function encodingText(code: Code): string {
  const info = CodeExt.opCode(code);
  const text = `\`${info.opCodeString}\` ${info.instructionString}`;
  info.free();
  const modes = ([32, 64] as const satisfies readonly Bits[]).filter((bits) => codeExistsIn(code, bits));
  return modes.length === 2 ? text : `${text} (${modes[0]}-bit mode only)`;
}

function names(codes: readonly Code[]): string {
  const mnemonics = codes.map((code) => {
    const info = CodeExt.opCode(code);
    const mnemonic = info.instructionString.split(" ")[0] ?? "";
    info.free();
    return mnemonic;
  });
  return [...new Set(mnemonics)].join(", ");
}

/** A table with its columns padded, as formatters leave it. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const cells = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = head.map((_, column) => Math.max(3, ...cells.map((row) => row[column].length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |`;
  const rule = line(widths.map((width) => "-".repeat(width)));
  return [line(cells[0]), rule, ...cells.slice(1).map(line)];
}
