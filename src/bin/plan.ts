/** `muster plan`. */
import { readFileSync } from 'node:fs';
import { renderPlan, renderPlanJson } from '../cli/plan.ts';
import { planRequest } from '../core/plan.ts';
import { planWarnings } from '../core/plan-warnings.ts';
import { badConfig, loadOrTell } from './load.ts';

/** The exit code for arguments that cannot be used. */
const badUsage = 2;

export function runPlan(
  hostlist: string,
  options: { config?: string; resumeFile?: string; json?: boolean },
): number {
  const config = loadOrTell(options.config, ['warning']);
  if (config === null) return badConfig;
  let resumeFile: string | null = null;
  try {
    if (options.resumeFile !== undefined) resumeFile = readFileSync(options.resumeFile, 'utf8');
  } catch (error: unknown) {
    const why = error instanceof Error ? error.message : String(error);
    process.stderr.write(`muster: the resume file cannot be read (${why}); nothing was planned\n`);
    return badUsage;
  }
  const plan = planRequest(config.settings, hostlist, resumeFile);
  const warnings = planWarnings(plan);
  const text =
    options.json === true
      ? renderPlanJson(config.settings, plan, warnings)
      : renderPlan(config.settings, plan, warnings);
  process.stdout.write(text);
  return plan.rejected.length > 0 || plan.nodes.length === 0 ? 1 : 0;
}
