/** `previrt boot`: analyse (unless the image carries its annotations already), patch inside the guest, run on a machine. */
import { diagnostic, fail, sectionNamed, unwrap, type KernelImage } from "@pv/elf";
import { ANNOTATION_SECTION, annotationsOf } from "@pv/runtime-loader";
import { buildCommand } from "@stricli/core";
import { bootKernel, bootReport, checkBoot, type BootResult } from "../booting.js";
import { visibleText } from "../console.js";
import { ExitCode, guarded, printError, printResult, printWarnings, terminalProgress } from "../context.js";
import { checkOutput, readInput, writeOutput } from "../files.js";
import { interruptible } from "../interrupt.js";
import { HYPERVISORS, loaderFor, type Hypervisor } from "../loading.js";
import { MACHINES, machineNamed, type MachineName } from "../machines.js";
import { analyzeImage, open } from "../pipeline.js";
import type { Progress } from "../progress.js";
import { QUICK_LINE } from "../quick-line.js";
import { renderBoot } from "../render.js";
import { rewriteKernel } from "../rewriting.js";
import { assume, assumptionsNamed, format, parseMemory, parseSeconds, parseText, type Assume, type Format } from "./flags.js";

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
  readonly assume: Assume;
  readonly format: Format;
  readonly console: boolean;
  readonly log?: string;
}

export const boot = buildCommand({
  docs: {
    brief: "Boot a kernel on a machine, patched inside the guest at load time",
    fullDescription: `Starts the loader on a machine, which patches the kernel inside the guest and starts it, and waits until the console shows a
text. A kernel that \`previrt rewrite\` wrote is taken as it is; any other is analysed first. The guest's console goes to stderr,
the result (sites patched, executions by kind) to stdout. Exit code 1: the guest did not get as far as --until.

The default of --append is: ${QUICK_LINE}

EXAMPLES
  previrt boot --initrd initrd.cpio /boot/vmlinuz-6.1.0-50-686
  previrt boot --machine qemu --poison --format json --log console.txt vmlinux.previrt
  previrt boot --append 'console=ttyS0 quiet' --until 'login:' --timeout 600 --memory 512M --initrd initrd.img vmlinuz`,
  },
  parameters: {
    flags: {
      initrd: { kind: "parsed", parse: parseText, brief: "Initial RAM disk (default: none)", placeholder: "FILE", optional: true },
      append: { kind: "parsed", parse: String, brief: "The kernel's command line, at most 2047 bytes (default: see above)", placeholder: "LINE", optional: true },
      machine: { kind: "enum", values: MACHINES, brief: "Machine: v86 is built in, qemu must be installed", default: "v86" },
      hypervisor: { kind: "enum", values: HYPERVISORS, brief: "Hypervisor whose stubs to use", default: "bare" },
      memory: { kind: "parsed", parse: parseMemory, brief: "The machine's memory, in MiB or with a unit: 256M, 1G", placeholder: "SIZE", default: "256M" },
      poison: { kind: "boolean", brief: "Overwrite every dead register and flag with garbage behind each site", default: false, withNegated: false },
      unpatched: { kind: "boolean", brief: "Start the kernel as it is, for comparison", default: false, withNegated: false },
      until: { kind: "parsed", parse: parseText, brief: "The run is over when the console shows this", placeholder: "TEXT", default: "previrt-guest: done" },
      timeout: { kind: "parsed", parse: parseSeconds, brief: "Time limit of the run, seconds", placeholder: "SECONDS", default: "300" },
      bootImage: { kind: "parsed", parse: parseText, brief: "A bootstrap image of one's own (default: the one built here)", placeholder: "FILE", optional: true },
      assume,
      format,
      console: { kind: "boolean", brief: "Show the guest's console while it runs, on stderr", default: true },
      log: { kind: "parsed", parse: parseText, brief: "Write the guest's console to this file, byte for byte", placeholder: "FILE", optional: true },
    },
    positional: { kind: "tuple", parameters: [{ brief: "bzImage, kernel ELF, or what `previrt rewrite` wrote", parse: String, placeholder: "KERNEL" }] },
  },
  async func(flags: Flags, path: string) {
    await guarded(async () => {
      const progress = terminalProgress();
      const inputs = [path, flags.initrd, flags.bootImage].filter((input) => input !== undefined);
      const log = flags.log === undefined ? undefined : await checkOutput(flags.log, inputs);
      const image = await open(await readInput(path), progress);
      if (image.arch !== "i386") {
        fail("PV1004", `${path} is a kernel for ${image.arch}; only i386 guests can be booted`, undefined, "Give a 32-bit kernel (Debian: linux-image-686); analyze and rewrite take this one, too.");
      }
      const setup = {
        machine: machineNamed(flags.machine),
        hypervisor: flags.hypervisor,
        loader: await loaderFor(flags.hypervisor, flags.bootImage),
        ...(flags.initrd === undefined ? {} : { initrd: await readInput(flags.initrd) }),
        commandLine: flags.append ?? QUICK_LINE,
        memoryMiB: flags.memory,
        poison: flags.poison,
        unpatched: flags.unpatched,
        until: flags.until,
        timeoutSeconds: flags.timeout,
      };
      // All that can be known to be wrong is known before the long work starts.
      await checkBoot({ ...setup, kernel: image.elf.bytes });
      const { kernel, problems } = await annotated(image, flags, progress);
      const result = await interruptible((signal) =>
        bootKernel({ ...setup, kernel, signal, ...(flags.console ? { onConsole: showConsole } : {}) }),
      );
      if (flags.console && result.console !== "" && !result.console.endsWith("\n")) showConsole("\n");
      if (log !== undefined) await writeOutput(log, Buffer.from(result.console, "latin1"));
      await printResult(flags.format === "json" ? JSON.stringify(bootReport(result), null, 2) : renderBoot(result));
      const done = printWarnings(problems);
      if (result.userland) return done;
      printError(notReached(result, flags.until));
      return ExitCode.findings;
    });
  },
});

/** The kernel with its annotation table, unless it is to be started without. */
async function annotated(image: KernelImage, flags: Flags, progress: Progress): Promise<{ kernel: Uint8Array; problems: KernelImage["tables"]["problems"] }> {
  if (flags.unpatched) return { kernel: image.elf.bytes, problems: [] };
  if (sectionNamed(image.elf, ANNOTATION_SECTION) !== undefined) {
    unwrap(annotationsOf(image.elf));
    return { kernel: image.elf.bytes, problems: [] };
  }
  const analysis = await analyzeImage(image, progress, assumptionsNamed(flags.assume));
  return { kernel: rewriteKernel(analysis), problems: image.tables.problems };
}

function showConsole(text: string): void {
  process.stderr.write(visibleText(text));
}

function notReached({ end, console }: BootResult, until: string): ReturnType<typeof diagnostic> {
  const last = visibleText(console).toString("utf8").trimEnd().split(/\r*\n/).at(-1)!;
  const words = last === "" ? "its console is empty" : `its last words: "${last.slice(-200)}"`;
  const why = end.detail === "" ? end.reason : end.detail.replace(/\.$/, "");
  return diagnostic("PV5002", `the console did not show "${until}" (${end.reason}): ${why}; ${words}`, undefined, "Look at the console text (--log FILE keeps it); --unpatched tells whether patching makes the difference.");
}
