/**
 * Joins what the files say into the core's settings, and says in notes why it chose as it did.
 *
 * The mode is the one choice that is not a plain "who says it first wins": ParallelCluster's keys of 2020
 * (`all_or_nothing_batch`, `max_batch_size`) in a resume configuration that has neither of the keys that came
 * later (`scaling_strategy`, `job_level_scaling`) ask for the launch-batches of that time.
 */
import { basename, extname } from 'node:path';

import { defaultSettings } from '../core/settings.ts';
import type { PlanMode, Settings } from '../core/settings.ts';
import type { ClusterFile } from './cluster-file.ts';
import { checkTimes } from './deadlines.ts';
import { checkQueues, joinQueues } from './join-queues.ts';
import { launchSaid } from './launch-keys.ts';
import { checkLimits, joinLimits } from './limits.ts';
import type { MusterYaml, PlacesYaml } from './muster-yaml.ts';
import type { Findings, Located, Notice } from './problem.ts';
import type { ResumeConf } from './resume-conf.ts';
import { isClusterName, isRegion } from './values.ts';
import { placeOf, yamlProblem } from './yaml-file.ts';
import type { YamlFile } from './yaml-file.ts';

/** The environment's variables: an argument, never the process's own. */
export type Env = Readonly<Record<string, string | undefined>>;

/** What the three files say, as far as they could be read. */
export interface FilesRead {
  /** Muster's settings on where things are; null: it cannot be known what was meant. */
  readonly places: PlacesYaml | null;
  readonly muster: {
    readonly file: string;
    readonly yaml: YamlFile;
    readonly says: MusterYaml;
  } | null;
  readonly conf: ResumeConf | null;
  readonly cluster: ClusterFile | null;
}

/** Null when errors leave nothing to join. Notices and errors go to `findings`. */
export function joinSettings(files: FilesRead, env: Env, findings: Findings): Settings | null {
  checkLaunch(files, findings);
  checkQueues(files, findings);
  // What follows from a part that cannot be read is no news; errors in the other parts are.
  if (findings.errors.length === 0) return join(files, env, findings);
  join(files, env, { errors: findings.errors, notices: [] });
  return null;
}

function join(files: FilesRead, env: Env, findings: Findings): Settings {
  const { muster, conf } = files;
  const clusterName = chooseClusterName(files, findings);
  const mode = chooseMode(files, findings);
  const strategy = chooseStrategy(files);
  const firmBatches = chooseFirmBatches(files, mode);
  noteIdleKeys(files, mode, findings);
  const cluster: Settings = {
    ...defaultSettings,
    ...launchSaid(muster?.says, defaultSettings, true),
    ...chooseClusterSettings(muster?.says),
    clusterName,
    region: chooseRegion(files, env, findings),
    mode,
    scalingStrategy: strategy ?? defaultSettings.scalingStrategy,
    allOrNothingBatch: firmBatches,
    maxBatchSize:
      muster?.says.max_batch_size ?? conf?.maxBatchSize?.value ?? defaultSettings.maxBatchSize,
    terminateMaxBatchSize:
      muster?.says.terminate_max_batch_size ??
      conf?.terminateMaxBatchSize?.value ??
      defaultSettings.terminateMaxBatchSize,
    updateNodeAddress:
      muster?.says.update_node_address ??
      conf?.updateNodeAddress?.value ??
      defaultSettings.updateNodeAddress,
    limits: joinLimits(muster?.says.limits),
    prices: muster?.says.prices ?? defaultSettings.prices,
    queues: null,
  };
  const queues = joinQueues(files, cluster);
  const settings = { ...cluster, queues };
  checkTimes(files, settings, findings);
  checkLimits(files, settings, findings);
  return settings;
}

type ClusterSettings = Pick<
  Settings,
  'launchRequests' | 'launchInstances' | 'resumeTimeoutMs' | 'deadlineMarginMs'
>;

