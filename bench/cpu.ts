/** Milliseconds of this process's CPU that work takes, all threads. */
export async function cpuOf<T>(work: () => Promise<T> | T): Promise<{ cpuMs: number; result: T }> {
  const before = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(before);
  return { cpuMs: (user + system) / 1000, result };
}
