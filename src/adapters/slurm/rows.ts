/**
 * What squeue and sinfo print with `--Format`, read back whatever the fields say. People write comments and reasons, and
 * may write anything into them: newlines, separators, what looks like another row. So every field is asked for in its
 * full length and followed by a word that is drawn anew for each call, which nobody can have written.
 */
import { randomBytes } from 'node:crypto';
import { parseHostlist } from '../../core/hostlist.ts';
import { SchedulerError } from '../../ports/scheduler.ts';

/** The word that ends a field. */
export function drawEnd(): string {
  return `~${randomBytes(12).toString('hex')}~`;
}

/** `--Format=...` for these fields, each ended by the word. */
export function formatOf(names: readonly string[], end: string): string {
  return `--Format=${names.map((name) => `${name}:${end}`).join(',')}`;
}

/** Throws SchedulerError for what is not a whole number of rows. `program` is the one that printed it. */
export function readRows<F extends string>(
  program: string,
  text: string,
  names: readonly F[],
  end: string,
): Record<F, string>[] {
  const values = text.split(end);
  const rest = values.pop();
  if (values.length % names.length !== 0 || rest?.trim() !== '')
    throw unreadable(program, `not ${names.length} fields a row: ${text.slice(-200)}`);
  const rows: Record<F, string>[] = [];
  for (let at = 0; at < values.length; at += names.length) {
    const pairs = names.map((name, index) => {
      const value = values[at + index] ?? '';
      return [name, index === 0 ? value.replace(/^\n/, '') : value];
    });
    rows.push(Object.fromEntries(pairs) as Record<F, string>);
  }
  return rows;
}

/** The nodes of a hostlist that Slurm printed. Throws SchedulerError. */
export function nodesOf(program: string, hostlist: string): readonly string[] {
  if (hostlist === '' || hostlist === '(null)') return [];
  const parsed = parseHostlist(hostlist);
  if (parsed.kind === 'error') throw unreadable(program, `"${hostlist}" where nodes were expected`);
  return parsed.nodes;
}

export function unreadable(program: string, why: string): SchedulerError {
  return new SchedulerError(`${program} printed what cannot be read: ${why}`, { transient: false });
}
