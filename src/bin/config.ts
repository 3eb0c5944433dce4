/** `muster config check`, `muster config show` and `muster config slurm`. */
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { renderConfigCheck, renderSlurmConf } from '../cli/config-check.ts';
import { renderConfigShow, type ConfigShowOptions } from '../cli/config-show.ts';
import { loadConfig, type LoadResult } from '../config/config.ts';
import { hookWarnings, lookAround } from '../config/surroundings.ts';
import { tell } from './load.ts';

const hooksDir = resolve(dirname(fileURLToPath(import.meta.url)), '../../hooks');

export function runConfigCheck(options: { config?: string; json?: boolean }): number {
  const result = withSurroundings(loadConfig({ path: options.config ?? null, env: process.env }));
  const { text, exitCode } = renderConfigCheck(result, { json: options.json === true });
  process.stdout.write(text);
  return exitCode;
}

function withSurroundings(result: LoadResult): LoadResult {
  if (result.kind === 'refused') return result;
  return { ...result, notices: [...result.notices, ...lookAround(result)] };
}

export function runConfigShow(options: ConfigShowOptions & { config?: string }): number {
  const result = loadConfig({ path: options.config ?? null, env: process.env });
  const { text, exitCode } = renderConfigShow(result, options);
  (exitCode === 0 || result.kind === 'refused' ? process.stdout : process.stderr).write(text);
  return exitCode;
}

export function runConfigSlurm(options: { config?: string }): number {
  const result = loadConfig({ path: options.config ?? null, env: process.env });
  const { text, exitCode } = renderSlurmConf(result, {
    programs: {
      resume: `${hooksDir}/resume`,
      suspend: `${hooksDir}/suspend`,
      resumeFail: `${hooksDir}/resume-fail`,
    },
  });
  if (result.kind === 'loaded' && exitCode === 0) tell(hookWarnings(result));
  (exitCode === 0 ? process.stdout : process.stderr).write(text);
  return exitCode;
}
