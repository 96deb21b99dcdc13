/**
 * Where the side steps run: on the second thread, if one was prepared, else in this one when they are asked for.
 *
 * Both threads look at the same bytes and columns: those of the image and of the program lie in shared memory, nobody writes to them
 * any more, and messages between threads order what was written before.
 */
import type { Worker } from "node:worker_threads";
import { InputError, openUnpacked, type Diagnostic, type KernelImage, type KnownImage } from "@pv/elf";
import type { Timed } from "../progress.js";
import { takeThread } from "./second.js";
import { SideSteps } from "./side-steps.js";

type StepName = "facts" | "contents" | "plan";

/** The side steps, each under way when it has been asked for. */
export type Side = {
  readonly [K in StepName]: (...input: Parameters<SideSteps[K]>) => Promise<Timed<ReturnType<SideSteps[K]>>>;
} & { end(): void };

/** To the second thread: the image first, then steps. */
export interface OpenRequest {
  readonly bytes: Uint8Array;
  readonly known: KnownImage;
}
export interface StepRequest {
  readonly step: StepName;
  readonly input: readonly unknown[];
}

/** From the second thread, in the order of the requests. */
export type Answer = Timed<unknown> | { readonly diagnostic: Diagnostic } | { readonly failure: unknown };

/** Opens the side, and the image in memory that both threads can see. */
export function openSide(image: KernelImage): { readonly image: KernelImage; readonly side: Side } {
  const worker = takeThread();
  if (worker === undefined) return { image, side: inThisThread(new SideSteps(image)) };
  const bytes = new Uint8Array(new SharedArrayBuffer(image.elf.bytes.length));
  bytes.set(image.elf.bytes);
  const { format, compression, release } = image;
  const shared = openUnpacked(bytes, { format, compression, release });
  return { image: shared, side: inThread(worker, shared) };
}

function inThisThread(steps: SideSteps): Side {
  const timed = async <T>(work: () => T): Promise<Timed<T>> => {
    const start = performance.now();
    return { value: work(), took: performance.now() - start };
  };
  return {
    facts: (...input) => timed(() => steps.facts(...input)),
    contents: (...input) => timed(() => steps.contents(...input)),
    plan: (...input) => timed(() => steps.plan(...input)),
    end: () => undefined,
  };
}

function inThread(worker: Worker, image: KernelImage): Side {
  const waiting: { resolve(value: never): void; reject(error: unknown): void }[] = [];
  const failAll = (error: unknown): void => waiting.splice(0).forEach(({ reject }) => reject(error));
  worker.ref();
  worker.on("message", (answer: Answer) => {
    const { resolve, reject } = waiting.shift()!;
    if ("diagnostic" in answer) reject(new InputError(answer.diagnostic));
    else if ("failure" in answer) reject(answer.failure);
    else resolve(answer as never);
  });
  worker.on("error", failAll);
  worker.on("exit", (code) => failAll(new Error(`the second thread ended with ${code}`)));
  const ask = <T>(step: StepName, input: readonly unknown[]): Promise<Timed<T>> => {
    const answer = new Promise<Timed<T>>((resolve, reject) => waiting.push({ resolve, reject }));
    // Whoever waits for it sees the error; until then, nobody needs to.
    answer.catch(() => undefined);
    worker.postMessage({ step, input } satisfies StepRequest);
    return answer;
  };
  return {
    facts: (...input) => {
      worker.postMessage({ bytes: image.elf.bytes, known: knownOf(image) } satisfies OpenRequest);
      return ask("facts", input);
    },
    contents: (...input) => ask("contents", input),
    plan: (...input) => ask("plan", input),
    end: () => void worker.terminate(),
  };
}

/** What this thread has found out about the image, for the other one not to look for it again. */
function knownOf({ format, compression, release, symbols, mcount }: KernelImage): KnownImage {
  return { format, compression, release, symbols: symbols?.columns, mcount };
}
