/** Loads the configuration for a command, or tells on standard error why it cannot be used. */
import { formatProblem, loadConfig, type Config } from '../config/config.ts';

/** The exit code for a configuration that cannot be used. */
export const badConfig = 2;
/** The exit code for arguments that cannot be used. */
export const badUsage = 2;

/** Null: it was refused, and everything that is wrong has been printed. Notices are printed unless `quiet`. */
export function loadOrTell(path: string | undefined, quiet = false): Config | null {
  const result = loadConfig({ path: path ?? null, env: process.env });
  if (!quiet)
    for (const notice of result.notices) process.stderr.write(`${formatProblem(notice)}\n`);
  if (result.kind === 'loaded') return result.config;
  for (const error of result.errors) process.stderr.write(`${formatProblem(error)}\n`);
  process.stderr.write('muster: the configuration cannot be used; nothing was done.\n');
  return null;
}
