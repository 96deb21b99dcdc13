/** What the second thread runs: it opens the image that it is sent, and then answers requests for side steps, one after the other. */
import { parentPort } from "node:worker_threads";
import { InputError, openUnpacked } from "@pv/elf";
import { reviveProgram } from "@pv/x86-ir";
import type { Answer, OpenRequest, StepRequest } from "./side.js";
import { SideSteps } from "./side-steps.js";

let steps: SideSteps | undefined;

parentPort!.on("message", (request: OpenRequest | StepRequest) => {
  if ("bytes" in request) steps = new SideSteps(openUnpacked(request.bytes, request.known));
  else parentPort!.postMessage(answer(request));
});

function answer({ step, input }: StepRequest): Answer {
  try {
    const start = performance.now();
    const value = run(steps!, step, input);
    return { value, took: performance.now() - start };
  } catch (error) {
    return error instanceof InputError ? { diagnostic: error.diagnostic } : { failure: error };
  }
}

function run(side: SideSteps, step: StepRequest["step"], input: readonly unknown[]): unknown {
  if (step === "facts") return side.facts(...(input as Parameters<SideSteps["facts"]>));
  const [cloned, sites, assumptions] = input as Parameters<SideSteps["contents"]>;
  const program = reviveProgram(cloned);
  return step === "contents" ? side.contents(program, sites, assumptions) : side.plan(program, sites);
}
