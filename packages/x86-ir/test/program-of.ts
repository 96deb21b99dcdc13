/** Programs out of filetests: what kernel tables would say is given as options that name labels. */
import { type Filetest, filetestCode } from "@pv/assembler";
import { type CodeFacts, NO_FACTS, type Program, REGISTER_NAMES, buildProgram } from "@pv/x86-ir";

/**
 * The program of a filetest. Tables are options that name labels of the source:
 *   handler-writes: eax edx what the handlers of all exceptions may write (all registers)
 *   functions: f g          function starts             taken: a b            address-taken code
 *   exceptions: from>to     exception table             jump-labels: from>to  jump labels
 *   alternatives: a-b>c-d   bytes [a, b) may become [c, d); `>` alone: NOPs
 *   warnings, traced, transparent, no-return, return-thunks: labels         thunks: label=register
 */
export function programOf(filetest: Filetest): Program {
  const { bytes, base, symbols } = filetestCode(filetest);
  const words = (key: string): string[] => (filetest.options.get(key) ?? "").split(/\s+/).filter((word) => word !== "");
  const va = (label: string): number => {
    const address = symbols.get(label);
    if (address === undefined) throw new Error(`no label "${label}"`);
    return address;
  };
  const addresses = (key: string): Uint32Array => Uint32Array.from(words(key), va).sort();
  const pairs = (key: string) => words(key).map((word) => word.split(">").map(va));
  const column = (rows: number[][], i: number): Uint32Array => Uint32Array.from(rows, (row) => row[i]);
  const exceptions = pairs("exceptions"),
    jumpLabels = pairs("jump-labels");
  const alternatives = words("alternatives").map((word) => {
    const [site, replacement = ""] = word.split(">").map((range) =>
      range
        .split("-")
        .filter((label) => label !== "")
        .map(va),
    );
    return [site[0], site[1] - site[0], replacement[0] ?? 0, (replacement[1] ?? 0) - (replacement[0] ?? 0)] as number[];
  });
  const handlers = filetest.options.has("handler-writes")
    ? words("handler-writes").reduce((mask, name) => mask | (1 << REGISTER_NAMES[filetest.bits].indexOf(name)), 0)
    : undefined;
  const thunks = words("thunks").map((word) => word.split("="));
  const facts: CodeFacts = {
    ...NO_FACTS,
    functionStarts: addresses("functions"),
    addressTaken: addresses("taken"),
    exceptionFrom: column(exceptions, 0),
    exceptionTo: column(exceptions, 1),
    exceptionWrites:
      handlers === undefined ? NO_FACTS.exceptionWrites : new Uint16Array(exceptions.length).fill(handlers),
    jumpLabelFrom: column(jumpLabels, 0),
    jumpLabelTo: column(jumpLabels, 1),
    alternativeSite: column(alternatives, 0),
    alternativeSiteLength: Uint8Array.from(alternatives, (row) => row[1]),
    alternativeReplacement: column(alternatives, 2),
    alternativeReplacementLength: Uint8Array.from(alternatives, (row) => row[3]),
    warnings: addresses("warnings"),
    tracedCalls: addresses("traced"),
    transparent: addresses("transparent"),
    noReturn: addresses("no-return"),
    returnThunks: addresses("return-thunks"),
    thunkAddress: Uint32Array.from(thunks, ([label]) => va(label)),
    thunkRegister: Uint8Array.from(thunks, ([, register]) => REGISTER_NAMES[filetest.bits].indexOf(register)),
  };
  const addressHigh = filetest.bits === 64 ? 0xffff_ffff : 0;
  return buildProgram({ regions: [{ name: ".text", start: base, bytes }], bits: filetest.bits, addressHigh, facts });
}