/** EC2's limits and Slurm's: only muster's own settings know these, and for the cluster alone. */
function chooseClusterSettings(says: MusterYaml | undefined): ClusterSettings {
  return {
    launchRequests: choosePace(says?.launch_requests) ?? defaultSettings.launchRequests,
    launchInstances: choosePace(says?.launch_instances) ?? defaultSettings.launchInstances,
    resumeTimeoutMs: says?.resume_timeout ?? null,
    deadlineMarginMs: says?.deadline_margin ?? defaultSettings.deadlineMarginMs,
  };
}

function choosePace(
  given: MusterYaml['launch_requests'],
): { burst: number; perSecond: number } | null {
  return given === undefined ? null : { burst: given.burst, perSecond: given.per_second };
}

/** The file that a note about the whole configuration points at. */
function mainFile(files: FilesRead): string {
  return files.muster?.file ?? files.conf?.file ?? files.cluster?.file ?? 'configuration';
}

function notice(
  files: FilesRead,
  severity: Notice['severity'],
  message: string,
  at: Located<unknown> | null = null,
): Notice {
  const file = at?.file ?? mainFile(files);
  return {
    severity,
    file,
    line: at?.position.line ?? null,
    column: at?.position.column ?? null,
    message,
  };
}

function chooseClusterName(files: FilesRead, findings: Findings): string {
  const said = files.muster?.says.cluster_name ?? files.conf?.clusterName?.value;
  if (said !== undefined) return said;
  if (files.cluster === null) {
    const name = defaultSettings.clusterName;
    const message = `no \`cluster_name\` is given: \`${name}\` is used, for the instances' tags and the launch templates' names`;
    findings.notices.push(notice(files, 'warning', message));
    return name;
  }
  const { file } = files.cluster;
  const name = nameFromFile(file);
  const message = `the cluster is named \`${name}\` after the file ${basename(file)}, since a cluster file holds no name; set \`cluster_name\` in muster.yaml if the launch templates are named otherwise`;
  findings.notices.push({ ...notice(files, 'note', message), file });
  return name;
}

function nameFromFile(file: string): string {
  const letters = basename(file, extname(file)).replaceAll(/[^a-zA-Z0-9-]+/g, '-');
  const name = letters.replace(/^[^a-zA-Z]+/, '').slice(0, 60);
  return isClusterName(name) ? name : defaultSettings.clusterName;
}

function chooseRegion(files: FilesRead, env: Env, findings: Findings): string {
  const said =
    files.muster?.says.region ?? files.conf?.region?.value ?? files.cluster?.region ?? null;
  if (said !== null) return said;
  for (const variable of ['AWS_REGION', 'AWS_DEFAULT_REGION']) {
    const region = env[variable] ?? '';
    if (isRegion(region)) return region;
  }
  const message = `no region is given: \`${defaultSettings.region}\` is used; set \`region\` in the configuration, or AWS_REGION`;
  findings.notices.push(notice(files, 'warning', message));
  return defaultSettings.region;
}

function chooseMode(files: FilesRead, findings: Findings): PlanMode {
  const said = files.muster?.says.mode;
  if (said !== undefined) return said;
  const { conf } = files;
  const jobLevel = conf?.jobLevelScaling ?? null;
  if (jobLevel !== null) {
    if (jobLevel.value) return 'job';
    const message =
      'mode node-list: `job_level_scaling` is false, so nodes are launched in launch-batches, without regard to the jobs they are for';
    findings.notices.push(notice(files, 'note', message, jobLevel));
    return 'node-list';
  }
  if (files.muster?.says.scaling_strategy !== undefined) return 'job';
  if (conf === null || conf.scalingStrategy !== null) return 'job';
  const pageKeys = pageKeysOf(files);
  const first = pageKeys[0];
  if (first === undefined) return 'job';
  const names = pageKeys.map((key) => `\`${key.key}\``).join(' and ');
  const message = `mode node-list: ${names} without \`scaling_strategy\` or \`job_level_scaling\` ask for launch-batches as in ParallelCluster 2.10; to launch every job whole instead, add \`job_level_scaling = True\``;
  findings.notices.push(notice(files, 'note', message, first));
  return 'node-list';
}

