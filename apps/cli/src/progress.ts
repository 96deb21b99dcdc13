/** Progress of long work: the names of steps and the time that each took, on stderr and only on a terminal. */
export interface Progress {
  /** Runs a step under its name. */
  step<T>(name: string, work: () => T | Promise<T>): Promise<T>;
  /** Takes note of a step that runs elsewhere, under way already; `value` is its result. */
  beside<T>(name: string, work: Promise<Timed<T>>): Promise<T>;
  /** Milliseconds by step, in the order in which they ran. */
  readonly times: ReadonlyMap<string, number>;
}

/** A result, and the milliseconds that it took. */
export interface Timed<T> {
  readonly value: T;
  readonly took: number;
}

export function createProgress(write: ((line: string) => void) | undefined): Progress {
  const times = new Map<string, number>();
  const note = (name: string, took: number): void => {
    times.set(name, (times.get(name) ?? 0) + took);
    write?.(`${name.padEnd(12)} ${took.toFixed(0).padStart(7)} ms`);
  };
  return {
    times,
    async step(name, work) {
      const start = performance.now();
      const result = await work();
      note(name, performance.now() - start);
      return result;
    },
    beside(name, work) {
      const noted = work.then(({ value, took }) => {
        note(name, took);
        return value;
      });
      // Where a step fails before this one is waited for, nobody hears of it.
      noted.catch(() => undefined);
      return noted;
    },
  };
}
