/**
 * Settings of V8, for the whole process: the command line imports this before anything else.
 *
 * An analysis is a row of long loops, each run once. V8 is made for programs that run for longer: by default it optimises whatever is warm,
 * inlines generously, and optimises a loop on another thread while it goes on unoptimised; on two processors, all of that is taken from
 * the work itself. Here only what runs for long is optimised, in small portions, and at once.
 */
import { setFlagsFromString } from "node:v8";

for (const flag of ["--interrupt-budget=500000", "--max-inlined-bytecode-size-cumulative=200", "--no-concurrent-osr"])
  setFlagsFromString(flag);
