/**
 * QEMU's machine protocol: one JSON object a line; commands are answered in order, events come in between.
 * Source: docs/interop/qmp-spec.txt of QEMU 7.2.
 */
import type { Duplex } from "node:stream";
import { withResolvers } from "./machine.js";

interface Answer {
  readonly return?: unknown;
  readonly error?: { readonly desc?: string };
  readonly event?: string;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class ControlChannel {
  onEvent: (event: string) => void = () => undefined;
  readonly #stream: Duplex;
  readonly #waiting: Waiting[] = [];
  #closed = false;
  #rest = "";

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => this.#receive(text));
    stream.on("error", () => this.#close());
    stream.on("close", () => this.#close());
    stream.on("end", () => this.#close());
  }

  /** Sends a command; its answer, or an Error with QEMU's words, or one when QEMU is gone. */
  execute(command: string, args?: Record<string, unknown>): Promise<unknown> {
    if (this.#closed) return Promise.reject(new Error("QEMU is gone"));
    const { promise, resolve, reject } = withResolvers<unknown>();
    this.#waiting.push({ resolve, reject });
    this.#stream.write(`${JSON.stringify({ execute: command, ...(args === undefined ? {} : { arguments: args }) })}\n`);
    return promise;
  }

  #receive(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop()!;
    for (const line of lines) {
      if (line.trim() === "") continue;
      const answer = JSON.parse(line) as Answer;
      if (answer.event !== undefined) this.onEvent(answer.event);
      else if (answer.error !== undefined)
        this.#waiting.shift()?.reject(new Error(answer.error.desc ?? "QEMU refused"));
      else if ("return" in answer) this.#waiting.shift()?.resolve(answer.return);
    }
  }

  #close(): void {
    this.#closed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(new Error("QEMU is gone"));
  }
}
