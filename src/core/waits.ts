/** Who waits for whom: the open gangs as a graph, which must stay without circles. */

/** Whether one waits for the other, itself or by way of others. */
export function leadsTo(
  waitsFor: (gangId: string) => readonly string[],
  from: string,
  to: string,
): boolean {
  const seen = new Set<string>();
  const look = (id: string): boolean => {
    if (seen.has(id)) return false;
    seen.add(id);
    return waitsFor(id).some((next) => next === to || look(next));
  };
  return look(from);
}
