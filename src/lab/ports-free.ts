/**
 * Free TCP ports for the lab: one for slurmctld, a run of them for the nodes. Read from the kernel's socket tables rather
 * than by binding, because a wide queue needs thousands at once.
 */
import { readFileSync } from 'node:fs';

/** Below the kernel's ephemeral range (32768 and up by default), so that no outgoing connection takes one meanwhile. */
const LOWEST_PORT = 10_000;
const HIGHEST_PORT = 32_700;

/** The first of `count` ports in a row that are not in use. Throws when there is no such run. */
export function findFreePorts(count: number, used: ReadonlySet<number>): number {
  const all = HIGHEST_PORT - LOWEST_PORT + 1;
  if (count > all) throw new Error(`the lab cannot have ${count} ports: at most ${all}`);
  return firstRun(LOWEST_PORT, HIGHEST_PORT, count, used) ?? fail(count);
}

function firstRun(
  from: number,
  to: number,
  count: number,
  used: ReadonlySet<number>,
): number | null {
  let first = from;
  for (let port = from; port <= to; port += 1) {
    if (used.has(port)) first = port + 1;
    else if (port - first + 1 === count) return first;
  }
  return null;
}

function fail(count: number): never {
  throw new Error(
    `the lab needs ${count} free TCP ports in a row between ${LOWEST_PORT} and ${HIGHEST_PORT}; there are none`,
  );
}

/** The ports of every TCP socket of this machine, in whatever state. */
export function portsInUse(): ReadonlySet<number> {
  const used = new Set<number>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const port of parsePorts(readTable(table))) used.add(port);
  }
  return used;
}

/** The local ports in a table of /proc/net. */
export function parsePorts(table: string): readonly number[] {
  const ports: number[] = [];
  for (const line of table.split('\n').slice(1)) {
    const local = line.trim().split(/\s+/)[1];
    const hex = local?.split(':')[1];
    if (hex !== undefined) ports.push(Number.parseInt(hex, 16));
  }
  return ports;
}

function readTable(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // IPv6 may be switched off.
  }
}
