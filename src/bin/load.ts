/** Loads the configuration for a command, or tells on standard error why it cannot be used. */
import {
  formatProblem,
  loadConfig,
  type Config,
  type Loaded,
  type Notice,
  type Places,
  type Problem,
} from '../config/config.ts';

/** The exit code for a configuration that cannot be used. */
export const badConfig = 2;
/** The exit code for arguments that cannot be used. */
export const badUsage = 2;

const everything: readonly Notice['severity'][] = ['warning', 'note'];

/** Null: it was refused, and everything that is wrong has been printed. `shown`: which notices are printed. */
export function loadOrTell(path: string | undefined, shown = everything): Config | null {
  return readOrTell(path, shown)?.config ?? null;
}

export function readOrTell(path: string | undefined, shown = everything): Loaded | null {
  const result = loadConfig({ path: path ?? null, env: process.env });
  tell(result.notices.filter(({ severity }) => shown.includes(severity)));
  if (result.kind === 'loaded') return result;
  tell(result.errors);
  process.stderr.write('muster: the configuration cannot be used; nothing was done.\n');
  return null;
}

/** `settings`: unless the configuration cannot be used. */
export type Found = Places & Partial<Pick<Config, 'settings'>>;

/**
 * For commands that read what a daemon has written, or ask it for something. They need to know where that is and no more, and
 * a daemon works on with the configuration of before: a slip in the new one must not keep anybody from stopping a fleet.
 * Null: the places cannot be read, and what is wrong has been printed. Notices are not: they are no news by now.
 */
export function findOrTell(path: string | undefined): Found | null {
  const result = loadConfig({ path: path ?? null, env: process.env });
  if (result.kind === 'loaded') return result.config;
  const { places, errors } = result;
  tell(errors);
  if (places === null) {
    process.stderr.write(
      'muster: the configuration cannot be used, nor can it be known which state_dir was meant (MUSTER_STATE_DIR may name it); nothing was done.\n',
    );
    return null;
  }
  process.stderr.write(
    `muster: warning: the configuration cannot be used, and a daemon that starts now would refuse it; carrying on with the state_dir ${places.stateDir}\n`,
  );
  return places;
}

export function tell(items: readonly (Problem | Notice)[]): void {
  for (const item of items) process.stderr.write(`${formatProblem(item)}\n`);
}
