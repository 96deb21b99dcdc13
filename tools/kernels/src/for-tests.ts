/**
 * Kernels for tests: what is there, or the reason why not, so that a test can be skipped by name. A reason is one
 * sentence that fits into a test's name.
 */
import { type Result } from "@pv/elf";
import { type FetchOptions, type Fetched, fetchBusybox, fetchKernel, fetchModules } from "./fetch.js";
import type { Flavour } from "./flavours.js";

export type ForTests =
  | { readonly file: Fetched; readonly reason?: undefined }
  | { readonly file?: undefined; readonly reason: string };

/** A kernel of the flavour, fetched if need be. */
export async function kernelForTests(flavour: Flavour, options: FetchOptions = {}): Promise<ForTests> {
  return orReason(await fetchKernel(flavour, options));
}

/** Modules of that kernel, fetched if need be. */
export async function modulesForTests(flavour: Flavour, options: FetchOptions = {}): Promise<ForTests> {
  return orReason(await fetchModules(flavour, options));
}

/** The static i386 busybox, fetched if need be. */
export async function busyboxForTests(options: FetchOptions = {}): Promise<ForTests> {
  return orReason(await fetchBusybox(options));
}

function orReason(result: Result<Fetched>): ForTests {
  return result.ok ? { file: result.value } : { reason: `${result.error.code} ${result.error.message}` };
}
