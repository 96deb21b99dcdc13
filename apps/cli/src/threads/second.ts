/**
 * The second thread: started as early as possible (it takes as long to load the packages as the first one does), used once.
 *
 * Nothing here loads the packages, so that a command can start the thread before it loads them itself.
 */
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";

const SCRIPT = new URL("./worker.js", import.meta.url);

let prepared: Worker | undefined;

/** Threads that the analysis may use: `PREVIRT_WORKERS`, or as many as there are processors; more than two make no difference. */
export function threadsWanted(): number {
  const asked = Number.parseInt(process.env["PREVIRT_WORKERS"] ?? "", 10);
  return asked >= 1 ? asked : availableParallelism();
}

/** Starts the thread that the next `takeThread` gets. */
export function prepareThread(): void {
  // Where the sources run as they are (tests), there is no script that a thread could run.
  if (prepared !== undefined || threadsWanted() < 2 || !existsSync(fileURLToPath(SCRIPT))) return;
  prepared = new Worker(SCRIPT);
  // It must not keep a command from ending that turns out not to need it.
  prepared.unref();
}

/** The thread that was prepared, if one was. It belongs to the caller, who has to terminate it. */
export function takeThread(): Worker | undefined {
  const worker = prepared;
  prepared = undefined;
  return worker;
}
