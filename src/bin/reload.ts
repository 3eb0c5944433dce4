/**
 * The daemon's configuration, read again. It holds as a whole or not at all: half of another one would be a daemon that calls itself
 * by one cluster's name and launches in another's region.
 */
import { changesBetween } from '../config/changes.ts';
import { formatProblem, loadConfig, type Loaded } from '../config/config.ts';
import type { Log } from '../ports/log.ts';
import { tell } from './load.ts';

const source = 'muster.daemon:reload';
const kept = 'the configuration before stays in force';

/** Null: it cannot be used, or not without a restart; why is in the log and on standard error. */
export function reloadOrTell(
  path: string | undefined,
  { before, log }: { readonly before: Loaded; readonly log: Log },
): Loaded | null {
  const refuse = (message: string): null => {
    log.write({ level: 'ERROR', source, message });
    process.stderr.write(`muster: ${message}\n`);
    return null;
  };
  const result = loadConfig({ path: path ?? null, env: process.env });
  tell(result.notices);
  if (result.kind === 'refused') {
    tell(result.errors);
    const [first] = result.errors.map(formatProblem);
    const more = result.errors.length - 1;
    const others = more === 0 ? '' : ` (and ${more} more)`;
    return refuse(
      `the configuration cannot be used: ${first?.split('\n')[0] ?? ''}${others}; ${kept}`,
    );
  }
  const { all, needRestart } = changesBetween(before, result);
  if (needRestart.length > 0) {
    return refuse(
      `the configuration read again needs a restart: ${needRestart.join(', ')}; nothing of it was taken up, ${kept}`,
    );
  }
  const changes = all.length === 0 ? 'nothing has changed' : all.join(', ');
  log.write({ level: 'INFO', source, message: `configuration read again: ${changes}` });
  return result;
}
