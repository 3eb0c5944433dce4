/** What a repeat with the same client token must repeat: the parameters as sent, in one order. */

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return entries
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, each]) => [key, inOrder(each)]);
}

export function fingerprintOf(request: object): string {
  return JSON.stringify(inOrder(request));
}
