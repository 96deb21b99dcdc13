/** `previrt boot`: analyse (unless the image carries its annotations already), patch inside the guest, run on a machine. */
import { readElf, unwrap } from "@pv/elf";
import { ANNOTATION_SECTION, annotationsOf } from "@pv/runtime-loader";
import { buildCommand, numberParser } from "@stricli/core";
import { bootKernel } from "../booting.js";
import { ExitCode, guarded, printResult, readInput, terminalProgress } from "../context.js";
import { HYPERVISORS, loaderFor, type Hypervisor } from "../loading.js";
import { MACHINES, machineNamed, type MachineName } from "../machines.js";
import { analyze } from "../pipeline.js";
import { QUICK_LINE } from "../quick-line.js";
import { renderBoot } from "../render.js";
import { rewriteKernel } from "../rewriting.js";

interface Flags {
  readonly initrd?: string;
  readonly append?: string;
  readonly machine: MachineName;
  readonly hypervisor: Hypervisor;
  readonly memory: number;
  readonly poison: boolean;
  readonly unpatched: boolean;
  readonly until: string;
  readonly timeout: number;
  readonly bootImage?: string;
  readonly format: "text" | "json";
  readonly console: boolean;
}

/** "256M", "1G" or a plain number of MiB. */
export function parseMemory(text: string): number {
  const match = /^(\d+)\s*(M|G|)i?B?$/i.exec(text);
  if (match === null) throw new SyntaxError(`"${text}" is no size such as 256M`);
  return Number(match[1]) * (match[2]?.toUpperCase() === "G" ? 1024 : 1);
}

export const boot = buildCommand({
  docs: { brief: "Boot a kernel on a machine, patched inside the guest at load time" },
  parameters: {
    flags: {
      initrd: { kind: "parsed", parse: String, brief: "Initial RAM disk", placeholder: "FILE", optional: true },
      append: { kind: "parsed", parse: String, brief: "The kernel's command line (default: a quick one, see the README)", placeholder: "LINE", optional: true },
      machine: { kind: "enum", values: MACHINES, brief: "Machine", default: "v86" },
      hypervisor: { kind: "enum", values: HYPERVISORS, brief: "Hypervisor whose stubs to use", default: "bare" },
      memory: { kind: "parsed", parse: parseMemory, brief: "Memory, such as 256M", placeholder: "SIZE", default: "256M" },
      poison: { kind: "boolean", brief: "Overwrite every dead register and flag with garbage", default: false },
      unpatched: { kind: "boolean", brief: "Start the kernel as it is, for comparison", default: false },
      until: { kind: "parsed", parse: String, brief: "The run is over when the console shows this", placeholder: "TEXT", default: "previrt-guest: done" },
      timeout: { kind: "parsed", parse: numberParser, brief: "Time limit, seconds", placeholder: "SECONDS", default: "300" },
      bootImage: { kind: "parsed", parse: String, brief: "A bootstrap image of one's own (default: the one built here)", placeholder: "FILE", optional: true },
      format: { kind: "enum", values: ["text", "json"], brief: "Output format", default: "text" },
      console: { kind: "boolean", brief: "Show the guest's console while it runs (on stderr)", default: true },
    },
    positional: { kind: "tuple", parameters: [{ brief: "bzImage, kernel ELF, or what `previrt rewrite` wrote", parse: String, placeholder: "KERNEL" }] },
  },
  async func(flags: Flags, path: string) {
    await guarded(async () => {
      const progress = terminalProgress();
      const interrupt = new AbortController();
      const onInterrupt = (): void => interrupt.abort();
      process.once("SIGINT", onInterrupt);
      try {
        const input = await readInput(path);
        const kernel = isAnnotated(input) ? input : rewriteKernel(await analyze(input, progress));
        const initrd = flags.initrd === undefined ? undefined : await readInput(flags.initrd);
        const result = await bootKernel({
          machine: machineNamed(flags.machine),
          hypervisor: flags.hypervisor,
          loader: await loaderFor(flags.hypervisor, flags.bootImage),
          kernel,
          ...(initrd === undefined ? {} : { initrd }),
          commandLine: flags.append ?? QUICK_LINE,
          memoryMiB: flags.memory,
          poison: flags.poison,
          unpatched: flags.unpatched,
          until: flags.until,
          timeoutSeconds: flags.timeout,
          ...(flags.console ? { onConsole: (text) => process.stderr.write(text) } : {}),
          signal: interrupt.signal,
        });
        printResult(flags.format === "json" ? JSON.stringify(result, null, 2) : renderBoot(result));
        return result.userland ? ExitCode.done : ExitCode.findings;
      } finally {
        process.removeListener("SIGINT", onInterrupt);
      }
    });
  },
});

function isAnnotated(bytes: Uint8Array): boolean {
  const elf = readElf(bytes);
  if (!elf.ok || !elf.value.sections.some(({ name }) => name === ANNOTATION_SECTION)) return false;
  unwrap(annotationsOf(elf.value));
  return true;
}
