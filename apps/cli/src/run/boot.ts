/** The work of `previrt boot`. */
import { diagnostic, fail, sectionNamed, unwrap, type KernelImage } from "@pv/elf";
import { ANNOTATION_SECTION, annotationsOf } from "@pv/runtime-loader";
import { assumptionsNamed } from "../assumptions.js";
import { bootKernel, bootReport, checkBoot, type BootResult } from "../booting.js";
import type { BootFlags } from "../commands/boot.js";
import { visibleText } from "../console.js";
import { ExitCode, guarded, printError, printResult, printWarnings, terminalProgress } from "../context.js";
import { checkOutput, readInput, writeOutput } from "../files.js";
import { interruptible } from "../interrupt.js";
import { loaderFor } from "../loading.js";
import { machineNamed } from "../machines.js";
import { analyzeImage, open } from "../pipeline.js";
import type { Progress } from "../progress.js";
import { QUICK_LINE } from "../quick-line.js";
import { renderBoot } from "../render.js";
import { rewriteKernel } from "../rewriting.js";
import { LEAVE_KEY, typingOn } from "../typing.js";

/** Time limit of a run that nobody takes part in. */
const SECONDS = 300;

export async function run(flags: BootFlags, path: string): Promise<void> {
  await guarded(async () => {
    const progress = terminalProgress();
    const inputs = [path, flags.initrd, flags.bootImage].filter((input) => input !== undefined);
    const log = flags.log === undefined ? undefined : await checkOutput(flags.log, inputs);
    const image = await open(await readInput(path), progress);
    if (image.arch !== "i386") {
      fail(
        "PV1004",
        `${path} is a kernel for ${image.arch}; only i386 guests can be booted`,
        undefined,
        "Give a 32-bit kernel (Debian: linux-image-686); analyze and rewrite take this one, too.",
      );
    }
    if (flags.hypervisor === "bare" && flags.mode !== undefined) {
      fail("PV9001", `--mode ${flags.mode} needs a hypervisor`, undefined, "Add --hypervisor ring3.");
    }
    if (flags.hypervisor !== "bare" && flags.unpatched) {
      fail("PV9001", "an unpatched kernel cannot run under a hypervisor", undefined, "--mode trap patches the least.");
    }
    const interactive = flags.interactive ?? atTerminal(flags);
    const until = flags.until ?? (interactive ? undefined : "previrt-guest: done");
    const show = interactive ? passOn : showConsole;
    const setup = {
      machine: machineNamed(flags.machine),
      hypervisor: flags.hypervisor,
      loader: await loaderFor(flags.hypervisor, flags.bootImage, {
        count: flags.profile,
        ...(flags.mode === undefined ? {} : { mode: flags.mode }),
      }),
      ...(flags.mode === undefined ? {} : { mode: flags.mode }),
      profile: flags.profile,
      ...(flags.initrd === undefined ? {} : { initrd: await readInput(flags.initrd) }),
      commandLine: flags.append ?? QUICK_LINE,
      memoryMiB: flags.memory,
      poison: flags.poison,
      unpatched: flags.unpatched,
      ...(until === undefined ? {} : { until }),
      ...(interactive ? { typing: typingOn(process.stdin) } : {}),
      timeoutSeconds: flags.timeout ?? (interactive ? Number.POSITIVE_INFINITY : SECONDS),
    };
    // All that can be known to be wrong is known before the long work starts.
    await checkBoot({ ...setup, kernel: image.elf.bytes });
    const { kernel, problems } = await annotated(image, flags, progress);
    if (interactive) process.stderr.write(`This is the guest's console; ${LEAVE_KEY} ends it.\n`);
    const result = await interruptible((signal) =>
      bootKernel({ ...setup, kernel, signal, ...(flags.console ? { onConsole: show } : {}) }),
    );
    if (flags.console && result.console !== "" && !result.console.endsWith("\n")) showConsole("\n");
    if (log !== undefined) await writeOutput(log, Buffer.from(result.console, "latin1"));
    await printResult(flags.format === "json" ? JSON.stringify(bootReport(result), null, 2) : renderBoot(result));
    const done = printWarnings(problems);
    if (result.userland || result.end.reason === "left" || (until === undefined && result.end.reason === "halted"))
      return done;
    printError(notReached(result, until));
    return ExitCode.findings;
  });
}

/** The kernel with its annotation table, unless it is to be started without. */
async function annotated(
  image: KernelImage,
  flags: BootFlags,
  progress: Progress,
): Promise<{ kernel: Uint8Array; problems: KernelImage["tables"]["problems"] }> {
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

/** A guest whose console is this terminal may steer it. */
function passOn(text: string): void {
  process.stderr.write(Buffer.from(text, "latin1"));
}

function atTerminal({ until, timeout, format, console }: BootFlags): boolean {
  const plain = until === undefined && timeout === undefined && format === "text" && console;
  return plain && process.stdin.isTTY && process.stderr.isTTY;
}

function notReached({ end, console }: BootResult, until = "its end"): ReturnType<typeof diagnostic> {
  const last = visibleText(console).toString("utf8").trimEnd().split(/\r*\n/).at(-1)!;
  const words = last === "" ? "its console is empty" : `its last words: "${last.slice(-200)}"`;
  const why = end.detail === "" ? end.reason : end.detail.replace(/\.$/, "");
  return diagnostic(
    "PV5002",
    `the console did not show "${until}" (${end.reason}): ${why}; ${words}`,
    undefined,
    "Look at the console text (--log FILE keeps it); --unpatched tells whether patching makes the difference.",
  );
}
