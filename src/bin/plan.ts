/** `muster plan`. */
import { readFileSync } from 'node:fs';
import { renderConfigCheck } from '../cli/config-check.ts';
import { renderPlan, renderPlanJson } from '../cli/plan.ts';
import { loadConfig } from '../config/config.ts';
import { parseHostlistElements } from '../core/hostlist.ts';
import { planRequest } from '../core/plan.ts';
import { planWarnings } from '../core/plan-warnings.ts';
import { parseResumeFile } from '../core/resume-file.ts';
import { badConfig, loadOrTell } from './load.ts';

/** The exit code for arguments that cannot be used. */
const badUsage = 2;

export interface PlanOptions {
  readonly config?: string;
  readonly resumeFile?: string;
  readonly json?: boolean;
}

/**
 * Exit code 1: a part of what was asked for would not be launched. What a person names must be usable: the daemon plans
 * around a resume file that it cannot read, but here that would be the plan of something else than was asked.
 */
export function runPlan(hostlist: string, options: PlanOptions): number {
  const config = loadOrTell(options.config, ['warning']);
  if (config === null) {
    if (options.json === true) {
      const result = loadConfig({ path: options.config ?? null, env: process.env });
      process.stdout.write(renderConfigCheck(result, { json: true }).text);
    }
    return badConfig;
  }
  const { nodes, errors } = parseHostlistElements(hostlist);
  if (nodes.length === 0) {
    const faults = errors.map(
      ({ element, error }) =>
        `hostlist "${element}": ${error.message} (column ${error.column}); ${error.hint}`,
    );
    return refuse(faults.length > 0 ? faults : ['the hostlist is empty']);
  }
  const resumeFile = readResumeFile(options.resumeFile);
  if (resumeFile.kind === 'unusable') return refuse([resumeFile.why]);
  const plan = planRequest(config.settings, hostlist, resumeFile.text);
  const warnings = planWarnings(plan);
  const text =
    options.json === true
      ? renderPlanJson(config.settings, plan, warnings)
      : renderPlan(config.settings, plan, warnings);
  process.stdout.write(text);
  return plan.rejected.length > 0 || errors.length > 0 ? 1 : 0;
}

function refuse(faults: readonly string[]): number {
  for (const fault of faults) process.stderr.write(`muster: ${fault}\n`);
  process.stderr.write('muster: nothing was planned.\n');
  return badUsage;
}

type ResumeFileText =
  | { readonly kind: 'usable'; readonly text: string | null }
  | { readonly kind: 'unusable'; readonly why: string };

function readResumeFile(path: string | undefined): ResumeFileText {
  if (path === undefined) return { kind: 'usable', text: null };
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error: unknown) {
    const said = error instanceof Error ? error.message : String(error);
    return { kind: 'unusable', why: `the resume file cannot be read (${said})` };
  }
  const file = parseResumeFile(text);
  const unusable = (why: string): ResumeFileText => ({
    kind: 'unusable',
    why: `the resume file ${path} cannot be used: ${why}; give one as Slurm writes it, {"jobs":[{"job_id":1,"nodes_resume":"..."}]}`,
  });
  if (file.kind === 'unreadable') return unusable(file.message);
  if (file.jobs.length === 0 && file.problems.length > 0) return unusable(file.problems.join('; '));
  return { kind: 'usable', text };
}
