/**
 * Lengths of time that do not go together. Slurm's ResumeTimeout runs from the request, and nothing extends it: what a
 * boot and the margin leave of it is all the time that there is for getting the instances. How muster makes do with too
 * little of it is the core's to say (`core/deadlines.ts`); here it is only told.
 */
import { bootAllowanceMs, launchBy, marginMs } from '../core/deadlines.ts';
import type { Settings } from '../core/settings.ts';
import { formatDuration } from '../core/units.ts';
import type { FilesRead } from './join.ts';
import type { Findings } from './problem.ts';
import { placeOf, yamlProblem } from './yaml-file.ts';

const patiences = ['launch_patience', 'assembly_patience', 'rung_patience'] as const;

/** Only what the settings themselves say can be wrong here: defaults are not complained about. */
export function checkTimes(files: FilesRead, settings: Settings, findings: Findings): void {
  const { muster } = files;
  if (muster === null) return;
  const { says, yaml } = muster;
  checkRetry(files, settings, findings);
  if (settings.resumeTimeoutMs === null) return;

  const warn = (key: string, message: string): void => {
    const place = placeOf(yaml, [key], 'key');
    findings.notices.push({ severity: 'warning', file: muster.file, ...place, message });
  };
  const timeout = formatDuration(settings.resumeTimeoutMs);
  const [boot, margin] = [bootAllowanceMs(settings), marginMs(settings)];
  if (boot < settings.bootTimeMs || margin < settings.deadlineMarginMs) {
    const given = `\`boot_time\` ${formatDuration(settings.bootTimeMs)} and \`deadline_margin\` ${formatDuration(settings.deadlineMarginMs)}`;
    const counted = `a boot of ${formatDuration(boot)} and a margin of ${formatDuration(margin)}`;
    warn(
      'resume_timeout',
      `\`resume_timeout\` ${timeout} is short for ${given}: two boots must fit, the first and its replacement, so muster counts on ${counted} instead, and takes nodes that boot longer for failed; raise ResumeTimeout in slurm.conf and say so here, or lower the other two`,
    );
    return;
  }
  const leftMs = launchBy(settings, { requestedAt: 0 });
  for (const key of patiences) {
    const patienceMs = says[key];
    if (patienceMs === undefined || patienceMs <= leftMs) continue;
    warn(
      key,
      `\`${key}\` ${formatDuration(patienceMs)} never runs out: of \`resume_timeout\` ${timeout} a boot and the margin leave ${formatDuration(leftMs)} for launching`,
    );
  }
}

function checkRetry({ muster }: FilesRead, { retry }: Settings, findings: Findings): void {
  if (muster === null || retry.firstMs <= retry.maxMs) return;
  const { says, yaml } = muster;
  // One of the two is the settings' own, for the defaults go together.
  const key = says.retry?.first === undefined ? 'max' : 'first';
  const first = formatDuration(retry.firstMs);
  const max = formatDuration(retry.maxMs);
  const [ofFirst, ofMax] = [says.retry?.first, says.retry?.max].map((value) =>
    value === undefined ? ' (its default)' : '',
  );
  findings.errors.push(
    yamlProblem(yaml, ['retry', key], {
      message: `\`retry.first\` ${first}${ofFirst ?? ''} is longer than \`retry.max\` ${max}${ofMax ?? ''}`,
      hint: 'the wait grows from `first` to `max`: set both, the smaller one first',
    }),
  );
}
