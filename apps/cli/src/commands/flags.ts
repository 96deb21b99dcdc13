/** Flags and arguments that several commands have in common, and the parsers of their values. */
export type Format = "text" | "json";

export const format = {
  kind: "enum",
  values: ["text", "json"],
  brief: "Output format; the fields of json only ever grow within one schemaVersion",
  default: "text",
} as const;

export type Assume = "default" | "none";

export const assume = {
  kind: "enum",
  values: ["default", "none"],
  brief: "Assumptions about code that is not visible (the C calling convention) that facts may rest on",
  default: "default",
} as const;

export const bootImage = {
  kind: "parsed",
  parse: parseText,
  brief: "A bootstrap or loader image of one's own (default: the one built here)",
  placeholder: "FILE",
  optional: true,
} as const;

export const KERNEL = {
  brief: "bzImage (vmlinuz) or kernel ELF (vmlinux)",
  parse: String,
  placeholder: "KERNEL",
} as const;

/** MiB: "256M", "1G" or a plain number of MiB. Which sizes are possible is the machine's business. */
export function parseMemory(text: string): number {
  const match = /^(\d{1,9})(M|G|)(iB|B|)$/i.exec(text);
  if (match === null) throw new SyntaxError("it is no size such as 256M, 1G or a number of MiB");
  return Number(match[1]) * (match[2]!.toUpperCase() === "G" ? 1024 : 1);
}

/** A day: nothing that a person waits for takes longer. */
const MAX_SECONDS = 86_400;

export function parseSeconds(text: string): number {
  const seconds = /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN;
  if (!(seconds > 0 && seconds <= MAX_SECONDS))
    throw new SyntaxError(`it is no number of seconds above 0, at most ${MAX_SECONDS}`);
  return seconds;
}

export function parseText(text: string): string {
  if (text === "") throw new SyntaxError("it is empty");
  return text;
}

/** A virtual address in its two halves. */
export interface Address {
  readonly low: number;
  readonly high: number;
}

/** Hexadecimal, at most 16 digits, with `0x` or `h` or neither. */
export function parseAddress(text: string): Address {
  const digits = /^(?:0x)?([\da-f]{1,16})h?$/i.exec(text)?.[1];
  if (digits === undefined) throw new SyntaxError("it is no hexadecimal address such as c1000140");
  return { low: Number.parseInt(digits.slice(-8), 16), high: Number.parseInt(digits.slice(0, -8) || "0", 16) };
}
