/** Progress of long work: the names of steps and the time that each took, on stderr and only on a terminal. */
export interface Progress {
  /** Runs a step under its name. */
  step<T>(name: string, work: () => T | Promise<T>): Promise<T>;
  /** Milliseconds by step, in the order in which they ran. */
  readonly times: ReadonlyMap<string, number>;
}

export function createProgress(write: ((line: string) => void) | undefined): Progress {
  const times = new Map<string, number>();
  return {
    times,
    async step(name, work) {
      const start = performance.now();
      const result = await work();
      const took = performance.now() - start;
      times.set(name, (times.get(name) ?? 0) + took);
      write?.(`${name.padEnd(12)} ${took.toFixed(0).padStart(7)} ms`);
      return result;
    },
  };
}
