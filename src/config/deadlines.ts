/**
 * Lengths of time that do not go together. Slurm's ResumeTimeout runs from the request, and nothing extends it: what a
 * boot and the margin leave of it is all the time that there is for getting the instances. How muster makes do with too
 * little of it is the core's to say (`core/deadlines.ts`); here it is only told.
 */
import { bootAllowanceMs, launchBy, marginMs } from '../core/deadlines.ts';
import { settingsAt } from '../core/launch-policy.ts';
import type { Settings } from '../core/settings.ts';
import { formatDuration } from '../core/units.ts';
import type { DurationMs } from '../core/units.ts';
import type { FilesRead } from './join.ts';
import type { LaunchKeysYaml } from './launch-keys.ts';
import type { MusterYaml } from './muster-yaml.ts';
import type { Findings } from './problem.ts';
import { pathText, placeOf, yamlProblem } from './yaml-file.ts';
import type { YamlFile, YamlPath } from './yaml-file.ts';

const patiences = ['launch_patience', 'assembly_patience', 'rung_patience'] as const;

/** A level that says something of launches: the cluster, a queue or a compute resource. */
interface Level {
  /** Where its keys stand. */
  readonly path: YamlPath;
  readonly says: LaunchKeysYaml;
  /** What holds there. */
  readonly settings: Settings;
}

/** Only what the settings themselves say can be wrong here: defaults are not complained about. */
export function checkTimes(files: FilesRead, settings: Settings, findings: Findings): void {
  const { muster } = files;
  if (muster === null) return;
  for (const level of levelsOf(muster.says, settings)) {
    checkRetry(muster.yaml, level, findings);
    checkResumeTimeout(muster, level, findings);
  }
}

function levelsOf(says: MusterYaml, settings: Settings): Level[] {
  const levels: Level[] = [{ path: [], says, settings }];
  for (const [queue, ofQueue] of Object.entries(says.queues ?? {})) {
    // One that is none has an error of its own.
    if (settings.queues?.some(({ name }) => name === queue) !== true) continue;
    const path = ['queues', queue];
    const here = settingsAt(settings, { queue, computeResource: null });
    levels.push({ path, says: ofQueue, settings: here });
    for (const [computeResource, ofResource] of Object.entries(ofQueue.compute_resources ?? {})) {
      levels.push({
        path: [...path, 'compute_resources', computeResource],
        says: ofResource,
        settings: settingsAt(settings, { queue, computeResource }),
      });
    }
  }
  return levels;
}

function checkResumeTimeout(
  { file, yaml }: NonNullable<FilesRead['muster']>,
  { path, says, settings }: Level,
  findings: Findings,
): void {
  if (settings.resumeTimeoutMs === null) return;
  const isCluster = path.length === 0;
  const warn = (key: string, message: string): void => {
    const place = placeOf(yaml, [...path, key], 'key');
    findings.notices.push({ severity: 'warning', file, ...place, message });
  };
  const timeout = formatDuration(settings.resumeTimeoutMs);
  const [boot, margin] = [bootAllowanceMs(settings), marginMs(settings)];
  if (boot < settings.bootTimeMs || margin < settings.deadlineMarginMs) {
    if (!isCluster && says.boot_time === undefined) return;
    const given = `\`boot_time\` ${formatDuration(settings.bootTimeMs)} and \`deadline_margin\` ${formatDuration(settings.deadlineMarginMs)}`;
    const counted = `a boot of ${inSeconds(boot)} and a margin of ${inSeconds(margin)}`;
    const where = isCluster ? '' : ` in ${pathText(path)}`;
    warn(
      isCluster ? 'resume_timeout' : 'boot_time',
      `\`resume_timeout\` ${timeout} is short for ${given}${where}: two boots must fit, the first and its replacement, so muster counts on ${counted} instead, and takes nodes that boot longer for failed; raise ResumeTimeout in slurm.conf and say so here, or lower the other two`,
    );
    return;
  }
  const leftMs = launchBy(settings, { requestedAt: 0, places: [], wish: {} });
  for (const key of patiences) {
    const patienceMs = says[key];
    if (patienceMs === undefined || patienceMs <= leftMs) continue;
    warn(
      key,
      `\`${key}\` ${formatDuration(patienceMs)} never runs out: of \`resume_timeout\` ${timeout} a boot and the margin leave ${inSeconds(leftMs)} for launching`,
    );
  }
}

/** Shares of a timeout are seldom whole seconds. */
function inSeconds(ms: DurationMs): string {
  return formatDuration(ms < 1000 ? Math.round(ms) : Math.round(ms / 1000) * 1000);
}

function checkRetry(
  yaml: YamlFile,
  { path, says, settings: { retry } }: Level,
  findings: Findings,
): void {
  if (retry.firstMs <= retry.maxMs || (path.length > 0 && says.retry === undefined)) return;
  // One of the two stands here, for what holds above goes together.
  const key = says.retry?.first === undefined ? 'max' : 'first';
  const first = formatDuration(retry.firstMs);
  const max = formatDuration(retry.maxMs);
  const other = path.length === 0 ? ' (its default)' : ' (as it is elsewhere)';
  const [ofFirst, ofMax] = [says.retry?.first, says.retry?.max].map((value) =>
    value === undefined ? other : '',
  );
  findings.errors.push(
    yamlProblem(yaml, [...path, 'retry', key], {
      message: `\`retry.first\` ${first}${ofFirst ?? ''} is longer than \`retry.max\` ${max}${ofMax ?? ''}`,
      hint: 'the wait grows from `first` to `max`: set both, the smaller one first',
    }),
  );
}
