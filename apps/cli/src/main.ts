#!/usr/bin/env node
/** `previrt`: the command line. It composes; the work is done in the packages. */
import { buildApplication, buildRouteMap, run, type StricliProcess } from "@stricli/core";
import { analyze } from "./commands/analyze.js";
import { boot } from "./commands/boot.js";
import { info } from "./commands/info.js";
import { loader } from "./commands/loader.js";
import { rewrite } from "./commands/rewrite.js";
import { ExitCode } from "./context.js";

const application = buildApplication(
  buildRouteMap({
    routes: { info, analyze, rewrite, loader, boot },
    docs: { brief: "Pre-virtualize x86 kernels: find, understand and patch their sensitive instructions" },
  }),
  { name: "previrt", versionInfo: { currentVersion: "0.1.0" }, scanner: { caseStyle: "allow-kebab-for-camel" } },
);

// A reader that closes the pipe early (`| head`) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(process.exitCode ?? ExitCode.done);
  throw error;
});

await run(application, process.argv.slice(2), { process: process as StricliProcess });
// The library's own codes for wrong usage are negative (251 to 255 as the shell sees them); ours is 2.
if (typeof process.exitCode === "number" && process.exitCode < 0) process.exitCode = ExitCode.usage;
