/** Runs at most `limit` pieces of work at a time, first come first served. */
export type Lane = (work: () => Promise<void>) => void;

export function createLane(limit: number): Lane {
  const waiting: (() => Promise<void>)[] = [];
  let running = 0;
  const next = (): void => {
    const work = running < limit ? waiting.shift() : undefined;
    if (work === undefined) return;
    running += 1;
    void work().finally(() => {
      running -= 1;
      next();
    });
  };
  return (work) => {
    waiting.push(work);
    next();
  };
}
