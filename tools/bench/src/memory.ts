/** How much memory a Node program took: it tells so itself at its end, on stderr. */

/** For `node --import`: the highest resident set, KiB. */
export const TELL_MEMORY = `data:text/javascript,process.on("exit",()=>process.stderr.write("maxRSS="+process.resourceUsage().maxRSS+"\\n"))`;

/** MiB, out of what the program wrote. */
export function memoryTold(stderr: string): number {
  return Number(/maxRSS=(\d+)/.exec(stderr)?.[1] ?? Number.NaN) / 1024;
}
