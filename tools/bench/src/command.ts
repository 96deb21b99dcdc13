/** What the commands of this folder share: flavours by name, kernels from the cache, exit codes. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { fail, InputError, unwrap } from "@pv/elf";
import { fetchBusybox, fetchKernel, FLAVOURS, makeInitrd, type Flavour } from "@pv/kernels";
import { formatDiagnostic } from "previrt";

const WORKLOAD = fileURLToPath(new URL("../../../test-images/guests/build/workload", import.meta.url));

/** Everything was measured or passed; something was found wrong; something was left out. */
export const Exit = { done: 0, findings: 1, degraded: 4 } as const;

/** The flavours that can be booted. */
export const BOOTABLE: readonly Flavour[] = ["686", "686-pae", "rt-686-pae"];

export const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** The flavours that the arguments name, or the default ones. PV9001 for an unknown name. */
export function flavoursNamed(
  names: readonly string[],
  otherwise: readonly Flavour[],
  possible: readonly Flavour[] = FLAVOURS,
): readonly Flavour[] {
  if (names.length === 0) return otherwise;
  return names.map((name) => {
    const flavour = possible.find((candidate) => candidate === name);
    return flavour ?? fail("PV9001", `no flavour "${name}" here; there are ${possible.join(", ")}`);
  });
}

export interface FetchedKernel {
  readonly release: string;
  readonly bytes: Uint8Array;
  readonly path: string;
}

export async function kernelOf(flavour: Flavour): Promise<FetchedKernel> {
  const { path, release, warning } = unwrap(await fetchKernel(flavour, { onProgress: say }));
  if (warning !== undefined) say(`${warning.message}; using the cached kernel.`);
  return { release, path, bytes: await readFile(path) };
}

/** The guests' initial RAM disk with the workload in it, whose whole program runs unless a script says otherwise. */
export async function workloadInitrd(script?: string): Promise<Uint8Array> {
  const busybox = await readFile(unwrap(await fetchBusybox({ onProgress: say })).path);
  const workload = await readFile(WORKLOAD).catch(() => fail("PV5004", "the workload is not built: npm run build"));
  return makeInitrd({ busybox, workload, ...(script === undefined ? {} : { script }) });
}

/** Runs a command to its exit code: 2 for a wrong argument, 3 for what is missing or not understood. */
export async function run(command: (args: readonly string[]) => Promise<number>): Promise<void> {
  try {
    process.exitCode = await command(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    say(formatDiagnostic(error.diagnostic));
    process.exitCode = error.diagnostic.code === "PV9001" ? 2 : 3;
  }
}

/** Runs `measure` for one row; a row that fails with a diagnostic is told about and left out. */
export async function orLeftOut<T>(what: string, measure: () => Promise<T>): Promise<T | undefined> {
  try {
    return await measure();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    say(`${what} left out: ${formatDiagnostic(error.diagnostic)}`);
    return undefined;
  }
}
