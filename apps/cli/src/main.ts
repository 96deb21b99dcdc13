#!/usr/bin/env node
/** `previrt`: the command line. It composes; the work is done in the packages. */
import "./engine.js";
import { createRequire } from "node:module";
import { diagnostic } from "@pv/elf";
import { buildApplication, buildRouteMap, ExitCode as Library, run, type StricliProcess } from "@stricli/core";
import { analyze } from "./commands/analyze.js";
import { boot } from "./commands/boot.js";
import { explain } from "./commands/explain.js";
import { info } from "./commands/info.js";
import { loader } from "./commands/loader.js";
import { rewrite } from "./commands/rewrite.js";
import { verify } from "./commands/verify.js";
import { ExitCode, guarded, printError, printResult, reportBug } from "./context.js";

const { version } = createRequire(import.meta.url)("../package.json") as { version: string };

/** What is proposed in place of a word that is not known: one letter missing, two too many, or one wrong. */
const TYPING_ERRORS = { threshold: 3, weights: { insertion: 1, deletion: 3, substitution: 2, transposition: 0 } };

const application = buildApplication(
  buildRouteMap({
    routes: { info, analyze, rewrite, verify, explain, loader, boot },
    docs: {
      brief: "Pre-virtualize x86 kernels: find, understand and patch their sensitive instructions",
      fullDescription: `Pre-virtualizes x86 kernels: finds their virtualization-sensitive instructions, says what may be done about each, and patches
them inside the guest at load time. \`previrt COMMAND --help\` says more, with examples.

Results go to stdout, everything else to stderr. Exit codes: 0 done; 1 the guest did not reach its goal, or verification failed;
2 wrong use, or what was named is not there or does not fit; 3 input not understood; 4 done, but something was skipped;
70 a bug of previrt; 128 and its number after a signal.`,
    },
  }),
  {
    name: "previrt",
    versionInfo: { currentVersion: version },
    scanner: { caseStyle: "allow-kebab-for-camel", allowArgumentEscapeSequence: true, distanceOptions: TYPING_ERRORS },
    documentation: { onlyRequiredInUsageLine: true },
  },
);

// `printResult` looks after errors of stdout; nobody is left to be told about those of stderr.
process.stdout.on("error", () => undefined);
process.stderr.on("error", () => undefined);
process.on("uncaughtException", (error) => {
  reportBug(error);
  process.exit();
});

await guarded(async () => {
  // The library writes one line per mistake; we say them as one error with a code and a hint.
  const said = { help: "", mistakes: "" };
  const terminal: StricliProcess = {
    stdout: { write: (text) => void (said.help += text), getColorDepth: () => depthOf(process.stdout) },
    stderr: { write: (text) => void (said.mistakes += text) },
    env: process.env,
  };
  await run(application, process.argv.slice(2), { process: terminal });
  if (said.help !== "") await printResult(said.help);
  if (said.mistakes === "") return Number(process.exitCode ?? ExitCode.done);
  if (terminal.exitCode !== Library.InvalidArgument && terminal.exitCode !== Library.UnknownCommand)
    throw new Error(said.mistakes);
  printError(diagnostic("PV9001", said.mistakes.trim().split("\n").join("; "), undefined, hintFor(process.argv[2])));
  return ExitCode.usage;
});

function depthOf(stream: NodeJS.WriteStream): number {
  return stream.hasColors?.() ? stream.getColorDepth() : 1;
}

function hintFor(command: string | undefined): string {
  const known = command !== undefined && command in { info, analyze, rewrite, verify, explain, loader, boot };
  return `Run \`previrt ${known ? `${command} ` : ""}--help\`.`;
}
