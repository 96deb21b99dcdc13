/**
 * The main job, end to end, on the newest Debian kernel:
 *
 *   fetch - analyse - rewrite - build the loader - boot on the embedded machine, patched inside the guest - the figures
 *
 * Without a mirror and without a cached kernel the same runs on a guest from test-images, and the exit code is 4.
 */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { InputError, type Diagnostic } from "@pv/elf";
import { DONE_LINE, fetchBusybox, fetchKernel, makeInitrd, USERLAND_LINE } from "@pv/kernels";
import {
  analyze,
  bootKernel,
  buildModel,
  createProgress,
  formatDiagnostic,
  loaderFor,
  machineNamed,
  QUICK_LINE,
  renderBoot,
  renderSummary,
  rewriteKernel,
} from "previrt";

const TINY_GUEST = new URL("../../../test-images/guests/build/tiny-linux.elf", import.meta.url);
const say = (line: string): void => void process.stderr.write(`${line}\n`);

interface Guest {
  readonly name: string;
  readonly kernel: Uint8Array;
  readonly initrd: Uint8Array;
  readonly userland: string;
  readonly done: string;
  /** Why it is not the newest Debian kernel. */
  readonly degraded?: Diagnostic;
}

async function debianGuest(): Promise<Guest | Diagnostic> {
  const kernel = await fetchKernel("686", { onProgress: say });
  if (!kernel.ok) return kernel.error;
  const busybox = await fetchBusybox({ onProgress: say });
  if (!busybox.ok) return busybox.error;
  const { warning } = kernel.value;
  return {
    name: `Debian ${kernel.value.package} ${kernel.value.packageVersion}`,
    kernel: await readFile(kernel.value.path),
    initrd: makeInitrd({ busybox: await readFile(busybox.value.path) }),
    userland: USERLAND_LINE,
    done: DONE_LINE,
    ...(warning === undefined ? {} : { degraded: warning }),
  };
}

async function tinyGuest(degraded: Diagnostic): Promise<Guest> {
  return {
    name: "the small guest of test-images",
    kernel: await readFile(fileURLToPath(TINY_GUEST)),
    initrd: new TextEncoder().encode("initial RAM disk"),
    userland: "tiny: userland reached",
    done: "previrt-guest: done",
    degraded,
  };
}

async function demo(): Promise<number> {
  const progress = createProgress(say);
  const found = await progress.step("fetch", debianGuest);
  const guest = "code" in found ? await tinyGuest(found) : found;
  if ("code" in found) say(`${formatDiagnostic(found)}\nGoing on with ${guest.name}.`);
  else if (guest.degraded !== undefined)
    say(`The newest kernel could not be looked up (${guest.degraded.message}); using the cached one.`);
  say(`kernel       ${guest.name}`);

  const analysis = await analyze(guest.kernel, progress);
  const kernel = await progress.step("rewrite", () => rewriteKernel(analysis));
  const loader = await progress.step("loader", () => loaderFor("ring3"));
  say("boot         on v86, in ring 3 under a monitor, its console:");
  const result = await progress.step("boot", () =>
    bootKernel({
      machine: machineNamed("v86"),
      hypervisor: "ring3",
      loader,
      kernel,
      initrd: guest.initrd,
      commandLine: QUICK_LINE,
      memoryMiB: 256,
      until: guest.done,
      timeoutSeconds: 600,
      onConsole: (text) => void process.stderr.write(text),
    }),
  );
  const line = result.console.split(/\r?\n/).find((text) => text.includes(guest.userland));
  process.stdout.write(
    [
      "",
      `${guest.name}, from its package to userland without a change to its source:`,
      `  ${line ?? "(no userland line)"}`,
      "",
      renderSummary(buildModel(analysis)),
      "",
      renderBoot(result),
      "",
      "wall time by step",
      ...[...progress.times].map(([name, ms]) => `  ${name.padEnd(12)} ${(ms / 1000).toFixed(2).padStart(7)} s`),
      "",
    ].join("\n"),
  );
  if (line === undefined || !result.userland) return 1;
  return "code" in found ? 4 : 0;
}

try {
  process.exitCode = await demo();
} catch (error) {
  if (!(error instanceof InputError)) throw error;
  say(formatDiagnostic(error.diagnostic));
  process.exitCode = 3;
}
