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

/** What the work brings, when the lane has had a place for it. */
export function inLane<T>(lane: Lane, work: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    lane(() => work().then(resolve, reject));
  });
}

/** Work for the same keys runs one after the other, in the order in which it comes; all other work at once. */
export type Turns<Key> = (keys: readonly Key[], work: () => Promise<void>) => void;

export function createTurns<Key>(): Turns<Key> {
  const last = new Map<Key, Promise<void>>();
  return (keys, work) => {
    const before = keys.flatMap((key) => last.get(key) ?? []);
    const done = before.length === 0 ? work() : Promise.allSettled(before).then(work);
    for (const key of keys) last.set(key, done);
    const leave = (): void => {
      for (const key of keys) if (last.get(key) === done) last.delete(key);
    };
    done.then(leave, leave);
  };
}
