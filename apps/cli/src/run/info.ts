/** The work of `previrt info`. */
import { virtualEntry } from "../planning.js";
import { openImage, unwrap, type KernelImage } from "@pv/elf";
import type { InfoFlags } from "../commands/info.js";
import { guarded, printResult, printWarnings } from "../context.js";
import { readInput } from "../files.js";
import { formatAddress, imageModel } from "../image-model.js";
import { table } from "../table.js";

export async function run({ format }: InfoFlags, path: string): Promise<void> {
  await guarded(async () => {
    const model = infoModel(unwrap(await openImage(await readInput(path))));
    await printResult(format === "json" ? JSON.stringify(model, null, 2) : renderInfo(model));
    return printWarnings(model.problems);
  });
}

type InfoModel = ReturnType<typeof infoModel>;

function infoModel(image: KernelImage) {
  const { elf, tables, relocations, symbols } = image;
  const address = (va: number): string => formatAddress(va, elf.addressHigh, elf.bits);
  const rows: Record<string, number | null> = {
    exceptions: tables.exceptions?.insn.length ?? null,
    alternatives: tables.alternatives?.site.length ?? null,
    paravirt: tables.paravirt?.site.length ?? null,
    jumpLabels: tables.jumpLabels?.code.length ?? null,
    smpLocks: tables.smpLocks?.site.length ?? null,
    bugs: tables.bugs?.site.length ?? null,
    staticCalls: tables.staticCalls?.site.length ?? null,
    mcount: tables.mcount?.site.length ?? null,
    retpolines: tables.retpolines?.site.length ?? null,
    returns: tables.returns?.site.length ?? null,
    kprobeBlacklist: tables.kprobeBlacklist?.site.length ?? null,
    vdso: tables.vdso?.start.length ?? null,
  };
  return {
    schemaVersion: 1,
    image: { ...imageModel(image), compression: image.compression },
    entry: address(virtualEntry(elf)),
    sections: elf.sections
      .filter(({ name }) => name !== "")
      .map(({ name, address: start, size, flags }) => ({
        name,
        address: address(start),
        size,
        executable: (flags & 4) !== 0,
      })),
    symbols: symbols?.count ?? null,
    relocations:
      relocations === undefined
        ? null
        : {
            absolute32: relocations.absolute32.length,
            inverse32: relocations.inverse32.length,
            absolute64: relocations.absolute64.length,
          },
    tables: rows,
    problems: tables.problems,
  };
}

function renderInfo(model: InfoModel): string {
  const { image } = model;
  const facts = [
    ["release", image.release ?? "unknown"],
    ["architecture", image.arch],
    ["format", image.compression === "none" ? image.format : `${image.format}, ${image.compression}`],
    ["entry", model.entry],
    ["SHA-256 (ELF)", image.sha256],
    ["symbols", `${model.symbols ?? "none"}`],
    [
      "relocations",
      model.relocations === null
        ? "none"
        : Object.entries(model.relocations)
            .map(([kind, n]) => `${n} ${kind}`)
            .join(", "),
    ],
  ];
  const sections = [
    ["section", "address", "bytes", "code"],
    ...model.sections.map((s) => [s.name, s.address, `${s.size}`, s.executable ? "yes" : ""]),
  ];
  const tables = [
    ["kernel table", "rows"],
    ...Object.entries(model.tables).map(([name, rows]) => [name, `${rows ?? "-"}`]),
  ];
  return [facts.map(([key, value]) => `${key!.padEnd(14)}  ${value}`).join("\n"), table(sections), table(tables)].join(
    "\n\n",
  );
}