/** The keys of the 2020 page that stand in the resume configuration; `launch_max_batch_size` is a later one. */
function pageKeysOf({ conf }: FilesRead): readonly Located<unknown>[] {
  const keys: Located<unknown>[] = [];
  if (conf?.allOrNothingBatch) keys.push(conf.allOrNothingBatch);
  if (conf?.maxBatchSize?.key === 'max_batch_size') keys.push(conf.maxBatchSize);
  return keys;
}

function chooseStrategy(files: FilesRead): Settings['scalingStrategy'] | null {
  return (
    files.muster?.says.scaling_strategy ??
    files.conf?.scalingStrategy?.value ??
    files.cluster?.scalingStrategy?.value ??
    null
  );
}

/**
 * Whether launch-batches are firm. Where `all_or_nothing_batch` is not said the strategy decides, as it does in
 * ParallelCluster since 3.8; `job_level_scaling` is of that time, when the strategy's default is all-or-nothing.
 * In mode job a node list is what is left when the resume file is missing: then, too, half a job must not be paid for,
 * unless somebody asked for it. The page's own keys give the page's default, soft.
 */
function chooseFirmBatches(files: FilesRead, mode: PlanMode): boolean {
  const said = files.muster?.says.all_or_nothing_batch ?? files.conf?.allOrNothingBatch?.value;
  if (said !== undefined) return said;
  const strategy = chooseStrategy(files);
  if (strategy !== null) return strategy === 'all-or-nothing';
  if (mode === 'job') return true;
  if (files.conf?.jobLevelScaling?.value === false) return true;
  return defaultSettings.allOrNothingBatch;
}

/** Keys that the chosen mode does not look at. */
function noteIdleKeys(files: FilesRead, mode: PlanMode, findings: Findings): void {
  if (mode !== 'job') return;
  const key = files.conf?.allOrNothingBatch ?? null;
  if (key === null && files.muster?.says.all_or_nothing_batch === undefined) return;
  const message =
    '`all_or_nothing_batch` concerns launch-batches, so in mode job only nodes that belong to no job; jobs follow `scaling_strategy`';
  findings.notices.push(notice(files, 'note', message, key));
}

function checkLaunch(files: FilesRead, findings: Findings): void {
  const { muster, cluster } = files;
  const launch = muster?.says.launch;
  if (muster === null || launch === undefined) return;
  if (launch.from === 'launch-template') {
    if (launch.image_id === undefined) return;
    const message =
      '`image_id` has no effect with `from: launch-template`: the template names the image';
    findings.notices.push({
      ...notice(files, 'warning', message),
      ...placeOf(muster.yaml, ['launch', 'image_id'], 'key'),
    });
    return;
  }
  if (muster.says.cluster_config === undefined) {
    findings.errors.push(
      yamlProblem(muster.yaml, ['launch', 'from'], {
        message: '`from: instance-type` needs the instance types and subnets of a cluster file',
        hint: 'add `cluster_config: FILE`, or use `from: launch-template`',
      }),
    );
  }
  const place = placeOf(muster.yaml, ['launch', 'from'], 'key');
  if (launch.image_id === undefined) {
    const message =
      'no `image_id` is given for `from: instance-type`: EC2 refuses launches without an image';
    findings.notices.push({ ...notice(files, 'warning', message), ...place });
  }
  const queues = cluster?.fleet.queues ?? [];
  const managed = queues.flatMap((queue) =>
    queue.computeResources
      .filter((resource) => resource.managedPlacementGroup)
      .map((resource) => `${queue.name}/${resource.name}`),
  );
  if (managed.length > 0) {
    const message = `launched without a placement group, because only ParallelCluster's launch templates name the group that it makes itself: ${managed.join(', ')}; give \`PlacementGroup\` a \`Name\``;
    findings.notices.push({ ...notice(files, 'warning', message), ...place });
  }
}
