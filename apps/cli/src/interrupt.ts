/** Work that leaves something behind if it is cut off: it is told about signals and ends by itself. */
import { constants } from "node:os";

/** Thrown by `interruptible` when a signal came. */
export class Interrupted extends Error {
  constructor(readonly exitCode: number) {
    super("interrupted");
    this.name = "Interrupted";
  }
}

const SIGNALS = ["SIGHUP", "SIGINT", "SIGTERM"] as const;

/**
 * Runs `work`, which must end soon after `signal` is aborted; then throws `Interrupted`, whatever came of the work. A
 * second signal of the same name ends the process as it would without this.
 *
 * Everything else is left to the signals' own way: a handler would only make the long synchronous steps of an analysis
 * uninterruptible.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let exitCode: number | undefined;
  const onSignal = (name: NodeJS.Signals): void => {
    exitCode = 128 + constants.signals[name];
    controller.abort();
  };
  for (const name of SIGNALS) process.once(name, onSignal);
  try {
    const result = await work(controller.signal);
    if (exitCode === undefined) return result;
  } catch (error) {
    if (exitCode === undefined) throw error;
  } finally {
    for (const name of SIGNALS) process.removeListener(name, onSignal);
  }
  throw new Interrupted(exitCode);
}
