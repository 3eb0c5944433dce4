/** A hostlist that a person has typed: refused where Slurm's own, which the hooks bring, are taken as they come. */
import { parseHostlistElements } from '../core/hostlist.ts';

/** Null: it has a fault or names no node, which was told on standard error. `untouched` ends the sentence. */
export function readHostlistOrTell(hostlist: string, untouched: string): string[] | null {
  const { nodes, errors } = parseHostlistElements(hostlist);
  if (errors.length === 0 && nodes.length > 0) return nodes;
  for (const { error } of errors)
    process.stderr.write(`muster: ${error.message} (column ${error.column}); ${error.hint}\n`);
  const what = errors.length > 0 ? 'the hostlist cannot be read' : 'no node was named';
  process.stderr.write(`muster: ${what}; ${untouched}\n`);
  return null;
}
