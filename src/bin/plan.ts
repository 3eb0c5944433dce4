/** `muster plan`. */
import { readFileSync } from 'node:fs';
import { renderPlan, renderPlanJson } from '../cli/plan.ts';
import { planRequest } from '../core/plan.ts';
import { planWarnings } from '../core/plan-warnings.ts';
import { badConfig, loadOrTell } from './load.ts';

export function runPlan(
  hostlist: string,
  options: { config?: string; resumeFile?: string; json?: boolean },
): number {
  const config = loadOrTell(options.config);
  if (config === null) return badConfig;
  const resumeFile =
    options.resumeFile === undefined ? null : readFileSync(options.resumeFile, 'utf8');
  const plan = planRequest(config.settings, hostlist, resumeFile);
  const warnings = planWarnings(config.settings, plan);
  const text =
    options.json === true
      ? renderPlanJson(config.settings, plan, warnings)
      : renderPlan(config.settings, plan, warnings);
  process.stdout.write(text);
  return plan.rejected.length > 0 || plan.nodes.length === 0 ? 1 : 0;
}
